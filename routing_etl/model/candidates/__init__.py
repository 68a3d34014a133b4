"""Candidate routings for an item with the evidence for each: forest, neighbours, operation model, composition, guard.

Belongs here: collecting. Does not: deciding between candidates.
"""

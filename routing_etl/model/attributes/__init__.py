"""Item attributes as values, tokens and features, and what each of them tells.

Belongs here: reading items. Does not: routings.
"""

"""The coded routings that engineers wrote: steps, operations, sequences, and which of them are out of use.

Belongs here: reading routings. Does not: item attributes, prediction.
"""

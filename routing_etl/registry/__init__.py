"""Model versions on disk: artifacts, manifest, aliases, loader cache.

Belongs here: files, hashes, names. Does not: training.
"""

__all__ = ["artifacts", "manifest", "store", "versions"]

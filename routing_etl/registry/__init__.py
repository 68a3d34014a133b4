"""Model versions on disk: artifacts, manifest, aliases, loader cache.

What belongs here: names, files, hashes and aliases of versions. What does not: training, and the decision which version
is better (`pipeline`).
"""

__all__ = ["artifacts", "manifest", "store", "versions"]

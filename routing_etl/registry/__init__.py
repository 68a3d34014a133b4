"""Model versions on disk: artifacts, manifest, aliases, loader cache. No training."""

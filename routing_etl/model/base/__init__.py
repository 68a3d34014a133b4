"""What every sub-room of the model stands on: array helpers, threads, packed trees, boosting, parameter rules."""

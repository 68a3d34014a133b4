"""The published frames: candidates, operations, evidence, abstentions, and the words that explain them."""

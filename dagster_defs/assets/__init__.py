"""The street's products as assets, one module per group of the asset graph."""

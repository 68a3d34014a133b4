"""A plant of hydraulic cylinders, valves, pumps and gears, and its ERP with a known truth; see `__main__.py`."""

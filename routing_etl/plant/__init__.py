"""The simulated plant with its truth, and the loader of AdventureWorks.

Belongs here: making an ERP to try the product on. Does not: reading one (`erp`).
"""

__all__ = ["adventureworks", "demo"]

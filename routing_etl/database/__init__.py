"""Connections: engines for the ERP and the warehouse, error classes, SQL Server's driver and sessions.

Belongs here: what holds for any table. Does not: a query or table of ours.
"""

__all__ = ["engine", "errors", "sqlserver"]

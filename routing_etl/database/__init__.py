"""Connections: engines for the ERP and the warehouse, error classes, SQL Server's driver and sessions.

What belongs here: what holds for any table. What does not: tables, and queries on them.
"""

__all__ = ["bulk", "engine", "errors", "sqlserver"]

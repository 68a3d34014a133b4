"""Is everything in place: settings, logins, profile against catalogue, migrations, model, disk.

Belongs here: looking and saying what to do. Does not: mending, or anything that a night needs.
"""

__all__ = ["examination"]

"""Is everything in place: settings, logins, profile against catalogue, migrations, model, disk.

What belongs here: looking, and saying what to do. What does not: repairing, or anything that a night needs.
"""

__all__ = ["examination", "server", "settings_table", "source"]

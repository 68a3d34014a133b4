"""The command line: parse, call one function of `pipeline`, show the result.

Belongs here: commands, options, how results look in a terminal, exit codes. Does not: logic of the batch, SQL, frames.
"""

__all__ = ["app"]

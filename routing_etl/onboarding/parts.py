"""What a proposal consists of: a column taken for something and why, a table beside another, a section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from routing_etl.onboarding.survey import Column, Table
from routing_etl.onboarding.words import Role


@dataclass(frozen=True)
class Choice:
    """A column taken for a canonical one, and why; `coded`: its values are keys of the ERP's own list, which no word tells."""

    source: str
    column: Column
    why: str
    sure: bool = True
    coded: bool = False


@dataclass(frozen=True)
class Joined:
    """A table that a section needs beside its own: its alias, and the columns that go together; `also` is called alike in both.

    `inner`: rows without a partner do not count. `where`: columns of the table and the value that they must have. `reads`: columns that
    are attributes of items, and their names there. `pairs`: further columns that go together.
    """

    table: Table
    alias: str
    known: str
    own: str
    why: str
    inner: bool = True
    where: tuple[tuple[str, object], ...] = ()
    reads: tuple[tuple[str, str], ...] = ()
    also: str = ""
    pairs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Part:
    """A section of the profile: its table, its columns, and what it could not find.

    Parameters
    ----------
    role : str
        Section of the profile.
    table : Table
        Its table.
    why : str
        Why this table.
    columns : dict of str to Choice
        Canonical column to what was chosen for it.
    joins : tuple of Joined
        Further tables.
    notes : tuple of str
        What was seen and may matter.
    others : tuple of str
        Tables that nearly were chosen.
    keys : tuple of str
        Columns of an item master by which other tables may name an item, beside its code.
    """

    role: Role
    table: Table
    why: str
    columns: Mapping[str, Choice]
    joins: tuple[Joined, ...] = ()
    notes: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """The column that was chosen for a canonical one."""
        return self.columns[name].column

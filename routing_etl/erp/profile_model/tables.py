"""Sections that name a table: its joins, pivots and filters, and how changes are read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from routing_etl.erp.profile_model.mapped import AttributeMap, ColumnMap
from routing_etl.erp.profile_model.raw_columns import ORDER_COLUMNS, ChangeKind
from routing_etl.erp.profile_model.section import KeyProblem, Names, Section


def _pairs(value: Any) -> Any:
    if isinstance(value, (list, tuple)) and not value:
        raise KeyProblem(
            "", [], "a join without a key puts every row beside every other",
            'Write on = [["COLUMN", "COLUMN OF THE JOINED TABLE"]]; conditions with constants go into where.',
        )  # fmt: skip
    return value


#: Pairs of a column that is known already and a column of the joined table; at least one.
On = Annotated[tuple[tuple[str, str], ...], BeforeValidator(_pairs)]


Value = str | int | float | bool


class Where(Section):
    """A filter on source rows: `column op value`. Values are sent as bound parameters.

    A blank counts as NULL and NULL as a blank: `= ""` keeps both, `!= ""` neither. `!=`, `not in` and `not like` keep rows
    where the column is NULL, which is none of the values.

    Parameters
    ----------
    column : str
        Source column.
    op : str
        Operator.
    value : str or int or float or bool or list of these, optional
        What it is compared with; a list with `in` and `not in`.
    """

    column: str
    op: Literal["=", "!=", "<", "<=", ">", ">=", "in", "not in", "like", "not like", "is null", "is not null"]
    value: Value | tuple[Value, ...] | None = None

    @model_validator(mode="after")
    def _value(self) -> Where:
        if (self.value is None) != self.op.endswith("null"):
            raise ValueError("value goes with every operator but 'is null' and 'is not null'")
        if self.op in ("in", "not in") and (not isinstance(self.value, tuple) or not self.value):
            raise KeyProblem("", self.value, f"{self.op!r} needs a list", 'Write value = ["A", "B"].')
        if self.op not in ("in", "not in") and isinstance(self.value, tuple):
            raise KeyProblem("", list(self.value), f"{self.op!r} compares with one value", 'Use op = "in".')
        if self.op.endswith("like") and not isinstance(self.value, str):
            raise KeyProblem("", self.value, f"{self.op!r} needs a text with % or _")
        return self


class Join(Section):
    """Another table that the frame's columns come from.

    Parameters
    ----------
    table : str
        Table or view.
    alias : str
        Prefix of its columns: `alias.COLUMN`.
    on : tuple of (str, str)
        Pairs of a column that is known already (main table, or `alias.COLUMN`) and a column of this table.
    where : tuple of Where
        Conditions on columns of this table that say which of its rows are partners, e.g. a language. Rows of the frame without
        such a partner stay in a left join, unlike with the frame's own `where`.
    kind : {"left", "inner"}
        Whether rows without a partner stay.
    may_drop : float, optional
        Share of the rows that an inner join is meant to leave out: only more is told.
    database_schema : str or dict, optional
        Key `schema`, in place of that of `[source]`.
    """

    table: str
    alias: str
    on: On
    where: tuple[Where, ...] = ()
    kind: Literal["left", "inner"] = "left"
    may_drop: float | None = Field(None, gt=0, le=1)
    database_schema: str | dict[str, str] | None = Field(None, alias="schema")

    @model_validator(mode="after")
    def _drops_rows(self) -> Join:
        if self.may_drop is not None and self.kind != "inner":
            raise ValueError('may_drop is for a join with kind = "inner": a left join leaves no row out')
        return self


class Pivot(Section):
    """A table that holds attributes as rows of a name and a value: each name becomes a column, `alias.NAME`.

    An item without a name's row has NULL there and stays. Where an item has two different values of one name, the value is
    NULL; the extract counts and tells such names.

    Parameters
    ----------
    table : str
        Table or view.
    alias : str
        Prefix of the columns made.
    on : tuple of (str, str)
        Pairs of a column that is known already and a column of this table (or of a table in `joins`).
    name : str
        Column with the attribute's name.
    value : str
        Column with its value.
    names : dict of str to (str or int)
        Column to make, to the name that stands in the table.
    joins : tuple of Join
        Further tables that name or value come from.
    where : tuple of Where
        Which rows count.
    database_schema : str or dict, optional
        Key `schema`, in place of that of `[source]`.
    """

    table: str
    alias: str
    on: On
    name: str
    value: str
    names: dict[str, str | int] = Field(min_length=1)
    joins: tuple[Join, ...] = ()
    where: tuple[Where, ...] = ()
    database_schema: str | dict[str, str] | None = Field(None, alias="schema")


class Latest(Section):
    """Keep only the rows whose `key` is the highest of their `group`, e.g. those of the newest work order of a product.

    Only rows that pass the filters are compared. A NULL key is the lowest. Rows with equal keys stay together, so a key that is
    not unique, such as a date, needs a second column: `key = ["DAY", "ORDER_NO"]`.

    Parameters
    ----------
    group : tuple of str
        Column or columns whose equal values make a group.
    key : tuple of str
        Column, or columns in the order in which they decide.
    """

    group: Names
    key: Names


#: How far below the newest change an incremental read begins, by kind, when the profile does not say: days, numbers,
#: row versions.
OVERLAP: dict[ChangeKind, float] = {"date": 3, "number": 1000, "rowversion": 0}


class Incremental(Section):
    """Read only what changed since the last succeeded run; `incremental.py` says how, and what it cannot see.

    Parameters
    ----------
    column : str
        Change column: it grows with every insert and update of a row.
    kind : {"rowversion", "date", "number"}
        SQL Server's `rowversion`, a day or moment, or a sequence number.
    key : tuple of str
        Source columns whose values together are unique.
    overlap : float, optional
        Distance below the newest change seen that is read again: days of a date, else units. `OVERLAP` by default.
    full_every_days : int
        Every row is read this often, which finds changes that do not show in the change column.
    """

    column: str
    kind: ChangeKind
    key: Names = ()
    overlap: float | None = Field(None, ge=0)
    full_every_days: int = Field(7, ge=1, le=366)

    @property
    def distance(self) -> float:
        """The overlap, or the kind's own when the profile names none."""
        return OVERLAP[self.kind] if self.overlap is None else self.overlap


class Source(Section):
    """Where one frame's rows are.

    Parameters
    ----------
    table : str
        Table or view.
    also : tuple of str
        Further tables with the same columns, such as those of other years, whose rows are read with those of `table`.
    alias : str
        Prefix of its columns where several tables are joined.
    database_schema : str or dict, optional
        Key `schema`, in place of that of `[source]`.
    optional : bool
        The table may be absent; the frame is then empty.
    joins : tuple of Join
        Further tables.
    pivot : tuple of Pivot
        Tables that hold attributes as rows.
    where : tuple of Where
        Filters; all must hold.
    company : str, optional
        Column of the company, plant or client: it becomes part of the item and resource codes, before a `/`.
    latest : Latest, optional
        Keep only the newest rows of a group.
    incremental : Incremental, optional
        How to read changes only; without it every row is read every night.
    columns : dict of str to ColumnMap
        Canonical column to its source.
    ignore : tuple of str
        Columns that are left unread on purpose; all others that are not mapped are reported by the doctor.
    """

    table: str
    also: Names = ()
    alias: str = "main"
    database_schema: str | dict[str, str] | None = Field(None, alias="schema")
    optional: bool = False
    joins: tuple[Join, ...] = ()
    pivot: tuple[Pivot, ...] = ()
    where: tuple[Where, ...] = ()
    company: str | None = None
    latest: Latest | None = None
    incremental: Incremental | None = None
    columns: dict[str, ColumnMap] = Field(default_factory=dict)
    ignore: tuple[str, ...] = ()

    @property
    def filters(self) -> str:
        """The filters in words, '' without any."""
        said = [
            f"{w.column} {w.op}" + ("" if w.value is None else " blank" if w.value == "" else f" {w.value}")
            for w in self.where
        ]
        return "; ".join(said)


class OperationSource(Source):
    """Where the routing rows are.

    Parameters
    ----------
    order_by : tuple of str
        Columns by which the operations of a routing are ordered, where no single number does it; their place in this order
        then is the operation number: 10, 20, 30. Work results find them by `oper_no`, or by `proc_seq` as the ERP has it.
    """

    order_by: Names = Field((), max_length=len(ORDER_COLUMNS))

    @property
    def renumbers(self) -> bool:
        """Whether the place of an operation is its number, by `order_by` or by the operation that each names as the next."""
        return bool(self.order_by) or "next_oper" in self.columns


class ResourceSource(Source):
    """The master of machines and work centres. A machine that is out of use is proposed to nobody.

    Machines of one `res_group` can stand in for each other, and `alternate` names one that can stand in for this machine; a
    machine with several alternates has a row for each.

    Parameters
    ----------
    active_words : tuple of str
        Values of `active` that mean "in use".
    inactive_words : tuple of str
        Values of `active` that mean "out of use". A value in neither list is counted, and the machine taken as in use.
    """

    active_words: tuple[str, ...] = ("1", "Y", "YES", "TRUE", "X", "ACTIVE")
    inactive_words: tuple[str, ...] = ("0", "N", "NO", "FALSE", "INACTIVE")


class Outlier(Section):
    """A size beyond `factor` times the median of its group `by` becomes NULL, in groups of at least `min_rows` sizes."""

    by: str
    factor: float = Field(gt=1)
    min_rows: int = Field(50, ge=5)


class ItemSource(Source):
    """The item master, and the rules for its values.

    Parameters
    ----------
    attributes : dict of str to AttributeMap
        The item attributes, by the name that the model and people see.
    null_words : tuple of str
        Whole values that mean NULL, in any case.
    zero_is_missing : bool
        Numbers: 0 means "not entered".
    marks : dict of str to str
        Mark to the text that people write for it: `DEL = "(DEL)"`. The text is removed and the mark noted.
    mark_columns : tuple of str
        Attributes in which marks are looked for.
    exclude_marks : tuple of str
        Marks that keep an item out of the training.
    on_key_collision : {"reject", "error"}
        What to do with two codes that are equal after trimming.
    on_repeated_code : {"stop", "reject"}
        What to do when many codes occur in rows of different content: stop, or keep the row with most values of each.
    outlier : Outlier, optional
        Which sizes are too large to be true.
    not_above : tuple of (str, str)
        Pairs of attributes of which the first may not exceed the second.
    on_not_above : {"null_first", "null_both", "swap", "keep"}
        What to do when it does.
    """

    attributes: dict[str, AttributeMap] = Field(default_factory=dict)
    null_words: tuple[str, ...] = ()
    zero_is_missing: bool = True
    marks: dict[str, str] = Field(default_factory=dict)
    mark_columns: tuple[str, ...] = ()
    exclude_marks: tuple[str, ...] = ()
    on_key_collision: Literal["reject", "error"] = "reject"
    on_repeated_code: Literal["stop", "reject"] = "stop"
    outlier: Outlier | None = None
    not_above: tuple[tuple[str, str], ...] = ()
    on_not_above: Literal["null_first", "null_both", "swap", "keep"] = "null_first"

"""Where the value of a column or an attribute comes from, and how it is written."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from routing_etl.erp.profile_model.section import KeyProblem, Names, OneName, Section
from routing_etl.frames import AttributeKind

#: How a time of day or a duration is written as text.
TimeForm = Literal["hh:mm:ss", "hh:mm", "mm:ss", "hhmmss", "d.hh:mm:ss", "iso", "unit", "h.mm"]


Combination = Literal["first_of", "coalesce", "concat", "sum"]


class Mapped(Section):
    """What a column and an attribute have in common: where the value comes from, and how it is written.

    Exactly one of `column`, `first_of`, `coalesce`, `concat` and `sum` says where it comes from (of a column also `const`). A
    name may carry the alias of a joined table, `product.Name`; `"product"."No."` and `[product].[No.]` are quoted names.

    Parameters
    ----------
    column : tuple of str
        Source column.
    first_of : tuple of str
        Columns of which the first that the database has is read.
    coalesce : tuple of str
        Columns of which, in each row, the first that is neither NULL nor blank counts.
    concat : tuple of str
        Columns whose texts together are the value, e.g. a key of two columns. Where one is NULL or blank, so is the whole;
        these rows are counted.
    sum : tuple of str
        Columns of numbers that are added; NULL where all are.
    separator : str
        Between the texts of `concat`.
    map : dict of str to str
        Value, trimmed, to the value that is meant: `{ FRAES = "MILL" }`. Others stay as they are.
    present : str, optional
        What any value means that is not blank: a vendor number means `"out"`.
    absent : str, optional
        What a blank means, beside `present`.
    optional : bool
        The columns may be absent from the database; the value is then NULL.
    integer_code : bool
        The code is an integer in this database, so it has no leading zeros to lose.
    decimal : {".", ","}, optional
        Decimal mark of numbers in text, in place of that of `[source]`.
    """

    column: OneName = ()
    first_of: Names = ()
    coalesce: Names = ()
    concat: Names = ()
    sum: Names = ()
    separator: str = "/"
    map: dict[str, str] = Field(default_factory=dict)
    present: str | None = None
    absent: str | None = None
    optional: bool = False
    integer_code: bool = False
    decimal: Literal[".", ","] | None = None

    @property
    def how(self) -> Combination:
        """How the named columns make the value; one column is `first_of` itself."""
        for how in ("coalesce", "concat", "sum"):
            if getattr(self, how):
                return how  # type: ignore[return-value]
        return "first_of"

    @property
    def names(self) -> tuple[str, ...]:
        """Every source column named."""
        return self.column or self.first_of or self.coalesce or self.concat or self.sum

    @model_validator(mode="after")
    def _rules(self) -> Mapped:
        said = [k for k in ("column", "first_of", "coalesce", "concat", "sum") if getattr(self, k)]
        if len(said) > 1:
            raise KeyProblem("", ", ".join(said), "only one of these keys can say where the value comes from")
        if self.absent is not None and self.present is None:
            raise KeyProblem(
                "", f"absent = {self.absent!r}", "absent goes with present", 'Add present = "...".'
            )
        if self.present is not None and self.map:
            raise KeyProblem("", "present, map", "give either map or present")
        return self


class ColumnMap(Mapped):
    """Where a canonical column comes from; a plain string in TOML means `{ column = "..." }`. See also `Mapped`.

    Parameters
    ----------
    const : str or int or float, optional
        A constant in place of a column.
    length : int, optional
        Longest text, in place of that of `RAW_COLUMNS`.
    date_format : str, optional
        How dates in text are written, in place of that of `[source]`.
    time_form : {"hh:mm:ss", "hh:mm", "mm:ss", "hhmmss", "d.hh:mm:ss", "iso", "unit", "h.mm"}, optional
        The time is a text of this form, or a number of which 1.30 is an hour and 30 minutes (`h.mm`); it is read in minutes,
        whatever the row's unit says.
    natural : bool
        The operation number is a text such as 10, 10.5 or 20A, and orders as people read it.
    """

    const: str | int | float | None = None
    length: int | None = Field(None, ge=1, le=4000)
    date_format: str | None = None
    time_form: TimeForm | None = None
    natural: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, (str, list, tuple)) else value

    @model_validator(mode="after")
    def _one_source(self) -> ColumnMap:
        if bool(self.names) == (self.const is not None):
            raise ValueError("give either const, or one of column, first_of, coalesce, concat and sum")
        return self

    @property
    def source(self) -> str:
        """The mapping in words, for messages."""
        return "/".join(self.names) or f"constant {self.const!r}"


class AttributeMap(Mapped):
    """One item attribute: its column, what kind of value it is, and which values mean "missing". See also `Mapped`.

    Parameters
    ----------
    kind : {"category", "code", "text", "number"}
        One of few words, a structured code, free text, or a number.
    length : int
        Longest text.
    null_words : tuple of str, optional
        Whole values that mean NULL, in place of the list of `[items]`.
    placeholder_words : tuple of str
        Whole values that stand for "unknown": they become NULL and are flagged in the items' column `placeholders`.
    placeholder_values : tuple of float
        The same for numbers.
    zero_is_missing : bool, optional
        Whether 0 means "not entered", in place of the rule of `[items]`.
    upper : bool
        Turn the text into upper case.
    right_trim : str
        Characters cut off the end of the text.
    unit : str
        Unit that values are converted to.
    unit_column : str, optional
        Source column that says which unit each row is in.
    unit_group : str
        Key of `units.blank_default`: what a blank unit means. Without `unit_column` it is the unit of every value.
    weight : float
        How much the attribute counts in the similarity of items, on top of what the model learns; 0 switches it off.
    """

    kind: AttributeKind
    length: int = Field(100, ge=1, le=4000)
    null_words: tuple[str, ...] | None = None
    placeholder_words: tuple[str, ...] = ()
    placeholder_values: tuple[float, ...] = ()
    zero_is_missing: bool | None = None
    upper: bool = False
    right_trim: str = ""
    unit: str = ""
    unit_column: str | None = None
    unit_group: str = ""
    weight: float = Field(1.0, ge=0, le=1e6)

    @model_validator(mode="after")
    def _consistent(self) -> AttributeMap:
        if not self.names:
            raise ValueError("give one of column, first_of, coalesce, concat and sum")
        if self.kind == "number" and (self.concat or self.map or self.present is not None):
            raise ValueError("concat, map and present make texts; a number cannot be made by them")
        if self.kind != "number" and (self.converted or self.unit or self.placeholder_values):
            raise ValueError('unit, unit_column, unit_group and placeholder_values need kind = "number"')
        if self.converted and not self.unit:
            raise ValueError("unit_column and unit_group need unit, the unit that values are converted to")
        return self

    @property
    def converted(self) -> bool:
        """Whether values come in a unit of their own, each row's or one for all, and are converted to `unit`."""
        return self.unit_column is not None or bool(self.unit_group)

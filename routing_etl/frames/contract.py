"""What a frame is: columns with dtype, unit and meaning, and the check that a frame of data keeps to them.

Belongs here: the mechanism. Does not: a particular frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from routing_etl.errors import FrameError

#: Dtypes of columns.
STR, F64 = pl.String(), pl.Float64()

I16, I32, I64, U64, BOOL, DATE = pl.Int16(), pl.Int32(), pl.Int64(), pl.UInt64(), pl.Boolean(), pl.Date()

DATETIME = pl.Datetime("us")


@dataclass(frozen=True)
class Column:
    """One column: name, Polars dtype, unit, meaning, and whether NULL is allowed."""

    name: str
    dtype: pl.DataType
    meaning: str
    unit: str = ""
    nullable: bool = True
    max_length: int | None = None


@dataclass(frozen=True)
class Frame:
    """The contract of a named frame. An `open` frame may carry more columns than listed (item attributes)."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    open: bool = False

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [c.name for c in self.columns]

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Column name to Polars dtype, in order."""
        return {c.name: c.dtype for c in self.columns}

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def empty(self) -> pl.DataFrame:
        """A frame without rows, with the contract's columns and dtypes."""
        return pl.DataFrame(schema=self.schema)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Bring a frame into its contract's shape.

        Missing nullable columns are added as NULL, columns are cast and ordered; other columns stay in an
        open frame only.

        Raises
        ------
        FrameError
            A non-nullable column is missing or holds NULL, or a cast is impossible.
        """
        if not self.open and dict(frame.schema) == self.schema and frame.columns == self.names:
            self.validate(frame)
            return frame
        missing = [c for c in self.columns if c.name not in frame.columns]
        required = [c.name for c in missing if not c.nullable]
        if required:
            raise FrameError(
                f"Frame {self.name} lacks column(s) {', '.join(required)}; it has {', '.join(frame.columns)}.",
                remedy="The step that makes this frame must fill every column that is not nullable.",
            )
        frame = frame.with_columns([pl.lit(None, dtype=c.dtype).alias(c.name) for c in missing])
        extra = [n for n in frame.columns if n not in self.schema] if self.open else []
        try:
            frame = frame.select(
                [pl.col(c.name).cast(c.dtype) for c in self.columns] + [pl.col(n) for n in extra]
            )
        except pl.exceptions.PolarsError as exc:
            raise FrameError(
                f"Frame {self.name} does not fit its contract: {exc}.", remedy="Cast before handing it over."
            ) from exc
        self.validate(frame)
        return frame

    def validate(self, frame: pl.DataFrame | pl.LazyFrame) -> None:
        """Check names, dtypes and, in an eager frame, that columns without NULLs have none.

        Raises
        ------
        FrameError
            A column breaks the contract; names the frame, the column, what it is and what it must be.
        """
        schema = frame.collect_schema()
        for column in self.columns:
            if column.name not in schema:
                raise FrameError(
                    f"Frame {self.name} lacks column {column.name} ({column.dtype}).",
                    remedy="Another version of the product has made it, or another program. Make it again: routing-etl run",
                )
            if schema[column.name] != column.dtype:
                raise FrameError(
                    f"Frame {self.name}: column {column.name} is {schema[column.name]}, must be {column.dtype}.",
                    remedy="Another version of the product has made it, or another program. Make it again: routing-etl run",
                )
        if isinstance(frame, pl.DataFrame):
            nulls = {values.name: values.null_count() for values in frame.get_columns()}
            for column in self.columns:
                if not column.nullable and nulls[column.name]:
                    raise FrameError(
                        f"Frame {self.name}: column {column.name} holds {nulls[column.name]} NULL(s) but allows none.",
                        remedy="Reject such rows with a reason where they arise.",
                    )

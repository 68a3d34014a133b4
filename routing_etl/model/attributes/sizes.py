"""Sizes that stand in texts: which number of a text is which size, in which unit, learned where the column is filled too.

`OD120 X 35T`, `Ø120X35` and `4-3/4" X 1-3/8"` say the outer diameter and the thickness, if they do. Nobody tells the model: where a
text has an expression of this form and a column of numbers is filled, both can be compared. A reading - the form, the place in
it, the column, the factor between the units - is used only if it agrees on rows that it was not chosen on. It fills the
column of items that have none, and never replaces what is there.

A weight names its quantity by its unit, so it is read without such rows too (`weights`), unless those that there are contradict.

A code that says something, `TU120-0460-3809`, is one expression from end to end, and its runs of digits are whole numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import polars as pl

from routing_etl.frames import MAX_SOURCE
from routing_etl.model.attributes.expressions import KEY, LARGEST, SMALLEST, number_in, numbers_of, values
from routing_etl.model.attributes.weights import weight_of, weights
from routing_etl.model.base.arrays import Floats

#: What a number of a text can be multiplied by to be in the unit of the column: the same unit, inches in millimetres and the
#: other way round, centimetres.
_FACTORS = (1.0, 25.4, 1 / 25.4, 10.0)
#: A reading must agree on so large a share of the rows, and so much of the way from chance to all of them: lower ends of the
#: 95 % interval. With every row agreeing that takes 35 rows.
_LEAST_AGREEMENT, _LEAST_BEYOND_CHANCE, _Z = 0.9, 0.8, 1.96
#: Distinct pairs of a number and a size that are enough to look at a reading; most forms of a text that are looked at.
_LEAST_PAIRS, _MOST_FORMS = 20, 400
#: A form that all texts together prove is read in a text with so many pairs of its own, of which so large a share agrees.
_LEAST_OWN, _OWN_AGREEMENT = 5, 0.9
#: A number that agrees with two sizes, neither by this more often, is read as the second too if so large a share of the items have it as
#: have the first.
_AS_OFTEN, _AS_MANY = 0.02, 0.8
#: A size of few values, such as a thickness of sheets, is looked at by texts in place of pairs: fewest numbers, and the least mean
#: share of the texts of a number that agrees, so that no one number decides.
_LEAST_NUMBERS, _LEAST_OF_EACH = 5, 0.8
#: Most rows that readings are learned from.
MOST_READ = 60_000
#: A size is rounded to this share of itself wherever it is written.
_ROUNDED = 0.0005
#: A size beyond nearly all that the column has, by more than this factor, is not taken.
_USUAL, _BEYOND = (0.005, 0.995), 2.0
#: A reading that is rounded to more than this share of the size, half of the pairs, tells too little to fill a column.
_ROUGH = 0.03
#: A weight by its unit: the share of texts whose weight must be within what the column has, and by how much their medians may differ.
_LEAST_USUAL, _LIKE = 0.9, 3.0
#: Readings of an attribute that the notes show.
_SHOWN = 3
_COMPARED = ("row", "attribute", "text_attribute", "size", "column_value")
_NONE_COMPARED = pl.DataFrame(
    schema=dict(zip(_COMPARED, (pl.UInt32, pl.String, pl.String, pl.Float64, pl.Float64), strict=True))
    | {"contradicts": pl.Boolean}
)


@dataclass(frozen=True)
class Reading:
    """One way in which a text tells a size.

    Attributes
    ----------
    attribute : str
        Text attribute.
    form : str
        Form of the expression, a 9 for every number.
    place : int
        Which of its numbers, from 0; 10 and 11: the smallest and the largest of three and more.
    measure : str
        Attribute that the number is a value of.
    factor : float
        Number times factor is in the attribute's unit.
    pairs : int
        Distinct pairs of a number and a size that it was tested on; of a size of few values distinct texts.
    agreed : int
        Of them, how many agree.
    least : float
        Lower end of the 95 % interval of the share that agrees.
    rounded : float
        By how much what is written is off at most, in the attribute's unit: the median of the pairs.
    together : bool
        It is proved by all texts together that have the form; `least` is of these.
    """

    attribute: str
    form: str
    place: int
    measure: str
    factor: float
    pairs: int
    agreed: int
    least: float
    rounded: float
    together: bool = False

    def told(self) -> str:
        """Words for the model's notes."""
        if " " in self.form:
            return (
                f"the number before {self.form[2:]} in {self.attribute} (by its unit; where both are filled it agrees in {self.agreed} of "
                f"{self.pairs} cases)"
            )
        unit = "" if self.factor == 1.0 else f" times {self.factor:.4g}"
        which = {SMALLEST: "the smallest number", LARGEST: "the largest number"}
        where = " of all texts" if self.together else ""
        return (
            f"{which.get(self.place, f'number {self.place + 1}')}{unit} of {self.form!r} in {self.attribute} (agrees to {self.rounded:.2g} in {self.agreed} of"
            f" {self.pairs} cases where both are filled, in at least {100 * self.least:.0f} %{where})"
        )


@dataclass
class SizeReader:
    """Learns which numbers of texts are which sizes, and reads them.

    Attributes
    ----------
    readings : list of Reading
        What may be used, the surest first.
    bounds : dict of str to (float, float)
        Smallest and largest size that is taken.
    codes : frozenset of str
        Attributes that are codes.
    """

    readings: list[Reading] = field(default_factory=list)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    codes: frozenset[str] = frozenset()

    @property
    def measures(self) -> list[str]:
        """Attributes that can be read from a text."""
        return list(dict.fromkeys(r.measure for r in self.readings))

    def told(self) -> list[str]:
        """Sentences for the model's notes, one per attribute that can be read."""
        sentences = []
        for name in self.measures:
            own = [r for r in self.readings if r.measure == name]
            more = f", and {len(own) - _SHOWN} further forms" if len(own) > _SHOWN else ""
            forms = "; ".join(r.told() for r in own[:_SHOWN])
            sentences.append(f"Where {name} is missing, it is read from texts and codes: {forms}{more}.")
        return sentences

    def fit(
        self,
        texts: pl.DataFrame,
        numbers: pl.DataFrame,
        codes: Collection[str] = (),
        units: Mapping[str, str] = MappingProxyType({}),
    ) -> SizeReader:
        """Find the readings that agree with the columns.

        Parameters
        ----------
        texts : polars.DataFrame
            Normalised texts, a column per attribute.
        numbers : polars.DataFrame
            The columns of numbers, NULL where a size is missing, of the same items.
        codes : collection of str, optional
            The attributes that are codes.
        units : mapping of str to str, optional
            Column of numbers -> its unit.
        """
        self.readings, self.bounds, self.codes = [], {}, frozenset(codes)
        if not texts.width or not numbers.width:
            return self
        step = -(-texts.height // MOST_READ)
        numbers = numbers.gather_every(step).select(pl.all().cast(pl.Float64))
        found = numbers_of(texts.gather_every(step), texts.columns, self.codes)
        is_code = pl.col("attribute").is_in(self.codes)
        forms = (
            found.group_by(KEY).len().with_columns(all=pl.col("len").sum().over(~is_code, "form", "place"))
        )
        enough = pl.when(is_code).then("len").otherwise("all") >= _LEAST_PAIRS
        forms = forms.filter(enough, pl.col("len") >= _LEAST_OWN)
        forms = forms.sort("len", *KEY, descending=[True, False, False, False])
        forms = pl.concat(forms.filter(kind).head(_MOST_FORMS) for kind in (~is_code, is_code))
        found = found.join(forms.select(KEY), on=KEY, how="semi")
        found = found.with_columns(_whole_texts(texts.gather_every(step), found))
        rows = []
        for name in numbers.columns:
            pairs = found.with_columns(size=numbers[name].gather(found["row"])).drop_nulls("size")
            pairs = pairs.filter(pl.col("size").is_finite() & (pl.col("size") != 0))
            own = _tested(pairs, name)
            own += _tested_by_texts(pairs, name, own)
            self.readings += [*own, *_tested_together(pairs.filter(~is_code), name, own)]
            rows.append(pairs.group_by(KEY).len("rows").with_columns(measure=pl.lit(name)))
        self.readings = _meant(self.readings, pl.concat(rows))
        texts = texts.gather_every(step).drop(self.codes, strict=False)
        self.readings.sort(key=lambda r: (-r.least, r.measure))
        self.readings += _weights_read(texts, numbers, units)
        for name in self.measures:
            low, high = (float(numbers[name].quantile(q) or 0.0) for q in _USUAL)
            self.bounds[name] = (low / _BEYOND, high * _BEYOND)
        return self

    def filled(self, texts: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
        """The columns of numbers with missing sizes from texts.

        Parameters
        ----------
        texts : polars.DataFrame
            Normalised texts.
        numbers : polars.DataFrame
            Columns of numbers of the same items, those that can be read among them.
        """
        made = []
        for name in self.measures:
            column = _credible(numbers[name])
            missing = column.is_null()
            if missing.any():
                own = [r for r in self.readings if r.measure == name]
                read = self._read(texts.filter(missing), own)
                rows = missing.arg_true().gather(read["row"])
                made.append(column.scatter(rows, read["size"]).alias(name))
        return numbers.with_columns(made)

    def compared(self, texts: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
        """The sizes that texts tell, beside those of the columns.

        Parameters
        ----------
        texts : polars.DataFrame
            Normalised texts.
        numbers : polars.DataFrame
            Columns of numbers of the same items.

        Returns
        -------
        polars.DataFrame
            A row per size that a text tells: `row`, `attribute`, `text_attribute`, `size`, `column_value` (NULL: the column is
            empty, and the size is used) and `contradicts`, whether the column has another size.
        """
        parts = []
        for name in self.measures:
            read = self._read(texts, [r for r in self.readings if r.measure == name])
            column = _credible(numbers[name]).gather(read["row"])
            read = read.with_columns(attribute=pl.lit(name), column_value=column)
            off = (pl.col("size") - pl.col("column_value")).abs()
            close = off <= pl.col("rounded") + _ROUNDED * pl.col("column_value").abs() + 1e-9
            parts.append(read.select(*_COMPARED, contradicts=(~close).fill_null(False)))
        return pl.concat(parts) if parts else _NONE_COMPARED

    def read_few(
        self, texts: Mapping[str, Sequence[str | None]], name: str, missing: Sequence[int]
    ) -> dict[int, float]:
        """Sizes of a few items, text by text, by the item's place.

        Parameters
        ----------
        texts : mapping of str to sequence of str
            Attribute -> normalised text of every item.
        name : str
            Attribute that is missing.
        missing : sequence of int
            The items.
        """
        own = [r for r in self.readings if r.measure == name]
        low, high = self.bounds.get(name, (0.0, 0.0))
        found: dict[int, float] = {}
        for row in missing:
            for reading in own:
                text, is_code = texts[reading.attribute][row], reading.attribute in self.codes
                number = None if text is None else number_in(text, reading.form, reading.place, is_code)
                if number is not None and low <= number * reading.factor <= high:
                    found[row] = number * reading.factor
                    break
        if any(" " in r.form for r in own):
            left = [row for row in missing if row not in found]
            here = pl.DataFrame(
                {r.attribute: pl.Series([texts[r.attribute][i] for i in left], dtype=pl.String) for r in own}
            )
            read = self._read(here, [r for r in own if " " in r.form])
            found |= {left[row]: size for row, size in read.select("row", "size").iter_rows()}
        return found

    def _read(self, texts: pl.DataFrame, own: Sequence[Reading]) -> pl.DataFrame:
        """Row, size and rounding by the surest reading of each row that has one."""
        table = pl.DataFrame(
            {"attribute": [r.attribute for r in own], "form": [r.form for r in own], "place": [r.place for r in own],
             "factor": [r.factor for r in own], "rank": range(len(own))},
            schema_overrides={"place": pl.Int64, "rank": pl.Int64},
        )  # fmt: skip
        found = numbers_of(texts, list(dict.fromkeys(r.attribute for r in own)), self.codes)
        if any(" " in r.form for r in own):
            named = [n for n in texts.columns if any(r.attribute == n and " " in r.form for r in own)]
            found = pl.concat([found, _weights_of(texts.select(named)).drop("grams_of")])
        low, high = self.bounds[own[0].measure]
        return (
            found.join(table, on=KEY)
            .with_columns(
                size=pl.col("number") * pl.col("factor"), rounded=pl.col("rounded") * pl.col("factor")
            )
            .filter(pl.col("size").is_between(low, high))
            .sort("row", "rank")
            .unique("row", keep="first", maintain_order=True)
            .select("row", "size", "rounded", text_attribute="attribute")
        )


def _credible(column: pl.Series) -> pl.Series:
    """The column, NULL where it holds no number that the source can have."""
    values = column.cast(pl.Float64)
    return pl.select(pl.when(values.abs() <= MAX_SOURCE).then(values)).to_series().alias(column.name)


def _whole_texts(texts: pl.DataFrame, found: pl.DataFrame) -> pl.Series:
    """A hash of the text that each number stands in."""
    whole = texts.with_row_index("row").unpivot(index="row", variable_name="attribute", value_name="whole")
    joined = found.select("row", "attribute").join(
        whole, on=["row", "attribute"], how="left", maintain_order="left"
    )
    return joined["whole"].hash(seed=2).alias("whole")


def _weights_of(texts: pl.DataFrame) -> pl.DataFrame:
    """The weights of texts, as `numbers_of`, with the grams of their units."""
    read = weights(texts)
    read = read.with_columns(values(read["text"])).with_columns(place=pl.lit(0, dtype=pl.Int64))
    read = read.select("row", "attribute", "form", "place", "number", "rounded", "grams_of").drop_nulls()
    return read.unique(("row", *KEY), keep="first", maintain_order=True)


def _weights_read(texts: pl.DataFrame, numbers: pl.DataFrame, units: Mapping[str, str]) -> list[Reading]:
    """The forms in which texts tell the one attribute that is a weight, where their weights are like those of its column."""
    own = weight_of({n: units.get(n, "") for n in numbers.columns})
    if own is None or numbers[own[0]].count() < _LEAST_PAIRS:
        return []
    name, grams = own
    column = numbers[name]
    low, high = (float(column.quantile(q) or 0.0) for q in _USUAL)
    middle = float(column.drop_nulls().median() or 0.0)  # type: ignore[arg-type]
    found = _weights_of(texts).with_columns(factor=pl.col("grams_of") / grams)
    found = found.with_columns(size=column.gather(found["row"]), told=pl.col("number") * pl.col("factor"))
    off = (pl.col("told") - pl.col("size")).abs()
    close = off <= pl.col("rounded") * pl.col("factor") + _ROUNDED * pl.col("size").abs() + 1e-9
    forms = found.group_by("attribute", "form").agg(
        pl.col("factor").first(),
        rows=pl.len(),
        pairs=pl.col("size").count(),
        agreed=close.sum(),
        usual=pl.col("told").is_between(low / _BEYOND, high * _BEYOND).mean(),
        middle=pl.col("told").median(),
        rounded=(pl.col("rounded") * pl.col("factor")).median(),
    )
    agreement = pl.col("agreed").sum().over("attribute") >= _LEAST_AGREEMENT * pl.col("pairs").sum().over(
        "attribute"
    )
    like = pl.col("middle").is_between(middle / _LIKE, middle * _LIKE) & (pl.col("usual") >= _LEAST_USUAL)
    forms = forms.filter(like & agreement & (pl.col("rows") >= _LEAST_PAIRS)).sort(
        "rows", "attribute", "form", descending=[True, False, False]
    )
    return [
        Reading(r["attribute"], r["form"], 0, name, r["factor"], r["pairs"], r["agreed"], 0.0, r["rounded"])
        for r in forms.to_dicts()
    ]


def _tested(pairs: pl.DataFrame, name: str) -> list[Reading]:
    """The readings of one column of numbers that agree with it on pairs that they were not chosen on.

    A pair of a number and a size counts once, however many items have it. The factor is chosen on one half and tested on the
    other, and the other way round; both must choose the same.
    """
    pairs = pairs.unique((*KEY, "number", "size"), keep="first", maintain_order=True)
    return _agreeing(pairs, pl.struct("number", "size").hash(seed=1), name)


def _tested_together(pairs: pl.DataFrame, name: str, known: Sequence[Reading]) -> list[Reading]:
    """The readings of forms that stand in several texts, too rarely in each.

    A notation is the plant's, in whatever text it stands: all texts together prove it, and each in which it is read must have a few
    pairs of its own that agree.

    Parameters
    ----------
    pairs : polars.DataFrame
        Numbers of texts beside sizes.
    name : str
        Attribute that the sizes are of.
    known : sequence of Reading
        What single texts told already.
    """
    proved = _tested(pairs.with_columns(attribute=pl.lit("")), name)
    table = pl.DataFrame(
        [(r.form, r.place, r.factor, r.least) for r in proved],
        schema={"form": pl.String, "place": pl.Int64, "factor": pl.Float64, "least": pl.Float64},
        orient="row",
    )
    pairs = pairs.unique((*KEY, "number", "size"), keep="first", maintain_order=True)
    own = (
        pairs.join(table, on=["form", "place"], maintain_order="left")
        .join(_keys_of(known), on=KEY, how="anti", maintain_order="left")
        .group_by(*KEY, "factor", "least", maintain_order=True)
        .agg(
            n=pl.len(),
            agreed=_agrees("size", pl.col("factor")).sum(),
            rounded=(pl.col("rounded") * pl.col("factor")).median(),
        )
        .filter(pl.col("n") >= _LEAST_OWN, pl.col("agreed") >= _OWN_AGREEMENT * pl.col("n"))
    )
    return _readings(own, name, together=True)


def _meant(readings: list[Reading], rows: pl.DataFrame) -> list[Reading]:
    """The readings of what a number means: of two sizes that it agrees with alike, the one that more of its items have.

    A diameter that is a seal's size where there is a seal is a diameter on all items. Both are read if as many have the other. A size that it
    agrees with more often is what it means, however few items have that one in its column.

    Parameters
    ----------
    readings : list of Reading
        All that agree.
    rows : polars.DataFrame
        Attribute, form, place, `measure` and the `rows` in which its column is filled.
    """
    keys = [*KEY, "measure"]
    table = _keys_of(readings).with_columns(
        measure=pl.Series([r.measure for r in readings], dtype=pl.String),
        share=pl.Series([r.agreed / r.pairs for r in readings], dtype=pl.Float64),
    )
    counted = table.join(rows, on=keys, how="left", maintain_order="left")
    alike = pl.col("share") >= pl.col("share").max().over(KEY) - _AS_OFTEN
    most = pl.when(alike).then("rows").max().over(KEY)
    kept = counted.select(alike & (pl.col("rows") >= _AS_MANY * most)).to_series()
    return [reading for reading, keep in zip(readings, kept, strict=True) if keep]


def _keys_of(readings: Sequence[Reading]) -> pl.DataFrame:
    """Attribute, form and place of readings."""
    return pl.DataFrame(
        [(r.attribute, r.form, r.place) for r in readings],
        schema=dict(zip(KEY, (pl.String, pl.String, pl.Int64), strict=True)),
        orient="row",
    )


def _tested_by_texts(pairs: pl.DataFrame, name: str, known: Sequence[Reading]) -> list[Reading]:
    """The readings of a size of few values, which has too few pairs: each text counts once, and each number alike.

    The number must be the size exactly: between few values rounding would tell too little.

    Parameters
    ----------
    pairs : polars.DataFrame
        Numbers beside sizes.
    name : str
        Attribute that the sizes are of.
    known : sequence of Reading
        What pairs told already.
    """
    pairs = pairs.join(_keys_of(known), on=KEY, how="anti", maintain_order="left")
    pairs = pairs.unique((*KEY, "whole", "number", "size"), keep="first", maintain_order=True)
    pairs = pairs.filter(pl.col("number").n_unique().over(KEY) >= _LEAST_NUMBERS)
    pairs = pairs.with_columns(rounded=pl.lit(0.0))
    found = []
    for reading in _agreeing(pairs, pl.col("whole"), name):
        mine = pairs.filter(*(pl.col(k) == getattr(reading, k) for k in KEY))
        each = mine.group_by("number").agg(_agrees("size", reading.factor).mean().alias("share"))
        if float(each["share"].mean() or 0.0) >= _LEAST_OF_EACH:  # type: ignore[arg-type]
            found.append(reading)
    return found


def _agreeing(pairs: pl.DataFrame, of_half: pl.Expr, name: str) -> list[Reading]:
    """The readings that agree with the sizes on rows that their factors were not chosen on."""
    pairs = pairs.with_columns(n=pl.len().over(KEY)).filter(pl.col("n") >= _LEAST_PAIRS)
    if not pairs.height:
        return []
    half = (of_half % 2).alias("half")
    other = (
        pl.col("size").gather((pl.int_range(pl.len()) + pl.len() // 2) % pl.len()).over(KEY).alias("other")
    )
    pairs = pairs.with_columns(half, other)
    tests = pl.concat(
        pairs.group_by(*KEY, "half").agg(
            factor=pl.lit(factor),
            n=pl.len(),
            agreed=_agrees("size", factor).sum(),
            rounded=(pl.col("rounded") * factor).median(),
            rough=(pl.col("rounded") * factor / pl.col("size").abs()).median(),
            chance=_agrees("other", factor).sum(),
        )
        for factor in _FACTORS
    )
    best = tests.sort(*KEY, "half", "agreed", "factor", descending=[False] * 4 + [True, False])
    best = best.unique((*KEY, "half"), keep="first", maintain_order=True)
    chosen = best.group_by(*KEY, maintain_order=True).agg(
        pl.col("factor").first(), same=pl.col("factor").n_unique() == 1, halves=pl.len(), n=pl.col("n").sum(),
        agreed=pl.col("agreed").sum(), rounded=pl.col("rounded").max(), rough=pl.col("rough").max(), chance=pl.col("chance").sum() / pl.col("n").sum(),
    )  # fmt: skip
    least = _lowest(chosen["agreed"].to_numpy(), chosen["n"].to_numpy())
    beyond = (least - chosen["chance"].to_numpy()) / np.maximum(1 - chosen["chance"].to_numpy(), 1e-9)
    chosen = chosen.with_columns(least=pl.Series(least), beyond=pl.Series(beyond)).filter(
        pl.col("same")
        & (pl.col("halves") == 2)
        & (pl.col("least") >= _LEAST_AGREEMENT)
        & (pl.col("beyond") >= _LEAST_BEYOND_CHANCE)
        & (pl.col("rough") <= _ROUGH)
    )
    return _readings(chosen, name)


def _readings(found: pl.DataFrame, name: str, *, together: bool = False) -> list[Reading]:
    """A reading for every row of tests that were passed."""
    own = ("factor", "agreed", "least", "rounded")
    columns = found.select(*KEY, *own, measure=pl.lit(name), pairs="n", together=pl.lit(together))
    return [Reading(**row) for row in columns.to_dicts()]


def _agrees(size: str, factor: float | pl.Expr) -> pl.Expr:
    """Whether the number, in the column's unit, is the size but for rounding."""
    off = (pl.col("number") * factor - pl.col(size)).abs()
    return off <= pl.col("rounded") * factor + _ROUNDED * pl.col(size).abs() + 1e-9


def _lowest(agreed: Floats, n: Floats) -> Floats:
    """Lower end of the 95 % interval of a share (Wilson)."""
    share, z2 = agreed / n, _Z**2
    middle = share + z2 / (2 * n)
    spread = _Z * np.sqrt(share * (1 - share) / n + z2 / (4 * n**2))
    lowest: Floats = (middle - spread) / (1 + z2 / n)
    return lowest

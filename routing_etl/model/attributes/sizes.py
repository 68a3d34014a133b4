"""Sizes that stand in texts: which number of a text is which size, in which unit, learned where the column is filled too.

`OD120 X 35T`, `Ø120X35` and `4-3/4" X 1-3/8"` say the outer diameter and the thickness, if they do. Nobody tells the model: where a
text has an expression of this form and a column of numbers is filled, both can be compared. A reading - the form, the place in
it, the column, the factor between the units - is used only if it agrees on rows that it was not chosen on. It fills the
column of items that have none, and never replaces what is there.

A weight names its quantity by its unit, so it is read without such rows too (`weights`), unless those that there are contradict.

A code that says something, `TU120-0460-3809`, is one expression from end to end, and its runs of digits are whole numbers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import polars as pl

from routing_etl.frames import MAX_SOURCE
from routing_etl.model.attributes.weights import weight_of, weights
from routing_etl.model.base.arrays import Floats

#: A number of a normalised text: 120, 57.5, 12,5, 3/4, 4-3/4.
_NUMBER = r"[0-9]+/[0-9]+|[0-9]+(?:[.,][0-9]+)?(?:[ \-][0-9]+/[0-9]+)?"
_UNIT = r"(?:\s?(?:MM|CM|INCH|IN)|[A-Z]{1,2}|\"|”|''|′′)?"
_END = r"(?:\s?(?:MM|CM|INCH|IN)\b|[A-Z]{1,2}\b|\"|”|''|′′)?"
#: A short word before a number can name it (OD 120), or end something else (SEAL TYPE W 120): such numbers are read both ways.
_WORD = r"\b[A-ZØ]{1,2}[ :=]{1,2}"
#: A number, or several that X or * joins, with what stands close to them.
_FORM = rf"(?:{_WORD}|[^0-9\s.,]{{0,3}})(?:{_NUMBER})(?:{_UNIT}\s?[X×*]\s?(?:{_NUMBER})){{0,3}}{_END}"
_FORMS, _NUMBERS = re.compile(_FORM.replace(r"\s", " ")), re.compile(_NUMBER)
_NAMED = re.compile(f"^{_WORD}")
_DIGITS = r"[0-9]+"
_RUNS = re.compile(_DIGITS)
_FRACTION = re.compile(r"(?:([0-9]+(?:\.[0-9]+)?)[ \-])?([0-9]+)/([0-9]+)")
#: What a number of a text can be multiplied by to be in the unit of the column: the same unit, inches in millimetres and the
#: other way round, centimetres.
_FACTORS = (1.0, 25.4, 1 / 25.4, 10.0)
#: A reading must agree on so large a share of the rows, and so much of the way from chance to all of them: lower ends of the
#: 95 % interval. With every row agreeing that takes 35 rows.
_LEAST_AGREEMENT, _LEAST_BEYOND_CHANCE, _Z = 0.9, 0.8, 1.96
#: Distinct pairs of a number and a size that are enough to look at a reading; most forms of a text that are looked at.
_LEAST_PAIRS, _MOST_FORMS = 20, 200
#: A size of few values, such as a thickness of sheets, is looked at by texts in place of pairs: fewest numbers, and the least mean
#: share of the texts of a number that agrees, so that no one number decides.
_LEAST_NUMBERS, _LEAST_OF_EACH = 5, 0.8
#: Places that are no place in the expression: of three numbers and more the smallest and the largest, in whatever order they stand.
_SMALLEST, _LARGEST, _SORTED_FROM = 10, 11, 3
#: Most rows that readings are learned from.
_MOST_ROWS = 60_000
#: A size is rounded to this share of itself wherever it is written; fractions of an inch to a sixteenth.
_ROUNDED, _SIXTEENTH = 0.0005, 1 / 32
#: A size beyond nearly all that the column has, by more than this factor, is not taken.
_USUAL, _BEYOND = (0.005, 0.995), 2.0
#: A reading that is rounded to more than this share of the size, half of the pairs, tells too little to fill a column.
_ROUGH = 0.03
#: A weight by its unit: the share of texts whose weight must be within what the column has, and by how much their medians may differ.
_LEAST_USUAL, _LIKE = 0.9, 3.0
#: Readings of an attribute that the notes show.
_SHOWN = 3
_KEY = ("attribute", "form", "place")
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

    def told(self) -> str:
        """Words for the model's notes."""
        if " " in self.form:
            return (
                f"the number before {self.form[2:]} in {self.attribute} (by its unit; where both are filled it agrees in {self.agreed} of "
                f"{self.pairs} cases)"
            )
        unit = "" if self.factor == 1.0 else f" times {self.factor:.4g}"
        which = {_SMALLEST: "the smallest number", _LARGEST: "the largest number"}
        return (
            f"{which.get(self.place, f'number {self.place + 1}')}{unit} of {self.form!r} in {self.attribute} (agrees to {self.rounded:.2g} in {self.agreed} of"
            f" {self.pairs} cases where both are filled, at least {100 * self.least:.0f} %)"
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
        step = -(-texts.height // _MOST_ROWS)
        numbers = numbers.gather_every(step).select(pl.all().cast(pl.Float64))
        found = _numbers_of(texts.gather_every(step), texts.columns, self.codes)
        forms = found.group_by(_KEY).len().filter(pl.col("len") >= _LEAST_PAIRS)
        forms = forms.sort("len", *_KEY, descending=[True, False, False, False])
        is_code = pl.col("attribute").is_in(self.codes)
        forms = pl.concat(forms.filter(kind).head(_MOST_FORMS) for kind in (~is_code, is_code))
        found = found.join(forms.select(_KEY), on=_KEY, how="semi")
        found = found.with_columns(_whole_texts(texts.gather_every(step), found))
        for name in numbers.columns:
            pairs = found.with_columns(size=numbers[name].gather(found["row"])).drop_nulls("size")
            pairs = pairs.filter(pl.col("size").is_finite() & (pl.col("size") != 0))
            by_pairs = _tested(pairs, name)
            self.readings += [*by_pairs, *_tested_by_texts(pairs, name, by_pairs)]
        best: dict[tuple[str, str, int], Reading] = {}
        for reading in sorted(self.readings, key=lambda r: (-r.least, r.measure)):
            best.setdefault((reading.attribute, reading.form, reading.place), reading)
        texts = texts.gather_every(step).drop(self.codes, strict=False)
        self.readings = [*best.values(), *_weights_read(texts, numbers, units)]
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
                value = _first(texts[reading.attribute][row], reading, reading.attribute in self.codes)
                if value is not None and low <= value <= high:
                    found[row] = value
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
        found = _numbers_of(texts, list(dict.fromkeys(r.attribute for r in own)), self.codes)
        if any(" " in r.form for r in own):
            named = [n for n in texts.columns if any(r.attribute == n and " " in r.form for r in own)]
            found = pl.concat([found, _weights_of(texts.select(named)).drop("grams_of")])
        low, high = self.bounds[own[0].measure]
        return (
            found.join(table, on=_KEY)
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


def _numbers_of(texts: pl.DataFrame, names: Sequence[str], codes: Collection[str]) -> pl.DataFrame:
    """The numbers of texts: `row`, `attribute`, `form`, `place`, `number`, `rounded`; of equal ones in a row the first."""
    parts = []
    for name in names:
        if name in codes:
            parts.append(_runs_of(texts[name]))
            continue
        forms = texts.select(
            row=pl.int_range(pl.len(), dtype=pl.UInt32), written=pl.col(name).str.extract_all(_FORM)
        )
        forms = forms.explode("written").drop_nulls()
        distinct = forms.select("written", part="written").unique()
        bare = distinct.filter(pl.col("part").str.contains(_NAMED.pattern))
        bare = bare.with_columns(pl.col("part").str.replace(_NAMED.pattern, ""))
        numbers = (
            pl.concat([distinct, bare])
            .with_columns(
                form=pl.col("part").str.replace_all(_NUMBER, "9").str.replace_all(" ", ""),
                text=pl.col("written").str.extract_all(_NUMBER),
                place=pl.int_ranges(pl.col("written").str.count_matches(_NUMBER)),
            )
            .explode("text", "place")
        )
        numbers = numbers.with_columns(_values(numbers["text"]))
        numbers = pl.concat([numbers, *_in_order(numbers)])
        read = forms.join(numbers.drop("text", "part"), on="written", maintain_order="left")
        parts.append(
            read.select("row", pl.lit(name).alias("attribute"), "form", "place", "number", "rounded")
        )
    if not parts:
        return pl.DataFrame(schema={"row": pl.UInt32, "attribute": pl.String, "form": pl.String, "place": pl.Int64,
                                    "number": pl.Float64, "rounded": pl.Float64})  # fmt: skip
    return pl.concat(parts).drop_nulls().unique(("row", *_KEY), keep="first", maintain_order=True)


def _in_order(numbers: pl.DataFrame) -> list[pl.DataFrame]:
    """The smallest and the largest number of each expression of three and more, as further places."""
    long = numbers.filter(
        pl.len().over("written", "form") >= _SORTED_FROM, pl.col("number").is_not_null()
    ).sort("number", maintain_order=True)
    keys = ["written", "form"]
    ends = (
        (long.unique(keys, keep="first", maintain_order=True), _SMALLEST),
        (long.unique(keys, keep="last", maintain_order=True), _LARGEST),
    )
    return [end.with_columns(pl.lit(place, dtype=pl.Int64).alias("place")) for end, place in ends]


def _whole_texts(texts: pl.DataFrame, found: pl.DataFrame) -> pl.Series:
    """A hash of the text that each number stands in."""
    whole = texts.with_row_index("row").unpivot(index="row", variable_name="attribute", value_name="whole")
    joined = found.select("row", "attribute").join(
        whole, on=["row", "attribute"], how="left", maintain_order="left"
    )
    return joined["whole"].hash(seed=2).alias("whole")


def _weights_of(texts: pl.DataFrame) -> pl.DataFrame:
    """The weights of texts, as `_numbers_of`, with the grams of their units."""
    read = weights(texts)
    read = read.with_columns(_values(read["text"])).with_columns(place=pl.lit(0, dtype=pl.Int64))
    read = read.select("row", "attribute", "form", "place", "number", "rounded", "grams_of").drop_nulls()
    return read.unique(("row", *_KEY), keep="first", maintain_order=True)


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


def _runs_of(codes: pl.Series) -> pl.DataFrame:
    """The runs of digits of codes, as `_numbers_of`."""
    name = codes.name
    read = codes.alias("code").to_frame().select(
        row=pl.int_range(pl.len(), dtype=pl.UInt32),
        attribute=pl.lit(name),
        form=pl.col("code").str.replace_all(_DIGITS, "9"),
        number=pl.col("code").str.extract_all(_DIGITS),
        place=pl.int_ranges(pl.col("code").str.count_matches(_DIGITS)),
    )  # fmt: skip
    read = read.explode("number", "place")
    return read.with_columns(pl.col("number").cast(pl.Float64, strict=False), rounded=pl.lit(0.5)).select(
        "row", "attribute", "form", "place", "number", "rounded"
    )


def _values(texts: pl.Series) -> list[pl.Series]:
    """Numbers as they are written, and by how much each is rounded: half of its last digit, or of a sixteenth."""
    frame = texts.str.replace(",", ".", literal=True).alias("t").to_frame()
    parts = pl.col("t").str.extract_groups(rf"^{_FRACTION.pattern}$")
    frame = frame.with_columns(whole=parts.struct[0], upper=parts.struct[1], lower=parts.struct[2])
    number = {c: pl.col(c).cast(pl.Float64, strict=False) for c in ("t", "whole", "upper", "lower")}
    broken = number["whole"].fill_null(0.0) + number["upper"] / number["lower"]
    decimals = pl.col("t").str.extract(r"\.([0-9]+)$").str.len_chars().fill_null(0)
    is_fraction = pl.col("upper").is_not_null()
    made = frame.select(
        number=pl.when(is_fraction & (number["lower"] > 0)).then(broken).otherwise(number["t"]),
        rounded=pl.when(is_fraction)
        .then(_SIXTEENTH)
        .otherwise(0.5 * pl.lit(10.0).pow(-decimals.cast(pl.Float64))),
    )
    return made.get_columns()


def _first(text: str | None, reading: Reading, is_code: bool) -> float | None:
    """The size that one text tells by a reading, None for none."""
    if text is None:
        return None
    if is_code:
        alike = _RUNS.sub("9", text) == reading.form
        return float(_RUNS.findall(text)[reading.place]) * reading.factor if alike else None
    for written in _FORMS.findall(text):
        parts = {written, _NAMED.sub("", written)}
        if any(_NUMBERS.sub("9", part).replace(" ", "") == reading.form for part in parts):
            value = _placed(_NUMBERS.findall(written), reading.place)
            if value is not None:
                return value * reading.factor
    return None


def _placed(numbers: Sequence[str], place: int) -> float | None:
    """The number at a place, or the smallest or largest of them."""
    if place < _SMALLEST:
        return _value(numbers[place])
    known = [v for v in map(_value, numbers) if v is not None]
    if len(numbers) < _SORTED_FROM or not known:
        return None
    return min(known) if place == _SMALLEST else max(known)


def _value(text: str) -> float | None:
    parts = _FRACTION.fullmatch(text := text.replace(",", ".", 1))
    if parts is None:
        return float(text)
    whole, upper, lower = float(parts[1] or 0), float(parts[2]), float(parts[3])
    return whole + upper / lower if lower else None


def _tested(pairs: pl.DataFrame, name: str) -> list[Reading]:
    """The readings of one column of numbers that agree with it on pairs that they were not chosen on.

    A pair of a number and a size counts once, however many items have it. The factor is chosen on one half and tested on the
    other, and the other way round; both must choose the same.
    """
    pairs = pairs.unique((*_KEY, "number", "size"), keep="first", maintain_order=True)
    return _agreeing(pairs, pl.struct("number", "size").hash(seed=1), name)


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
    told = pl.DataFrame(
        [(r.attribute, r.form, r.place) for r in known],
        schema=dict(zip(_KEY, (pl.String, pl.String, pl.Int64), strict=True)),
        orient="row",
    )
    pairs = pairs.join(told, on=_KEY, how="anti", maintain_order="left")
    pairs = pairs.unique((*_KEY, "whole", "number", "size"), keep="first", maintain_order=True)
    pairs = pairs.filter(pl.col("number").n_unique().over(_KEY) >= _LEAST_NUMBERS)
    pairs = pairs.with_columns(rounded=pl.lit(0.0))
    found = []
    for reading in _agreeing(pairs, pl.col("whole"), name):
        mine = pairs.filter(*(pl.col(k) == getattr(reading, k) for k in _KEY))
        each = mine.group_by("number").agg(_agrees("size", reading.factor).mean().alias("share"))
        if float(each["share"].mean() or 0.0) >= _LEAST_OF_EACH:  # type: ignore[arg-type]
            found.append(reading)
    return found


def _agreeing(pairs: pl.DataFrame, of_half: pl.Expr, name: str) -> list[Reading]:
    """The readings that agree with the sizes on rows that their factors were not chosen on."""
    pairs = pairs.with_columns(n=pl.len().over(_KEY)).filter(pl.col("n") >= _LEAST_PAIRS)
    if not pairs.height:
        return []
    half = (of_half % 2).alias("half")
    other = (
        pl.col("size").gather((pl.int_range(pl.len()) + pl.len() // 2) % pl.len()).over(_KEY).alias("other")
    )
    pairs = pairs.with_columns(half, other)
    tests = pl.concat(
        pairs.group_by(*_KEY, "half").agg(
            factor=pl.lit(factor),
            n=pl.len(),
            agreed=_agrees("size", factor).sum(),
            rounded=(pl.col("rounded") * factor).median(),
            rough=(pl.col("rounded") * factor / pl.col("size").abs()).median(),
            chance=_agrees("other", factor).sum(),
        )
        for factor in _FACTORS
    )
    best = tests.sort(*_KEY, "half", "agreed", "factor", descending=[False] * 4 + [True, False])
    best = best.unique((*_KEY, "half"), keep="first", maintain_order=True)
    chosen = best.group_by(*_KEY, maintain_order=True).agg(
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
    return [
        Reading(
            r["attribute"],
            r["form"],
            r["place"],
            name,
            r["factor"],
            r["n"],
            r["agreed"],
            r["least"],
            r["rounded"],
        )
        for r in chosen.to_dicts()
    ]


def _agrees(size: str, factor: float) -> pl.Expr:
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

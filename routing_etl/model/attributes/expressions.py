"""Numbers of texts, with the form of the expression that each stands in: `OD120 X 35T` has 120 and 35 in `OD9X9T`.

An expression is a number, or up to four that `x`, `*` or `/` joins, with the marks and units that stand close to them. Digits are taken out of
it; what is left is its form. A fraction is a number if it is one of an inch, `4-3/4`; in `78/45.1 x 655` the stroke joins two. A code that says
something, `TU120-0460-3809`, is one expression from end to end, and its runs of digits are whole numbers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import polars as pl

#: What tells a number of the texts: its attribute, the form of its expression and its place in it.
KEY = ("attribute", "form", "place")
#: Places that are no place in the expression: of three numbers and more the smallest and the largest, in whatever order they stand.
SMALLEST, LARGEST, _SORTED_FROM = 10, 11, 3
#: A fraction of an inch is rounded to a sixteenth.
_SIXTEENTH = 1 / 32
#: Proper fractions of halves to 64ths in lowest terms; the stroke of one is written so, that of a join stays.
_INCHES = (
    r"1/2|[13]/4|[1357]/8|(?:[13579]|1[135])/16|(?:[13579]|[12][13579])/32|31/32|"
    r"(?:[13579]|[1-5][13579]|6[13])/64"
)
_STROKE, _MARK = "\N{FRACTION SLASH}", "\x00"
_INCH = re.compile(rf"(^|[^0-9.,])({_INCHES})($|[^0-9.,/])")
#: A number of a normalised text: 120, 57.5, 12,5, 3/4, 4-3/4.
_NUMBER = rf"[0-9]+{_STROKE}[0-9]+|[0-9]+(?:[.,][0-9]+)?(?:[ \-][0-9]+{_STROKE}[0-9]+)?"
_UNIT = r"(?:\s?(?:MM|CM|INCH|IN)|[A-Z]{1,2}|\"|”|''|′′)?"
_END = r"(?:\s?(?:MM|CM|INCH|IN)\b|[A-Z]{1,2}\b|\"|”|''|′′)?"
#: A short word before a number can name it (OD 120), or end something else (SEAL TYPE W 120): such numbers are read both ways.
_WORD = r"\b[A-ZØ]{1,2}[ :=]{1,2}"
_FORM = rf"(?:{_WORD}|[^0-9\s.,]{{0,3}})(?:{_NUMBER})(?:{_UNIT}\s?[X×*/]\s?(?:{_NUMBER})){{0,3}}{_END}"
_FORMS, _NUMBERS = re.compile(_FORM.replace(r"\s", " ")), re.compile(_NUMBER)
_NAMED = re.compile(f"^{_WORD}")
_DIGITS = r"[0-9]+"
_RUNS = re.compile(_DIGITS)
_FRACTION = re.compile(rf"(?:([0-9]+(?:\.[0-9]+)?)[ \-])?([0-9]+)[/{_STROKE}]([0-9]+)")
_NO_NUMBERS = pl.DataFrame(
    schema={"row": pl.UInt32, "attribute": pl.String, "form": pl.String, "place": pl.Int64}
    | {"number": pl.Float64, "rounded": pl.Float64}
)


def numbers_of(texts: pl.DataFrame, names: Sequence[str], codes: Collection[str]) -> pl.DataFrame:
    """The numbers of texts.

    Parameters
    ----------
    texts : polars.DataFrame
        Normalised texts, a column per attribute.
    names : sequence of str
        The attributes that are read.
    codes : collection of str
        Those that are codes.

    Returns
    -------
    polars.DataFrame
        `row`, `attribute`, `form` with a 9 for every number, `place` from 0 (10 and 11: the smallest and the largest of three and more),
        `number` and by how much it is `rounded`; of equal ones in a row the first.
    """
    parts = [_runs_of(texts[name]) if name in codes else _written_in(texts[name]) for name in names]
    if not parts:
        return _NO_NUMBERS
    return pl.concat(parts).drop_nulls().unique(("row", *KEY), keep="first", maintain_order=True)


def number_in(text: str, form: str, place: int, is_code: bool) -> float | None:
    """The first number that one normalised text has in a form, None for none."""
    if is_code:
        return float(_RUNS.findall(text)[place]) if _RUNS.sub("9", text) == form else None
    for written in _FORMS.findall(_inches_in(text)):
        parts = {written, _NAMED.sub("", written)}
        if any(_NUMBERS.sub("9", part).replace(" ", "") == form for part in parts):
            value = _placed(_NUMBERS.findall(written), place)
            if value is not None:
                return value
    return None


def values(texts: pl.Series) -> list[pl.Series]:
    """Numbers as they are written (`number`), and by how much each is `rounded`: half of its last digit, or of a sixteenth."""
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


def _inches(text: pl.Expr) -> pl.Expr:
    """The text with another stroke in fractions of an inch. Twice, for two that share what stands between them: `3/4X1/2`."""
    marked = text.str.replace_all(_MARK, " ", literal=True)
    for _ in range(2):
        parts = marked.str.replace_all(_INCH.pattern, f"${{1}}{_MARK}${{2}}{_MARK}${{3}}")
        marked = parts.str.replace_all(f"{_MARK}([0-9]+)/([0-9]+){_MARK}", f"${{1}}{_STROKE}${{2}}")
    return pl.when(text.str.contains("/", literal=True)).then(marked).otherwise(text)


def _inches_in(text: str) -> str:
    """`_inches` of one text."""
    if "/" not in text:
        return text
    text = text.replace(_MARK, " ")
    for _ in range(2):
        text = _INCH.sub(lambda m: m[1] + m[2].replace("/", _STROKE) + m[3], text)
    return text


def _written_in(texts: pl.Series) -> pl.DataFrame:
    """The numbers of one column of texts, as `numbers_of`."""
    forms = texts.alias("text").to_frame().select(
        row=pl.int_range(pl.len(), dtype=pl.UInt32), written=_inches(pl.col("text")).str.extract_all(_FORM)
    )  # fmt: skip
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
    numbers = numbers.with_columns(values(numbers["text"]))
    numbers = pl.concat([numbers, *_in_order(numbers)])
    read = forms.join(numbers.drop("text", "part"), on="written", maintain_order="left")
    return read.select("row", pl.lit(texts.name).alias("attribute"), "form", "place", "number", "rounded")


def _in_order(numbers: pl.DataFrame) -> list[pl.DataFrame]:
    """The smallest and the largest number of each expression of three and more, as further places."""
    long = numbers.filter(
        pl.len().over("written", "form") >= _SORTED_FROM, pl.col("number").is_not_null()
    ).sort("number", maintain_order=True)
    keys = ["written", "form"]
    ends = (
        (long.unique(keys, keep="first", maintain_order=True), SMALLEST),
        (long.unique(keys, keep="last", maintain_order=True), LARGEST),
    )
    return [end.with_columns(pl.lit(place, dtype=pl.Int64).alias("place")) for end, place in ends]


def _runs_of(codes: pl.Series) -> pl.DataFrame:
    """The runs of digits of codes, as `numbers_of`."""
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


def _placed(numbers: Sequence[str], place: int) -> float | None:
    """The number at a place, or the smallest or largest of them."""
    if place < SMALLEST:
        return _value(numbers[place])
    known = [v for v in map(_value, numbers) if v is not None]
    if len(numbers) < _SORTED_FROM or not known:
        return None
    return min(known) if place == SMALLEST else max(known)


def _value(text: str) -> float | None:
    parts = _FRACTION.fullmatch(text := text.replace(",", ".", 1))
    if parts is None:
        return float(text)
    whole, upper, lower = float(parts[1] or 0), float(parts[2]), float(parts[3])
    return whole + upper / lower if lower else None

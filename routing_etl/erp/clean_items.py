"""The item master cleaned: keys, duplicates, attributes, units, text marks, hashes (docs/erp-contract.md 5)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import polars as pl

from routing_etl.erp.attribute_order import in_order
from routing_etl.erp.catalogue import unit_column_name
from routing_etl.erp.clean_codes import RESPELLED, Equality, ItemKeys, one_spelling
from routing_etl.erp.parse import CLOCK, COMMA, WITH_UNIT
from routing_etl.erp.profile import Profile
from routing_etl.erp.profile_model import AttributeMap, ItemSource
from routing_etl.erp.reader import CUT, INCOMPLETE, NO_DATE, TOO_LONG, UNREADABLE
from routing_etl.erp.rejects import Account, Reason, Rejects
from routing_etl.erp.text import Counter, TextRule, clean_text, count_broken
from routing_etl.erp.units import ASSUMED, STATED, UNKNOWN, convert
from routing_etl.errors import SourceError
from routing_etl.frames import CODE_SPELLINGS, ITEMS, MAX_SOURCE, AttributeSpec, key_of

#: Seed of the attribute hash. It must not change: the hashes of a new run are compared with stored ones.
_HASH_SEED = 20250618


@dataclass(frozen=True)
class CleanedItems:
    """The item master cleaned.

    Parameters
    ----------
    items : polars.DataFrame
        The items frame.
    attributes : tuple of AttributeSpec
        The attributes that hold any value.
    warnings : tuple of str
        Sentences about what people should look at.
    keys : ItemKeys
        The item keys, with the codes of items that were rejected for another one.
    spellings : polars.DataFrame
        Spellings of the part type that were not kept (`frames.CODE_SPELLINGS`).
    """

    items: pl.DataFrame
    attributes: tuple[AttributeSpec, ...]
    warnings: tuple[str, ...]
    keys: ItemKeys
    spellings: pl.DataFrame


@dataclass(frozen=True)
class ItemIdentity:
    """What makes two items one.

    Parameters
    ----------
    keys : ItemKeys
        The key of each code.
    equal : Equality
        Which codes the database calls equal.
    before : polars.DataFrame
        The spellings of part types that were not kept the last time.
    """

    keys: ItemKeys
    equal: Equality
    before: pl.DataFrame


@dataclass(frozen=True)
class _Texts:
    """Cleaned text attributes; the rows that bear each mark; the rows that held a placeholder, by attribute."""

    values: dict[str, pl.Series]
    marks: dict[str, pl.Series]
    placeholders: dict[str, pl.Series]


@dataclass(frozen=True)
class _Numbers:
    """Numeric attributes in their units, and what accompanies them.

    `extras`: the raw value, unit and source of the unit, for attributes with a unit column. `placeholders`: the rows that
    held a placeholder, by attribute.
    """

    values: dict[str, pl.Series]
    extras: list[pl.Series]
    placeholders: dict[str, pl.Series]
    warnings: list[str]


def clean_items(
    raw: pl.DataFrame, problems: pl.DataFrame, profile: Profile, identity: ItemIdentity, account: Account
) -> CleanedItems:
    """Clean the whole item master.

    Duplicates: of rows with the same code the one with most filled columns stays, then the one with the smallest row
    hash. Of different codes with one key (a leading blank, another case) the one that equals its key stays, then the
    smallest. Where the database calls the two codes different they are two items, and the rows that other frames have of the
    rejected one are rejected with it (`ItemKeys.refused`).

    Parameters
    ----------
    raw : polars.DataFrame
        Raw rows with their `row_nr`.
    problems : polars.DataFrame
        What could not be read of them.
    profile : Profile
        The source profile.
    identity : ItemIdentity
        What makes two items one.
    account : Account
        Takes the rejected and repaired.

    Raises
    ------
    SourceError
        Codes collide after trimming and the profile says `on_key_collision = "error"`.
    """
    rejects, counter = account.rejects, account.repairs
    warnings: list[str] = []
    raw = raw.with_columns(_row_hash(raw.drop("row_nr")))
    count_broken(raw["item_cd"], "item_cd", counter)
    kept = _usable_keys(raw, problems, identity.keys, rejects)
    kept, twice = _without_duplicates(kept, profile, rejects, warnings)
    refused = _collisions(twice, profile, identity.equal, rejects, warnings)
    texts = _texts(kept, profile, counter)
    spellings = _part_type_respelled(texts.values, identity, counter)
    numbers = _numbers(kept, profile, counter)
    keys = [kept["item_cd"], kept["item_key"], kept["item_hash"]]
    frame = pl.DataFrame([*keys, *texts.values.values(), *numbers.values.values(), *numbers.extras])
    frame = _plausible(frame, profile, counter)
    frame = _flags(frame, profile, texts.marks, texts.placeholders | numbers.placeholders)
    names = list(profile.items.attributes)
    frame = frame.with_columns(frame.select(names).hash_rows(seed=_HASH_SEED).alias("attribute_hash"))
    attributes, empty = _filled(frame, profile)
    warnings += numbers.warnings
    warnings += [
        f"Attribute {n} has no value in any item and is not used."
        for n in empty
        if not profile.items.attributes[n].optional  # which this ERP may not have
    ]
    more = [n for n in names if n not in ITEMS.names]
    order = [*ITEMS.names, *more, *[e.name for e in numbers.extras], "placeholders"]
    items = ITEMS.conform(_with_core(frame)).select(order)
    identities = replace(identity.keys, refused=refused)
    return CleanedItems(items, attributes, tuple(warnings), identities, spellings)


def _part_type_respelled(
    texts: dict[str, pl.Series], identity: ItemIdentity, counter: Counter
) -> pl.DataFrame:
    """Give each part type one spelling: it is a key of the stored metrics. Returns the spellings that are not kept."""
    name = "part_type"
    if name not in texts:
        return CODE_SPELLINGS.empty()
    counts = (
        texts[name].drop_nulls().alias("spelling").to_frame().group_by("spelling").agg(pl.len().alias("rows"))
    )
    spellings = one_spelling(name, counts, identity.equal, identity.before)
    changed = CODE_SPELLINGS.conform(spellings.filter(pl.col("spelling") != pl.col("kept")))
    if changed.height:
        counter.add(RESPELLED, name, changed["rows"].sum())
        texts[name] = texts[name].replace(changed["spelling"], changed["kept"])
    return changed


def count_problems(problems: pl.DataFrame, counter: Counter) -> None:
    """Count the values that could not be read as they were."""
    rules = {
        UNREADABLE: "unreadable_value", CUT: "text_cut", TOO_LONG: "too_long", INCOMPLETE: "incomplete_key",
        NO_DATE: "no_date_assumed",
    }  # fmt: skip
    number = pl.col("problem") == UNREADABLE
    rule = (
        pl.when(number & pl.col("value").str.contains(COMMA))
        .then(pl.lit("decimal_comma"))
        .when(number & pl.col("value").str.contains(CLOCK))
        .then(pl.lit("time_as_text"))
        .when(number & pl.col("column").str.ends_with("_time") & pl.col("value").str.contains(WITH_UNIT))
        .then(pl.lit("time_with_unit"))
        .otherwise(pl.col("problem").replace_strict(rules))
    )
    for name, column, rows in (
        problems.group_by(rule.alias("rule"), "column").len().sort("rule", "column").iter_rows()
    ):
        counter.add(name, column, rows)


def _row_hash(raw: pl.DataFrame) -> pl.Series:
    """sha256 per row over all raw columns, NULL and blank told apart."""
    joined = raw.select(
        pl.concat_str([pl.col(c).cast(pl.String).fill_null("\x00") for c in raw.columns], separator="\x1f")
    ).to_series()
    return pl.Series(
        "item_hash", [hashlib.sha256(row.encode()).hexdigest() for row in joined], dtype=pl.String
    )


def _usable_keys(raw: pl.DataFrame, problems: pl.DataFrame, keys: ItemKeys, rejects: Rejects) -> pl.DataFrame:
    raw = raw.with_columns(keys.of(raw["item_cd"]))
    missing = (pl.col("item_key").is_null() | (pl.col("item_key") == "")).fill_null(True)
    raw = rejects.remove(raw, raw, missing, Reason("missing_key", "The item code is missing."))
    nul = pl.col("item_cd").str.contains("\x00", literal=True)
    refused = Reason("nul_in_key", "The item code holds a NUL character, which databases cut off or refuse.")
    raw = rejects.remove(raw, raw, nul, refused)
    long = problems.filter((pl.col("problem") == TOO_LONG) & (pl.col("column") == "item_cd"))["row_nr"]
    cut = Reason("key_too_long", "The item code is longer than the profile allows; cut codes could collide.")
    return rejects.remove(raw, raw, pl.col("row_nr").is_in(long.implode()), cut)


def _without_duplicates(
    raw: pl.DataFrame, profile: Profile, rejects: Rejects, warnings: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One row per key, and the rows that lose to one with another code (`_kept_cd`). Repeats of a code are rejected."""
    filled = pl.sum_horizontal(
        [pl.col(n).cast(pl.String).fill_null("").str.strip_chars().ne("") for n in profile.items.attributes]
    )
    raw = raw.with_columns(filled.alias("_filled"), pl.col("item_key").is_duplicated().alias("_twice"))
    twice = raw.filter("_twice").sort(
        pl.col("item_key"),
        pl.col("item_cd") != pl.col("item_key"),
        key_of(pl.col("item_cd")) != pl.col("item_key"),
        pl.col("item_cd"),
        -pl.col("_filled").cast(pl.Int64),
        pl.col("item_hash"),
        pl.col("row_nr"),
    )
    first = twice.group_by("item_key", maintain_order=True).agg(
        pl.col("item_cd").first().alias("_kept_cd"),
        pl.col("row_nr").first().alias("_kept_row"),
        pl.col("item_hash").first().alias("_kept_hash"),
    )
    twice = twice.join(first, on="item_key", how="left").filter(pl.col("row_nr") != pl.col("_kept_row"))
    same = pl.col("item_cd") == pl.col("_kept_cd")
    warnings += _repeats(raw, twice.filter(same), profile)
    repeated = Reason(
        "duplicate_key", "The item code occurs more than once; the row with most values was kept."
    )
    rejects.add(twice.filter(same), repeated)
    kept = raw.join(twice.select("row_nr"), on="row_nr", how="anti").drop("_filled", "_twice")
    return kept, twice.filter(~same)


#: Share of the item codes that may occur in rows of different content, and the fewest that are judged.
_REPEATED_SHARE, _REPEATED_CODES = 0.1, 5


def _repeats(raw: pl.DataFrame, repeats: pl.DataFrame, profile: Profile) -> list[str]:
    """A sentence about codes that occur in rows of different content; many are refused: they are not the same items.

    Raises
    ------
    SourceError: more codes repeat than people would leave, and the profile does not say that the rows are one item.
    """
    codes = repeats.filter(pl.col("item_hash") != pl.col("_kept_hash"))["item_key"].unique().sort()
    if codes.is_empty():
        return []
    distinct = raw["item_key"].n_unique()
    text = (
        f"{len(codes)} of {distinct} item codes occur in several rows of different content (e.g. "
        f"{', '.join(map(repr, codes.head(3)))}): is a company or plant missing from the key or from a filter, or does a join "
        "multiply the rows?"
    )
    many = len(codes) >= _REPEATED_CODES and len(codes) >= _REPEATED_SHARE * distinct
    if not many or profile.items.on_repeated_code == "reject":
        return [f"{text} The row with most values was kept of each."]
    raise SourceError(
        text,
        remedy='Write company = "COLUMN" in every section, or a filter (items.where); a join that finds several rows needs a '
        'condition of its own. If the rows do mean one item: items.on_repeated_code = "reject" keeps the fullest.',
    )


def _collisions(
    rows: pl.DataFrame, profile: Profile, equal: Equality, rejects: Rejects, warnings: list[str]
) -> pl.Series:
    """Reject the rows that lose to one with another code. Returns the codes that the database calls different from it."""
    if rows.is_empty():
        return pl.Series("refused", [], dtype=pl.String)
    codes = pl.concat([rows["item_cd"], rows["_kept_cd"]]).unique().sort()
    theirs = equal("item_cd", codes)
    if theirs is None:
        theirs = codes.str.strip_chars_end().rank("dense")
    rows = rows.with_columns(
        pl.col("item_cd").replace_strict(codes, theirs).alias("_group"),
        pl.col("_kept_cd").replace_strict(codes, theirs).alias("_kept_group"),
    )
    code, kept = (pl.col(c).str.strip_chars_end() for c in ("item_cd", "_kept_cd"))
    one_item = (pl.col("_group") == pl.col("_kept_group")) | (code == kept)
    pairs = rows.select("_kept_cd", "item_cd").unique().sort("item_cd").head(5)
    named = ", ".join(f"{a!r} and {b!r}" for a, b in pairs.iter_rows())
    text = f"{rows.height} item code(s) equal another one after trimming and without case: {named}."
    if profile.items.on_key_collision == "error":
        raise SourceError(
            text, remedy='Correct the codes in the ERP, or set items.on_key_collision = "reject".'
        )
    two = rows.filter(~one_item)
    if two.height:
        text += (
            f" {two.height} of them the database tells apart: routings, results and orders of exactly such a code are "
            "rejected with the item (rejected_item)."
        )
    warnings.append(text)
    sentence = pl.format(
        "The code equals the code '{}' after trimming and without case; that item was kept.",
        pl.col("_kept_cd"),
    )
    rejects.add(rows, Reason("key_collision", sentence))
    return two["item_cd"].str.strip_chars_end().unique().sort().alias("refused")


def _rule_of(name: str, attribute: AttributeMap, profile: Profile) -> TextRule:
    section = profile.items
    return TextRule(
        null_words=section.null_words if attribute.null_words is None else attribute.null_words,
        placeholder_words=attribute.placeholder_words,
        upper=attribute.upper,
        right_trim=attribute.right_trim,
        remove=section.marks if name in section.mark_columns else {},
    )


def _texts(raw: pl.DataFrame, profile: Profile, counter: Counter) -> _Texts:
    texts = _Texts({}, {}, {})
    for name, attribute in profile.items.attributes.items():
        if attribute.kind == "number":
            continue
        done = clean_text(raw[name], _rule_of(name, attribute, profile), name, counter)
        texts.values[name] = done.values
        if done.placeholder is not None:
            texts.placeholders[name] = done.placeholder
        for mark, rows in done.marks.items():
            texts.marks[mark] = (texts.marks[mark] | rows) if mark in texts.marks else rows
    return texts


def _numbers(raw: pl.DataFrame, profile: Profile, counter: Counter) -> _Numbers:
    numbers = _Numbers({}, [], {}, [])
    new: dict[str, tuple[set[str], int]] = {}
    for name, attribute in profile.items.attributes.items():
        if attribute.kind != "number":
            continue
        value, held = _real_values(raw[name], attribute, profile.items, counter)
        if held is not None:
            numbers.placeholders[name] = held
        if not attribute.converted:
            numbers.values[name] = value
            continue
        column = attribute.unit_column
        # One unit for all values is what a blank one means, in every row.
        spellings = (
            pl.Series([None], dtype=pl.String).new_from_index(0, raw.height)
            if column is None
            else raw[unit_column_name(column)]
        )
        done = convert(value, spellings, profile.units, attribute.unit_group, attribute.unit)
        source = done.unit_source if column is not None else done.unit_source.replace(ASSUMED, STATED)
        numbers.values[name] = done.values.alias(name)
        counter.add("unit_assumed", name, (source == ASSUMED).sum())
        counter.add("unit_unknown", name, (source == UNKNOWN).sum() - done.suspicious)
        counter.add("suspicious_size", name, done.suspicious)
        counter.add("unit_converted", name, ((done.values != value) & done.values.is_not_null()).sum())
        if done.new_spellings and column is not None:
            words, lost = new.get(column, (set(), 0))
            lost += int((spellings.is_in(done.new_spellings) & value.is_not_null()).sum())
            new[column] = (words | set(done.new_spellings), lost)
        numbers.extras.extend(
            [
                raw[name].alias(f"{name}_raw"),
                spellings.alias(f"{name}_unit"),
                source.alias(f"{name}_unit_source"),
            ]
        )
    numbers.warnings.extend(
        f"New unit spelling(s) in {column}: {', '.join(map(repr, sorted(words)[:10]))}; {lost:,} value(s) are unknown for it. "
        "Add them to units.map."
        for column, (words, lost) in new.items()
    )
    return numbers


def _real_values(
    values: pl.Series, attribute: AttributeMap, section: ItemSource, counter: Counter
) -> tuple[pl.Series, pl.Series | None]:
    """Values without those that mean "missing" or cannot be: zeros, placeholders, below zero, beyond the ERP's column.

    Also the rows that held a placeholder, None when no row did.
    """
    name = values.name
    counter.add("null", name, values.null_count())
    zero_missing = section.zero_is_missing if attribute.zero_is_missing is None else attribute.zero_is_missing
    negative = (values < 0).fill_null(False)
    large = (values > MAX_SOURCE).fill_null(False)
    drop = negative | large
    counter.add("negative_value", name, negative.sum())
    counter.add("too_large", name, large.sum())
    if zero_missing:
        zero = (values == 0).fill_null(False)
        counter.add("zero_is_missing", name, zero.sum())
        drop = drop | zero
    held = None
    if attribute.placeholder_values:
        wanted = pl.Series(attribute.placeholder_values, dtype=pl.Float64)
        held = values.is_in(wanted.implode()).fill_null(False)
        counter.add("placeholder", name, held.sum())
        drop = drop | held
    kept = values.alias("v").to_frame().select(pl.when(~drop).then(pl.col("v"))).to_series().alias(name)
    return kept, held if held is not None and held.any() else None


def _plausible(frame: pl.DataFrame, profile: Profile, counter: Counter) -> pl.DataFrame:
    """Frame without sizes far beyond those of their group, and with inner sizes that do not exceed the outer ones."""
    section = profile.items
    sizes = [n for n, a in section.attributes.items() if a.kind == "number" and a.converted]
    if section.outlier and sizes:
        rule = section.outlier
        for name in sizes:
            value = pl.col(name)
            limit = value.median().over(rule.by) * rule.factor
            enough = value.count().over(rule.by) >= rule.min_rows
            absurd = (enough & (value > limit)).fill_null(False)
            frame = frame.with_columns(absurd.alias("_absurd"))
            counter.add("absurd_size", name, frame["_absurd"].sum())
            frame = frame.with_columns(pl.when(~pl.col("_absurd")).then(value).alias(name)).drop("_absurd")
    return in_order(frame, section, counter)


def _joined_names(flags: dict[str, pl.Series], height: int, name: str) -> pl.Series:
    """Per row the names whose flag is set, joined by `|`, NULL when none is."""
    if not flags:
        return pl.repeat(None, height, dtype=pl.String, eager=True).alias(name)
    frame = pl.DataFrame(dict(sorted(flags.items())))
    text = frame.select(
        pl.concat_str(
            [pl.when(pl.col(k)).then(pl.lit(k)) for k in frame.columns], separator="|", ignore_nulls=True
        )
    ).to_series()
    return pl.select(pl.when(text != "").then(text)).to_series().alias(name)


def _flags(
    frame: pl.DataFrame, profile: Profile, marks: dict[str, pl.Series], placeholders: dict[str, pl.Series]
) -> pl.DataFrame:
    out = {m: s for m, s in marks.items() if m in profile.items.exclude_marks}
    names = _joined_names(out, frame.height, "excluded")
    return frame.with_columns(
        _joined_names(marks, frame.height, "marks"),
        pl.select(pl.when(names.is_not_null()).then(pl.format("mark {}", names)))
        .to_series()
        .alias("excluded"),
        _joined_names(placeholders, frame.height, "placeholders"),
    )


def _filled(frame: pl.DataFrame, profile: Profile) -> tuple[tuple[AttributeSpec, ...], list[str]]:
    empty = [a.name for a in profile.attributes if frame[a.name].null_count() == frame.height]
    return tuple(a for a in profile.attributes if a.name not in empty), empty


def _with_core(frame: pl.DataFrame) -> pl.DataFrame:
    """Core columns bounded to their contract's length."""
    bounded = [
        pl.col(c.name).str.slice(0, c.max_length)
        for c in ITEMS.columns
        if c.max_length and c.name in frame.columns and c.name not in ("item_cd", "item_key")
    ]
    return frame.with_columns(bounded)

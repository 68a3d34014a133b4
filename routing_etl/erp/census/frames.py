"""What the joins, filters and keys of one frame do to its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from routing_etl.erp.catalogue import Binding, BoundPivot, FoundColumn, ReadColumn, flat, qualified
from routing_etl.erp.census.counts import Ask, Numbers, Rule, SourceCount, codes_of, item_code, only_columns
from routing_etl.erp.profile_model import RAW_COLUMNS, ItemSource, Join, Where
from routing_etl.erp.statements import count_of, select_of
from routing_etl.erp.unread_flags import unread_columns

#: Columns that say which company, client or plant a row belongs to, in lower case, as known ERPs call them.
COMPANY_COLUMNS = (
    "company", "company_id", "companyid", "company_code", "company_cd", "comp_cd", "comp_code", "compcode", "dataareaid",
    "dataarea", "site", "site_ref", "siteref", "site_id", "plant", "plant_id", "plant_cd", "plant_code", "werks", "bukrs",
    "mandt", "mandant", "werk", "firma", "empresa", "planta", "societe", "usine", "contract", "facility", "branch",
    "branch_plant", "business_unit", "mcu", "warehouse_plant", "entity", "legal_entity", "cono", "faci", "법인", "공장",
    "organization_id", "organization_code", "org_id", "工場", "工厂",
    "werk_nr", "werknr", "werk_id", "standort", "fabrik", "niederlassung", "betrieb", "zaklad", "oddzial", "zavod", "stredisko", "firma_id",
    "vestiging", "bedrijf", "stabilimento", "azienda", "societa", "sito", "etablissement", "site_code", "centro_productivo", "fabrica", "filial",
    "filiale", "sede", "bu", "plantid", "siteid", "plant_no", "site_no", "division", "unite_de_production",
)  # fmt: skip

#: Names that are a plant in one ERP and a work centre in another: a plant is the same in all rows of a routing.
_PLANT_OR_WORK_CENTRE = (
    "centro",
    "center",
    "centre",
    "zentrum",
    "ort",
    "location",
    "loc",
    "sitio",
    "luogo",
    "lieu",
    "misto",
    "miejsce",
)


#: Operators of which people expect that a blank value passes.
_NEGATIVE = ("!=", "not in", "not like")


def count_frame(
    binding: Binding, dialect: str, ask: Ask, single: frozenset[str] = frozenset()
) -> list[SourceCount]:
    """Count what the joins, filters and keys of one frame do to its rows.

    Parameters
    ----------
    binding : Binding
        The frame's source.
    dialect : str
        Name of the SQLAlchemy dialect.
    ask : Ask
        Answers a statement, in the transaction that reads the rows.
    single : frozenset of str, optional
        Aliases of joins that give a row one partner at most (`single_partners`).

    Returns
    -------
    list of SourceCount
        Every count, also those that found nothing; none for a frame that is its table.
    """
    frame = _Frame(binding, dialect, single)
    numbers = Numbers()
    frame.want(numbers)
    numbers.ask(ask)
    counts = [*frame.of_joins(numbers), *frame.of_filters(numbers), *frame.of_codes(numbers)]
    counts += frame.of_companies(numbers, ask)
    counts += _several_candidates(binding)
    return counts


@dataclass(frozen=True)
class _Frame:
    """The counts of one frame: which are wanted, and what they mean."""

    binding: Binding
    dialect: str
    single: frozenset[str]

    def _only(
        self, joins: Sequence[Join] = (), where: Sequence[Where] = (), *, latest: bool = False
    ) -> Binding:
        """The binding with these joins and filters alone; a join that changes no row and is not asked about is left out."""
        section = self.binding.section
        named = [w.column for w in where]
        if latest and section.latest:
            named += [*section.latest.group, *section.latest.key]
        asked = {self._alias(name) for name in named} | self._code_aliases
        kept: list[Join] = []
        for join in reversed(joins):
            if join.kind == "inner" or join.alias not in self.single or join.alias in asked:
                kept.insert(0, join)
                asked |= {self._alias(known) for known, _ in join.on}
        changes = {
            "joins": tuple(kept), "where": tuple(where), "latest": section.latest if latest else None, "incremental": None,
        }  # fmt: skip
        changed = section.model_copy(update=changes)
        return replace(self.binding, section=changed, marks=None, pivots=self._pivots(asked))

    def _alias(self, name: str) -> str:
        """Alias of the table that a column is of."""
        found = self.binding.find(name)
        return found.alias if found is not None else self.binding.section.alias

    def _pivots(self, asked: set[str]) -> tuple[BoundPivot, ...]:
        """The pivots that are asked about; a pivot has one row a key, so the others change no row."""
        return tuple(p for p in self.binding.pivots if p.section.alias in asked)

    @property
    def _code_aliases(self) -> set[str]:
        """Aliases of the tables that the item code is read from."""
        codes = flat(c for c in self.binding.columns if c.name == "item_cd")
        return {c.found.alias for c in codes if c.found is not None}

    @property
    def _whole(self) -> Binding:
        """Everything that the profile says."""
        section = self.binding.section
        return self._only(section.joins, section.where, latest=True)

    def want(self, numbers: Numbers) -> None:
        """Ask for what the frame's joins, filters and keys need."""
        section = self.binding.section
        joins, where = section.joins, section.where
        if joins or where or section.latest:
            numbers.want("main", count_of(self._only(), self.dialect))
            numbers.want("read", count_of(self._whole, self.dialect))
        for i, join in enumerate(joins):
            so_far = (*joins[:i], join.model_copy(update={"kind": "left"}))
            before, own = self._filters_on(joins[:i]), self._filters_on((join,))
            if join.alias not in self.single or own:
                numbers.want(f"join{i}", count_of(self._only(so_far, (*before, *own)), self.dialect))
            if join.alias not in self.single or join.kind == "inner":
                none = (*before, self._without_partner(join))
                numbers.want(f"join{i}_none", count_of(self._only(so_far, none), self.dialect))
        if where:
            numbers.want("joined", count_of(self._only(joins), self.dialect))
        for i, condition in enumerate(where):
            if len(where) > 1 or section.latest:
                numbers.want(f"where{i}", count_of(self._only(joins, (condition,)), self.dialect))
            if condition.op in _NEGATIVE and "" not in _values(condition):
                blank = self._blank(condition)
                numbers.want(f"where{i}_blank", count_of(self._only(joins, (blank,)), self.dialect))
                numbers.want(f"where{i}_kept", count_of(self._only(joins, (condition, blank)), self.dialect))
        for join in self._of_itself():
            theirs = self._theirs(join)
            numbers.want(f"theirs_{join.alias}", count_of(self._only((), theirs), self.dialect))
            for i, condition in self._own_filters():
                kept = count_of(self._only((), (*theirs, condition)), self.dialect)
                numbers.want(f"theirs_{join.alias}_{i}", kept)
        self._want_codes(numbers)

    def _of_itself(self) -> list[Join]:
        """Joins that read other rows of the main table, such as the start of what the main row ends."""
        main, tables = self.binding.section.alias, self.binding.tables
        joins = self.binding.section.joins if self._own_filters() else ()
        return [j for j in joins if j.where and str(tables[j.alias]) == str(tables[main])]

    def _theirs(self, join: Join) -> tuple[Where, ...]:
        """The tests of such a join, of rows of the main table."""
        main = self.binding.section.alias
        return tuple(w.model_copy(update={"column": qualified(main, w.column)}) for w in join.where)

    def _own_filters(self) -> list[tuple[int, Where]]:
        """Filters on the main table, with their places."""
        section = self.binding.section
        return [(i, w) for i, w in enumerate(section.where) if self._alias(w.column) == section.alias]

    def _served(self, numbers: Numbers, place: int) -> str:
        """How many of the rows that a filter removes are read by a join of the table to itself, in words."""
        told = []
        for join in self._of_itself():
            rows = numbers[f"theirs_{join.alias}"] - numbers.found.get(f"theirs_{join.alias}_{place}", 0)
            if f"theirs_{join.alias}_{place}" in numbers.found and rows > 0:
                told.append(f"{rows:,} of these are of the kind that the join {join.alias} reads from it")
        return f"; {', '.join(told)}" if told else ""

    def _want_codes(self, numbers: Numbers) -> None:
        b, section, dialect = self.binding, self.binding.section, self.dialect
        if b.family in ("items", "operations"):
            late = self._late_filters()
            if late:
                early = tuple(w for w in section.where if w not in late)
                before = self._before_joins() if not early else self._only(section.joins, early)
                numbers.want("codes_before", codes_of(before, dialect))
            if section.latest:
                numbers.want("codes_filtered", codes_of(self._only(section.joins, section.where), dialect))
            if late or section.latest or b.family == "items":
                numbers.want("codes", codes_of(self._whole, dialect))
        if b.family == "items":
            codes = select_of(only_columns(self._whole, item_code(b)), dialect).subquery()
            filled = [c.is_not(None) for c in codes.c]
            folds = [
                sa.func.upper(sa.func.ltrim(sa.func.rtrim(sa.cast(c, sa.Unicode(200))))) for c in codes.c
            ]
            folded = sa.select(*(f.label(f"code{i}") for i, f in enumerate(folds))).where(*filled).distinct()
            numbers.want("codes_folded", sa.select(sa.func.count()).select_from(folded.subquery()))
            often = sa.select(*codes.c).where(*filled).group_by(*codes.c).having(sa.func.count() > 1)
            numbers.want("codes_often", sa.select(sa.func.count()).select_from(often.subquery()))

    def _without_partner(self, join: Join) -> Where:
        return Where(column=qualified(join.alias, join.on[0][1]), op="is null")

    def _filters_on(self, joins: Sequence[Join]) -> tuple[Where, ...]:
        """Filters on columns of some joined tables: they may pick the one partner that counts, such as a language."""
        aliases = {j.alias for j in joins}
        found = [(w, self.binding.find(w.column)) for w in self.binding.section.where]
        return tuple(w for w, c in found if c is not None and c.alias in aliases)

    def _blank(self, condition: Where) -> Where:
        return Where(column=condition.column, op="is null")

    def _late_filters(self) -> list[Where]:
        """Filters on a left-joined table: they drop the rows without a partner, as an inner join would."""
        left = {j.alias for j in self.binding.section.joins if j.kind == "left"}
        found = [(w, self.binding.find(w.column)) for w in self.binding.section.where]
        return [w for w, c in found if c is not None and c.alias in left and w.op != "is null"]

    def _before_joins(self) -> Binding:
        """The main table alone where it has the item code, else with all joins."""
        alone = self._code_aliases == {self.binding.section.alias}
        return self._only(() if alone else self.binding.section.joins)

    def _count(
        self, rule: Rule, subject: str, rows: int, of_rows: int, told: str, remedy: str = ""
    ) -> SourceCount:
        return SourceCount(self.binding.frame, rule, subject, max(rows, 0), of_rows, told, remedy)

    def of_joins(self, numbers: Numbers) -> Iterator[SourceCount]:
        """What each join loses and multiplies."""
        if "main" not in numbers.found:
            return
        title, main = self.binding.title, numbers["main"]
        yield self._count(
            "table_rows",
            "",
            numbers["read"],
            main,
            f"{numbers['read']:,} rows are read of {main:,} of {title}",
        )
        before = main
        for i, join in enumerate(self.binding.section.joins):
            table = str(self.binding.tables[join.alias])
            name = f"join {join.alias} to {table}"
            known = f"join{i}_none" in numbers.found
            none = numbers[f"join{i}_none"] if known else 0
            left = numbers.found.get(f"join{i}", before)
            filtered = bool(self._filters_on((join,)))
            if left > before:
                on_purpose = self._brings_rows(join)
                yield self._count(
                    "join_expands" if on_purpose else "join_multiplies", name, left - before, before,
                    f"the {name} makes {left - none if join.kind == 'inner' and not filtered else left:,} rows out of "
                    f"{before:,} of {title}",
                    "" if on_purpose else f"Join {table} over all columns of its key (a language or company is one of them), or "
                    "leave the join out: rows that it multiplies are counted several times.",
                )  # fmt: skip
            if known and none >= before > 0:
                yield self._count(
                    "join_finds_nothing", name, none, before, f"the {name} finds no partner for any of {before:,} rows",
                    "Compare the columns of its key: leading zeros, blanks, another company?",
                )  # fmt: skip
            elif known and join.kind == "inner":
                meant = join.may_drop is not None and none <= join.may_drop * before
                yield self._count(
                    "join_filters" if meant else "join_drops", name, none, before,
                    f"the {name} drops {none:,} of {before:,} rows, which have no partner",
                    "" if meant else 'Use kind = "left" if they are meant to stay; may_drop, the share that may go, if they are meant to go.',
                )  # fmt: skip
            before = left - none if join.kind == "inner" and not filtered else left

    def _brings_rows(self, join: Join) -> bool:
        """Whether the frame's rows come from this join (a line of a header, an item of a shared routing), by what is mapped."""
        aliases = {join.alias}
        for later in self.binding.section.joins:
            if any(self._alias(known) in aliases for known, _ in later.on):
                aliases.add(later.alias)
        needed = {c.name for c in RAW_COLUMNS[self.binding.family].values() if c.required}
        needed |= {"rout_no", "machine_time", "report_dt"}
        return any(
            c.name in needed and c.found is not None and c.found.alias in aliases
            for c in self.binding.columns
        )

    def of_filters(self, numbers: Numbers) -> Iterator[SourceCount]:
        """What each filter removes, and which items lose every row."""
        section = self.binding.section
        if section.where:
            yield from self._removed(numbers, numbers["joined"])
        if "codes_before" in numbers.found:
            subject = " and ".join(map(_words, self._late_filters()))
            aliases = sorted({self._alias(w.column) for w in self._late_filters()})
            before = numbers["codes_before"]
            after = numbers.found.get("codes_filtered", numbers["codes"])
            yield self._count(
                "filter_drops_items", subject, before - after, before,
                f"{before - after:,} of {before:,} item codes have no row left: the filter {subject} acts after the join",
                f"If they are meant to go, write kind = \"inner\" for the join {', '.join(aliases)}; else put the condition "
                "into the join.",
            )  # fmt: skip
        if "codes_filtered" in numbers.found and section.latest:
            before, after = numbers["codes_filtered"], numbers["codes"]
            key = f"{', '.join(section.latest.group)} / {', '.join(section.latest.key)}"
            yield self._count(
                "latest_drops_items", key, before - after, before,
                f"{before - after:,} of {before:,} item codes have no row left: the newest of their group ({key}) is filtered out",
                "Read a view that has only the rows that count, or leave out the filter.",
            )  # fmt: skip

    def _removed(self, numbers: Numbers, joined: int) -> Iterator[SourceCount]:
        for i, condition in enumerate(self.binding.section.where):
            left = numbers.found.get(f"where{i}", numbers["read"])
            words = _words(condition)
            yield self._count(
                "filter_removes", words, joined - left, joined,
                f"the filter {words} removes {joined - left:,} of {joined:,} rows of {self.binding.title}"
                f"{self._served(numbers, i)}",
            )  # fmt: skip
            if f"where{i}_blank" in numbers.found:
                blank = numbers[f"where{i}_blank"] - numbers[f"where{i}_kept"]
                yield self._count(
                    "filter_drops_blank", words, blank, joined,
                    f"the filter {words} removes {blank:,} of {joined:,} rows of {self.binding.title} because {condition.column} "
                    "is NULL there",
                    "A comparison with NULL is never true. Filter on a view that fills the column, if such rows count.",
                )  # fmt: skip

    def of_codes(self, numbers: Numbers) -> Iterator[SourceCount]:
        """Item codes that repeat, or differ in case and blanks only."""
        if self.binding.family != "items":
            return
        codes, often, folded = numbers["codes"], numbers["codes_often"], numbers["codes_folded"]
        title, column = self.binding.title, self._code_words()
        yield self._count(
            "code_repeats", "item_cd", often, codes, f"{often:,} of {codes:,} item codes of {title} stand in several rows",
            f"Is a column missing from the key (a company, a plant, a revision) or a filter? One row a code is kept ({column}).",
        )  # fmt: skip
        same = codes - folded
        yield self._count(
            "code_differs_in_case", "item_cd", same, codes,
            f"{same:,} of {codes:,} item codes of {title} differ from another one in case or blanks only",
            "One item of each is kept; give the others another code in a view, or correct them in the ERP.",
        )  # fmt: skip

    def _code_words(self) -> str:
        return self.binding.section.columns["item_cd"].source

    def of_companies(self, numbers: Numbers, ask: Ask) -> Iterator[SourceCount]:
        """Item codes that occur in several companies or plants, which the profile does not tell apart."""
        family = self.binding.family
        if family not in ("items", "operations") or (family == "items" and not numbers["codes_often"]):
            return
        columns = [*self._company_columns(), *self._perhaps_plants(ask)]
        if not columns:
            return
        asked = Numbers()
        asked.want("codes", codes_of(self._whole, self.dialect))
        for i, column in enumerate(columns):
            asked.want(f"company{i}", self._in_several(column))
        asked.ask(ask)
        for i, column in enumerate(columns):
            rows, table = asked[f"company{i}"], str(self.binding.tables[column.alias])
            yield self._count(
                "code_in_companies", column.name, rows, asked["codes"],
                f"{rows:,} of {asked['codes']:,} item codes stand in rows of several {column.name} of {table}",
                f"Filter on {column.name}, or make it part of the key: else the rows of one are taken for those of another. If "
                f"they are the same items, name {column.name} in `ignore`.",
            )  # fmt: skip

    def _company_columns(self) -> list[FoundColumn]:
        """Columns that name a company or plant, by name, and that neither a filter nor a key of the profile uses."""
        section = self.binding.section
        keys = [section.columns[n].model_dump() for n in ("item_cd", "rout_no") if n in section.columns]
        said = _strings([[w.model_dump() for w in section.where], keys, section.ignore, section.company])
        used = {text.rpartition(".")[2].lower() for text in said}
        if (
            self.binding.family == "operations"
        ):  # JD Edwards calls a work centre a business unit, as it calls a plant
            places = flat(c for c in self.binding.columns if c.name in ("res_cd", "job_cd"))
            used |= {c.found.name.lower() for c in places if c.found is not None}
        found: dict[str, FoundColumn] = {}
        for columns in self.binding.names.values():
            for key, column in columns.items():
                if (
                    column.spoken.lower() in COMPANY_COLUMNS
                    and key not in used
                    and column.type in ("text", "integer", "number")
                ):
                    found.setdefault(key, column)
        return list(found.values())

    def _perhaps_plants(self, ask: Ask) -> list[FoundColumn]:
        """Unread columns that by their name are a plant or a work centre, and by their rows a plant: one for a whole routing."""
        if self.binding.family != "operations" or "rout_no" not in self.binding.section.columns:
            return []
        unread = unread_columns(self.binding, ("text", "integer"))
        return [
            c
            for c in unread
            if c.spoken.lower() in _PLANT_OR_WORK_CENTRE and ask(self._in_a_routing(c))[0] == 0
        ]

    def _in_a_routing(self, column: FoundColumn) -> sa.Select[Any]:
        """How many routings have rows with several values of a column."""
        by = ReadColumn("company", "text", 100, False, column)
        routing = next(c for c in self.binding.columns if c.name == "rout_no")
        read = only_columns(replace(self.binding, marks=None), item_code(self.binding), routing, by)
        *key, plant = select_of(read, self.dialect).subquery().c
        several = sa.select(*key).group_by(*key).having(sa.func.min(plant) != sa.func.max(plant))
        return sa.select(sa.func.count().label("n")).select_from(several.subquery())

    def _in_several(self, column: FoundColumn) -> sa.Select[Any]:
        """How many item codes have rows with several values of a column."""
        by = ReadColumn("company", "text", 100, False, column)
        both = only_columns(replace(self.binding, marks=None), item_code(self.binding), by)
        rows = select_of(both, self.dialect).subquery()
        *code, company = rows.c
        several = sa.select(*code).group_by(*code).having(sa.func.min(company) != sa.func.max(company))
        return sa.select(sa.func.count()).select_from(several.subquery())


def _values(condition: Where) -> tuple[object, ...]:
    return condition.value if isinstance(condition.value, tuple) else (condition.value,)


def _words(condition: Where) -> str:
    value = "" if condition.value is None else f" {condition.value!r}"
    return f"{condition.column} {condition.op}{value}"


def _strings(value: Any) -> Iterator[str]:
    """Every text in a nested value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _strings(inner)


def _several_candidates(binding: Binding) -> Iterator[SourceCount]:
    """Columns for which the profile names several of which more than one exists: only the first is read."""
    mapped = {name: spec.first_of for name, spec in binding.section.columns.items()}
    if isinstance(binding.section, ItemSource):
        mapped |= {name: a.first_of for name, a in binding.section.attributes.items()}
    for name, candidates in mapped.items():
        there = [c for c in candidates if binding.find(c) is not None]
        if len(there) > 1:
            unread = ", ".join(there[1:])
            yield SourceCount(
                binding.frame, "several_candidates", name, len(there) - 1, len(there),
                f"{name} names {len(there)} columns that exist: {there[0]} is read, {unread} is not",
                "Name the one that is meant; first_of is for databases that spell a column differently.",
            )  # fmt: skip

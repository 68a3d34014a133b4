"""The hidden process-planning grammar of a demo plant: which operations, machines and times an item's attributes ask for.

What belongs here: the knobs (`Grammar`), the rule book drawn from the seed, its evaluation on true attributes, the
planners' variants, drift, machines and noise-free times. What does not: rows, dates, dirt (`plant_rows.py`) and the
items themselves (`plant_latent.py`).

A family (one kind of part) has slots in process order. A slot is always there, or a rule over the family's own choice of
attributes decides; a second rule may choose between two groups of job codes; thresholds of a size decide the number of
passes. Planners differ: each family has a few variations (leave a step out, add one, another code, one pass more, two
steps swapped), each with a probability that itself depends on an attribute. Exactly one or none of them is applied, so
an item's routings have a known distribution.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date, timedelta

import numpy as np

from routing_etl.erp import plant_values as v
from routing_etl.erp.plant_latent import Array, Catalogue, Latent, draw_catalogue, draw_latent
from routing_etl.erp.plant_rules import Rule, channel, draw_channels, draw_rule
from routing_etl.errors import ConfigurationError

MAX_PASSES = 3
N_TOGGLES = 4
_SHARES = (
    "conditional_share", "compound_rules", "planner_noise", "attribute_noise", "outsourced_share", "routed_share",
    "duplicate_items", "pool_share", "other_resource", "orphan_results", "new_item_share", "dirt",
)  # fmt: skip


@dataclass(frozen=True)
class Grammar:
    """Knobs of a plant. The rules themselves are drawn from the seed; these say how many and how noisy.

    Shares are 0..1. `attribute_noise`: share of items whose written attribute is blanked or wrong, per attribute.
    `planner_noise`: mean probability that a planner departs from an item's most probable routing.
    `dirt`: 1 = the measured rates of ERP_CONTRACT section 5, 0 = none of the optional dirt.
    `time_noise`: sigma of ln(time) of one order, `item_time_noise`: of an item as a whole.
    """

    families: int = 18
    part_types: int = 424
    new_part_types: int = 12
    new_item_share: float = 0.012
    attributes_per_family: int = 8
    conditional_share: float = 0.45
    compound_rules: float = 0.4
    most_passes: int = 3
    planner_noise: float = 0.17
    attribute_noise: float = 0.03
    outsourced_share: float = 0.025
    drifted_codes: int = 3
    drift_days: int = 430
    machine_change_days: int = 260
    routed_share: float = 0.549
    rows_per_routed_item: float = 9.9
    results_per_item: float = 24.6
    duplicate_items: float = 0.23
    pool_share: float = 0.12
    other_resource: float = 0.2
    orphan_results: float = 0.03
    time_noise: float = 0.25
    item_time_noise: float = 0.12
    lot_effect: float = 0.05
    dirt: float = 1.0
    as_of: date = field(default=date(2025, 10, 21))

    def __post_init__(self) -> None:
        for name in _SHARES:
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ConfigurationError(f"Grammar.{name} = {value!r} is no share.", remedy="Give 0 to 1.")
        bounds = {
            "families": (2, 60),
            "part_types": (2, 2000),
            "new_part_types": (0, 200),
            "attributes_per_family": (1, 18),
            "most_passes": (1, MAX_PASSES),
            "drifted_codes": (0, 20),
            "rows_per_routed_item": (1, 60),
            "results_per_item": (0, 200),
            "time_noise": (0, 2),
            "item_time_noise": (0, 2),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigurationError(
                    f"Grammar.{name} = {value!r} is outside {low} to {high}.",
                    remedy=f"Give a value from {low} to {high}.",
                )

    def knobs(self) -> dict[str, str]:
        """Every knob as text, for the summary table."""
        return {name: str(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Slot:
    """One place in a family's process: when it is there, which codes, how many passes, whether it goes outside."""

    stage: str
    presence: Rule | None
    codes: Array
    choice: Rule | None
    passes: tuple[str, int, tuple[float, ...]] | None
    outside: Rule | None
    column: int

    @property
    def width(self) -> int:
        """Columns that the slot takes in the family's matrix of codes."""
        return int(self.codes.shape[1])


@dataclass(frozen=True)
class Toggle:
    """A planners' variation: its kind, its slot, its probability and the rule that raises it."""

    kind: str
    slot: int
    share: float
    rule: Rule


@dataclass
class Family:
    """Slots, variations and the rule of complete outsourcing of one family."""

    slots: list[Slot]
    toggles: list[Toggle]
    outsourced: tuple[str, float] | None
    outside_codes: Array

    @property
    def width(self) -> int:
        """Columns of the family's matrix of codes."""
        return self.slots[-1].column + self.slots[-1].width


@dataclass
class Codes:
    """All job codes of the plant; index 0 means "no operation"."""

    code: list[str] = field(default_factory=lambda: [""])
    name: list[str] = field(default_factory=lambda: [""])
    stage: list[str] = field(default_factory=lambda: [""])

    def add(self, code: str, name: str, stage: str) -> int:
        """Register a code and return its index."""
        self.code.append(code)
        self.name.append(name)
        self.stage.append(stage)
        return len(self.code) - 1


@dataclass
class Book:
    """The whole grammar of one plant."""

    grammar: Grammar
    catalogue: Catalogue
    codes: Codes
    families: list[Family]
    resources: Codes
    line_names: list[str]
    line_of_code: Array
    line_cuts: Array
    machine: Array
    line_machines: list[Array]
    pool_of_line: Array
    old_code: Array
    code_change: date
    old_machine: Array
    machine_change: date
    run_base: Array
    setup_base: Array
    run_family: Array
    run_material: Array
    exponent: Array

    @property
    def width(self) -> int:
        """Columns of the plant-wide matrix of codes."""
        return max(f.width for f in self.families)

    # --- evaluation ---------------------------------------------------------------------------------------------------
    def plan(self, items: Latent) -> Plan:
        """The most probable routing of every item and the probabilities of its variants."""
        n = len(items)
        jobs = np.zeros((n, self.width), np.int16)
        outside = np.zeros((n, self.width), bool)
        share = np.zeros((n, N_TOGGLES))
        whole = np.zeros(n, bool)
        for f, family in enumerate(self.families):
            rows = np.flatnonzero(items.family == f)
            if not len(rows):
                continue
            part = items.take(rows)
            own, out = _base(family, part)
            p = np.zeros((len(rows), N_TOGGLES))
            for k, toggle in enumerate(family.toggles):
                changed = (_toggled(family, toggle, own) != own).any(1)
                p[:, k] = np.where(changed, toggle.share * np.where(toggle.rule.holds(part), 1.7, 0.5), 0)
            p *= np.minimum(1.0, 0.5 / np.maximum(p.sum(1, keepdims=True), 1e-9))
            if family.outsourced is not None:
                name, level = family.outsourced
                gone = channel(part, name, 0) > level
                own[gone] = 0
                own[np.ix_(gone, range(len(family.outside_codes)))] = family.outside_codes
                out[gone] = True
                p[gone] = 0
                whole[rows] = gone
            jobs[np.ix_(rows, range(family.width))] = own
            outside[np.ix_(rows, range(family.width))] = out
            share[rows] = p
        return Plan(jobs, outside, share, whole)

    def variant(self, items: Latent, plan: Plan, rows: Array, which: Array) -> tuple[Array, Array]:
        """Codes and outside flags of `rows` under variant `which` (0 the most probable, k the k-th variation)."""
        jobs = plan.jobs[rows].copy()
        outside = plan.outside[rows].copy()
        families = items.family[rows]
        for f, family in enumerate(self.families):
            for k, toggle in enumerate(family.toggles):
                hit = np.flatnonzero((families == f) & (which == k + 1))
                if len(hit):
                    wide = range(family.width)
                    block = np.ix_(hit, wide)
                    jobs[block] = _toggled(family, toggle, jobs[block])
                    if toggle.kind == "swap":
                        outside[block] = outside[block][:, _swap_order(family, toggle)]
        return jobs, outside

    def machines(self, items: Latent) -> Array:
        """Main resource per item and line, shape (n, lines)."""
        n_lines = len(self.line_names)
        result = np.zeros((len(items), n_lines), np.int16)
        for line in range(n_lines):
            grade = np.searchsorted(self.line_cuts[line], items.size, side="right")
            result[:, line] = self.machine[items.family, line, grade]
        return result

    def times(self, items: Latent, rows: Array, jobs: Array) -> tuple[Array, Array]:
        """Noise-free minutes (set-up per order, run per piece) of job `jobs[i]` on item `rows[i]`."""
        size = np.clip(items.size[rows], 5, 900) / 100
        family, group = items.family[rows], items.mg[rows]
        line = self.line_of_code[jobs]
        run = self.run_base[jobs] * self.run_family[family, line] * self.run_material[line, group]
        run *= size ** self.exponent[jobs] * np.where(items.std[rows], 0.88, 1.0)
        setup = (
            self.setup_base[jobs]
            * self.run_family[family, line] ** 0.4
            * size ** (0.35 * self.exponent[jobs])
        )
        setup *= np.where(items.double[rows], 1.15, 1.0)
        return np.round(setup, 3), np.round(run, 4)


@dataclass
class Plan:
    """Result of `Book.plan`: codes (n, width), outside flags, probabilities of variations (n, 4), wholly outsourced."""

    jobs: Array
    outside: Array
    share: Array
    whole: Array


def _base(family: Family, part: Latent) -> tuple[Array, Array]:
    jobs = np.zeros((len(part), family.width), np.int16)
    outside = np.zeros((len(part), family.width), bool)
    for slot in family.slots:
        there = np.ones(len(part), bool) if slot.presence is None else slot.presence.holds(part)
        group = np.zeros(len(part), int) if slot.choice is None else slot.choice.holds(part).astype(int)
        wanted = np.ones(len(part), int)
        if slot.passes is not None:
            name, arg, levels = slot.passes
            wanted = 1 + np.searchsorted(np.array(levels), channel(part, name, arg), side="left")
        columns = slice(slot.column, slot.column + slot.width)
        within = np.arange(slot.width)[None, :] < wanted[:, None]
        jobs[:, columns] = slot.codes[group] * (within & there[:, None])
        if slot.outside is not None:
            outside[:, columns] = slot.outside.holds(part)[:, None]
    return jobs, outside


def _swap_order(family: Family, toggle: Toggle) -> Array:
    first, second = family.slots[toggle.slot], family.slots[toggle.slot + 1]
    a = np.arange(first.column, first.column + first.width)
    b = np.arange(second.column, second.column + second.width)
    order = np.arange(family.width)
    order[first.column : first.column + len(a) + len(b)] = np.concatenate([b, a])
    return order


def _toggled(family: Family, toggle: Toggle, jobs: Array) -> Array:
    """The family's matrix after one variation; rows where it does not apply come back unchanged."""
    slot = family.slots[toggle.slot]
    columns = slice(slot.column, slot.column + slot.width)
    result = jobs.copy()
    here = jobs[:, columns]
    there = here[:, 0] > 0
    if toggle.kind == "skip":
        rest = (jobs > 0).sum(1) - (here > 0).sum(1)
        result[:, columns] = np.where((rest >= 2)[:, None], 0, here)
    elif toggle.kind == "add":
        result[:, slot.column] = np.where(there, here[:, 0], slot.codes[0, 0])
    elif toggle.kind == "alt":
        lookup = np.arange(int(max(jobs.max(), slot.codes.max())) + 1)
        lookup[slot.codes[0]] = slot.codes[1]
        lookup[slot.codes[1]] = slot.codes[0]
        result[:, columns] = lookup[here]
    elif toggle.kind == "pass":
        count = (here > 0).sum(1)
        group = (here[:, 0] != slot.codes[0, 0]).astype(int)
        changed = np.where(count == 1, 2, count - 1)
        keep = np.arange(slot.width)[None, :] < changed[:, None]
        result[:, columns] = np.where(there[:, None], slot.codes[group] * keep, here)
    else:
        following = family.slots[toggle.slot + 1]
        both = there & (jobs[:, following.column] > 0)
        result[both] = jobs[both][:, _swap_order(family, toggle)]
    return result


# --- drawing ----------------------------------------------------------------------------------------------------------
class _Coder:
    """Gives each (stage, group) its own letter-and-number and makes codes for its passes."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.codes = Codes()
        self.made: dict[tuple[str, int], Array] = {}
        self.free: dict[str, list[int]] = {}

    def passes(self, stage: str, group: int) -> Array:
        """Indices of the codes of passes 1, 2, 3 of a stage's group; some groups repeat one code."""
        key = (stage, group)
        if key not in self.made:
            info = v.STAGES[stage]
            pool = self.free.setdefault(info.letter, list(self.rng.permutation(np.arange(1, 90))))
            number = pool.pop()
            repeats = self.rng.random() < 0.2
            first = int(self.rng.integers(1, 3))
            tag = "" if group == 0 else f"_{'BCDE'[group - 1]}"
            indices = []
            for k in range(MAX_PASSES):
                if repeats and indices:
                    indices.append(indices[0])
                    continue
                name = f"{info.name}{tag} {k + 1}차" if not repeats else f"{info.name}{tag}"
                indices.append(self.codes.add(f"{info.letter}{number:02d}-{first + k}", name, stage))
            self.made[key] = np.array(indices, np.int16)
        return self.made[key]


def draw_book(seed: int, grammar: Grammar) -> Book:
    """Draw the plant's grammar. It depends on the seed and the knobs only, not on the number of items."""
    rng = np.random.default_rng([seed, 11])
    catalogue = draw_catalogue(
        np.random.default_rng([seed, 12]), grammar.families, grammar.part_types, grammar.new_part_types
    )
    sample = draw_latent(np.random.default_rng([seed, 13]), catalogue, 24_000)
    coder = _Coder(rng)
    families = []
    for f in range(len(catalogue.families)):
        rows = np.flatnonzero(sample.family == f)
        part = sample.take(rows) if len(rows) >= 30 else sample
        families.append(_draw_family(rng, grammar, catalogue.archetype(f), part, coder))
    if grammar.outsourced_share:
        _outsource(rng, families, sample, grammar.outsourced_share)
    codes = coder.codes
    old_code, code_change = _drift(rng, grammar, families, sample, codes)
    book = _machines_and_times(rng, grammar, catalogue, families, codes, sample, old_code, code_change)
    _calibrate(book, sample)
    return book


def _draw_family(
    rng: np.random.Generator, grammar: Grammar, kind: v.Archetype, part: Latent, coder: _Coder
) -> Family:
    channels = draw_channels(rng, kind.od_mm is not None, grammar.attributes_per_family)
    slots: list[Slot] = []
    column = 0
    n_conditional = 0
    for entry in kind.pipeline:
        stage, core, many = entry.rstrip("!*"), "!" in entry, "*" in entry
        draw = rng.random()
        conditional = draw < (0.12 if core else grammar.conditional_share)
        if not conditional and not core and rng.random() < 0.6:
            continue
        presence = draw_rule(rng, part, channels, grammar.compound_rules) if conditional else None
        n_conditional += conditional
        first = int(rng.integers(3))
        codes = np.stack([coder.passes(stage, first), coder.passes(stage, (first + 1) % 3)])
        choice = draw_rule(rng, part, channels, grammar.compound_rules) if rng.random() < 0.22 else None
        passes = None
        width = 1
        if many and grammar.most_passes > 1 and rng.random() < 0.75:
            passes, width = _draw_passes(rng, part, kind, grammar.most_passes)
        outside = None
        if v.STAGES[stage].outsourceable and rng.random() < 0.5:
            outside = draw_rule(rng, part, channels, grammar.compound_rules)
        slots.append(Slot(stage, presence, codes[:, :width], choice, passes, outside, column))
        column += width
    if all(s.presence is not None for s in slots):
        s = slots[-1]
        slots[-1] = Slot(s.stage, None, s.codes, s.choice, s.passes, s.outside, s.column)
    outside_codes = np.array(
        [coder.passes("out", int(rng.integers(3)))[0], coder.passes("insp_in", 0)[0]], np.int16
    )
    family = Family(slots, [], None, outside_codes)
    if family.width < len(outside_codes):
        s = slots[-1]
        both = np.concatenate([s.codes, s.codes], axis=1)
        slots[-1] = Slot(
            s.stage, s.presence, both, s.choice, s.passes or ("std", 0, (2.0,)), s.outside, s.column
        )
    family.toggles = _draw_toggles(rng, grammar, family, part, channels)
    return family


def _draw_passes(
    rng: np.random.Generator, part: Latent, kind: v.Archetype, most: int
) -> tuple[tuple[str, int, tuple[float, ...]], int]:
    if kind.od_mm is not None:
        name = str(rng.choice(["od", "ln", "wall"], p=[0.5, 0.3, 0.2]))
        values = channel(part, name, 0)
        cuts = np.sort(rng.uniform([0.3, 0.7], [0.6, 0.92]))[: most - 1]
        levels = tuple(float(f"{x:.2g}") for x in np.quantile(values, cuts))
        return (name, 0, levels), most
    name, arg = ("tok", 1) if kind.style == "vessel" else ("ssize", 0)
    values = channel(part, name, arg)
    levels = tuple(sorted({float(np.quantile(values, rng.uniform(0.4, 0.8)))}))
    return (name, arg, levels), 2


def _draw_toggles(
    rng: np.random.Generator,
    grammar: Grammar,
    family: Family,
    part: Latent,
    channels: list[tuple[str, int]],
) -> list[Toggle]:
    jobs, _ = _base(family, part)
    options: list[tuple[float, str, int]] = []
    for i, slot in enumerate(family.slots):
        kinds = ["alt"]
        if slot.outside is None:
            # Leaving an outside step out would turn a mixed routing into the in-house one that counts.
            kinds.append("skip")
            if slot.presence is not None:
                kinds.append("add")
        if slot.width > 1 and slot.passes is not None and slot.passes[0] != "std":
            kinds.append("pass")
        if i + 1 < len(family.slots):
            kinds.append("swap")
        for kind in kinds:
            probe = Toggle(kind, i, 0.0, Rule("one", ()))
            active = float((_toggled(family, probe, jobs) != jobs).any(1).mean())
            if active > 0.25:
                options.append((active, kind, i))
    if not options:
        return []
    picks = rng.permutation(len(options))
    chosen: list[tuple[float, str, int]] = []
    for j in picks:
        active, kind, i = options[j]
        if all(i != c[2] for c in chosen):
            chosen.append(options[j])
        if len(chosen) == N_TOGGLES:
            break
    total = grammar.planner_noise * rng.gamma(4.0, 0.25)
    weights = rng.dirichlet(np.full(len(chosen), 1.3))
    return [
        Toggle(kind, i, float(total * w / active), draw_rule(rng, part, channels, 0.2))
        for w, (active, kind, i) in zip(weights, chosen, strict=True)
    ]


def _outsource(rng: np.random.Generator, families: list[Family], sample: Latent, share: float) -> None:
    """Some families send what is too large for their machines outside altogether."""
    makers = [f for f in range(len(families)) if (sample.family == f).any()]
    sized = [f for f in makers if float(sample.od[sample.family == f].max()) > 0]
    if not sized:
        return
    chosen = rng.choice(sized, max(1, len(sized) // 2), replace=False)
    covered = float(np.isin(sample.family, chosen).mean())
    part = min(share / max(covered, 1e-6), 0.25)
    for f in chosen:
        values = sample.od[sample.family == f]
        families[f].outsourced = ("od", float(f"{np.quantile(values, 1 - part):.3g}"))


def _drift(
    rng: np.random.Generator, grammar: Grammar, families: list[Family], sample: Latent, codes: Codes
) -> tuple[Array, date]:
    """Some codes of today replaced older ones: `old[today] = the code before the change`."""
    usage = np.zeros(len(codes.code))
    for f, family in enumerate(families):
        part = sample.take(np.flatnonzero(sample.family == f))
        if len(part):
            jobs, _ = _base(family, part)
            found, count = np.unique(jobs, return_counts=True)
            usage[found] += count
    usage[0] = 0
    usage /= len(sample)
    eligible = np.flatnonzero((usage > 0.01) & (usage < 0.08))
    chosen = rng.choice(eligible, min(grammar.drifted_codes, len(eligible)), replace=False)
    pairs = []
    for today in chosen:
        letter = codes.code[today][0]
        used = set(codes.code)
        number = int(rng.integers(90, 100))
        suffix = 1
        while f"{letter}{number}-{suffix}" in used:
            suffix += 1
        pairs.append(
            (today, codes.add(f"{letter}{number}-{suffix}", f"{codes.name[today]} 구", codes.stage[today]))
        )
    old = np.arange(len(codes.code), dtype=np.int16)
    for today, before in pairs:
        old[today] = before
    return old, grammar.as_of - timedelta(days=grammar.drift_days)


def _machines_and_times(
    rng: np.random.Generator,
    grammar: Grammar,
    catalogue: Catalogue,
    families: list[Family],
    codes: Codes,
    sample: Latent,
    old_code: Array,
    code_change: date,
) -> Book:
    resources = Codes()
    lines = list(v.LINES)
    grades = 4
    cuts = np.zeros((len(lines), grades - 1))
    machine = np.zeros((len(families), len(lines), grades), np.int16)
    line_machines: list[Array] = []
    pool_of_line = np.zeros(len(lines), np.int16)
    retired: list[tuple[int, int]] = []
    for i, line in enumerate(lines):
        prefix, pattern, count, has_pool = v.LINES[line]
        numbers = np.sort(rng.choice(np.arange(1, count + 3), count, replace=False))
        made = []
        for k, number in enumerate(numbers):
            inch = int(np.interp(k, [0, max(count - 1, 1)], [8, 32]))
            name = pattern.format(k=number, n=inch, c="ABCEGMNOPQ"[k % 10])
            suffix = f"{number}{'ABC'[k % 3]}" if prefix.endswith("WC") else f"-{number:02d}"
            made.append(resources.add(f"{prefix}{suffix}" if line != "OUT" else "외주", name, line))
        if has_pool:
            pool_of_line[i] = resources.add(f"{prefix}-대기", f"{prefix} 대기", line)
        values = sample.size[sample.size > 0]
        cuts[i] = np.quantile(values, np.sort(rng.uniform([0.25, 0.55, 0.85], [0.5, 0.8, 0.97])))
        blocks = np.array_split(np.array(made), min(grades, count))
        for f in range(len(families)):
            for grade in range(grades):
                block = blocks[min(grade * len(blocks) // grades, len(blocks) - 1)]
                machine[f, i, grade] = rng.choice(block)
        if line == "CNC" and len(made) > 2:
            gone = resources.add(
                f"{prefix}-{int(numbers[-1]) + 2:02d}", pattern.format(k=0, n=10, c="Z"), line
            )
            retired.append((made[len(made) // 2], gone))
        line_machines.append(np.array(made, np.int16))
    old_machine = np.arange(len(resources.code), dtype=np.int16)
    for today, before in retired:
        old_machine[today] = before
    stage_of = [v.STAGES[s] if s else None for s in codes.stage]
    line_of_code = np.array([0 if s is None else lines.index(s.line) for s in stage_of])
    n_codes = len(codes.code)
    jitter = rng.lognormal(0, 0.28, (2, n_codes))
    today_of = np.arange(n_codes)
    today_of[old_code[old_code != np.arange(n_codes)]] = np.flatnonzero(old_code != np.arange(n_codes))
    hardness = np.array([1.0, 1.3, 1.6, 0.8, 1.9, 2.3, 0.6, 0.5, 0.9, 1.0, 1.4])
    exponent = np.array([0.0 if s is None else s.exponent for s in stage_of])
    exponent = (exponent * rng.uniform(0.7, 1.3, n_codes))[today_of]
    return Book(
        grammar=grammar,
        catalogue=catalogue,
        codes=codes,
        families=families,
        resources=resources,
        line_names=lines,
        line_of_code=line_of_code,
        line_cuts=cuts,
        machine=machine,
        line_machines=line_machines,
        pool_of_line=pool_of_line,
        old_code=old_code,
        code_change=code_change,
        old_machine=old_machine,
        machine_change=grammar.as_of - timedelta(days=grammar.machine_change_days),
        run_base=(np.array([0.0 if s is None else s.run for s in stage_of]) * jitter[0])[today_of],
        setup_base=(np.array([0.0 if s is None else s.setup for s in stage_of]) * jitter[1])[today_of],
        run_family=rng.lognormal(0, 0.25, (len(families), len(lines))),
        run_material=hardness[None, :] ** rng.uniform(0.2, 1.1, (len(lines), 1)),
        exponent=exponent,
    )


def _calibrate(book: Book, sample: Latent) -> None:
    """Scale the variations so that planners depart from the most probable routing as often as the knob says."""
    goal = book.grammar.planner_noise
    for _ in range(6):
        mean = float(book.plan(sample).share.sum(1).mean())
        if mean <= 0 or abs(mean - goal) < 0.002:
            return
        factor = goal / mean
        for family in book.families:
            family.toggles = [Toggle(t.kind, t.slot, t.share * factor, t.rule) for t in family.toggles]

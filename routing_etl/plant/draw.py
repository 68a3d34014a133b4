"""The draw of a demo plant's grammar: another seed gives other codes, rules, thresholds, machines and times.

`grammar.py` says what a `Book` means, `rules.py` draws single rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from routing_etl.plant import values as v
from routing_etl.plant.codes import Codes
from routing_etl.plant.grammar import (
    N_TOGGLES,
    Book,
    Drift,
    Family,
    Passes,
    Shop,
    Slot,
    TimeFactors,
    Toggle,
    base_plan,
    toggled,
)
from routing_etl.plant.knobs import MAX_PASSES, Grammar
from routing_etl.plant.latent import Array, Catalogue, Latent, draw_catalogue, draw_latent
from routing_etl.plant.rules import Rule, channel, draw_channels, draw_rule
from routing_etl.plant.wide import Process, Wide, draw_wide

#: Sizes part the work of a line into so many grades; each grade has its machines.
_GRADES = 4
#: Lines of which a machine can have been replaced, and lines whose machine can be chosen by load, in the order of the knobs.
_DATED = ("CNC", "MCT", "LAP", "GRD", "WLD", "LAT")
_BY_LOAD = ("ASY", "MCT", "WSH", "TST", "LAP", "CNC")
#: Probability of an option, whatever the item is like: at least, at most.
_OPTION = (0.15, 0.4)
#: Time factor of each material group, in the order of `values.MATERIAL_GROUPS`.
_HARDNESS = np.array([1.0, 1.3, 1.6, 0.8, 1.9, 2.3, 0.6, 0.5, 0.9, 1.0, 1.4])


class _Coder:
    """Gives each group of a stage a letter and a number of its own, and makes the codes of its passes."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.codes = Codes()
        self.made: dict[tuple[str, int], Array] = {}
        self.free: dict[str, list[int]] = {}

    def passes(self, stage: str, group: int) -> Array:
        """Indices of the codes of passes 1, 2, 3 of a stage's group; some groups use one code for all passes."""
        key = (stage, group)
        if key not in self.made:
            info = v.STAGES[stage]
            pool = self.free.setdefault(info.letter, list(self.rng.permutation(np.arange(1, 90))))
            number = pool.pop()
            repeats = self.rng.random() < 0.2
            first = int(self.rng.integers(1, 3))
            tag = "" if group == 0 else f"_{'BCDE'[group - 1]}"
            indices: list[int] = []
            for k in range(MAX_PASSES):
                if repeats and indices:
                    indices.append(indices[0])
                    continue
                name = f"{info.name}{tag} {k + 1}차" if not repeats else f"{info.name}{tag}"
                indices.append(self.codes.add(f"{info.letter}{number:02d}-{first + k}", name, stage))
            self.made[key] = np.array(indices, np.int16)
        return self.made[key]


def draw_book(seed: int, grammar: Grammar) -> Book:
    """Draw the plant's grammar; it depends on the seed and the knobs, not on the number of items."""
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
    across = np.random.default_rng([seed, 14])
    wide = _draw_across(across, grammar, catalogue, families, codes)
    drift = _drift(rng, grammar, families, sample, codes)
    shop = _by_load(across, grammar, _draw_shop(rng, grammar, len(families), sample))
    stages = [v.STAGES[s] if s else None for s in codes.stage]
    line_of_code = np.array([0 if s is None else shop.lines.index(s.line) for s in stages])
    factors = _draw_factors(rng, stages, drift.old_code, len(families), len(shop.lines))
    book = Book(grammar, catalogue, codes, line_of_code, families, drift, shop, factors, wide)
    _calibrate(book, sample)
    _draw_options(across, book, sample)
    return book


def _draw_family(
    rng: np.random.Generator, grammar: Grammar, kind: v.Archetype, part: Latent, coder: _Coder
) -> Family:
    channels = draw_channels(rng, kind.od_mm is not None, grammar.attributes_per_family)
    slots: list[Slot] = []
    column = 0
    for entry in kind.pipeline:
        stage, core, many = entry.rstrip("!*"), "!" in entry, "*" in entry
        draw = rng.random()
        conditional = draw < (0.12 if core else grammar.conditional_share)
        if not conditional and not core and rng.random() < 0.6:
            continue
        presence = draw_rule(rng, part, channels, grammar.compound_rules) if conditional else None
        first = int(rng.integers(3))
        codes = np.stack([coder.passes(stage, first), coder.passes(stage, (first + 1) % 3)])
        choice = draw_rule(rng, part, channels, grammar.compound_rules) if rng.random() < 0.22 else None
        passes, width = None, 1
        if many and grammar.most_passes > 1 and rng.random() < 0.75:
            passes, width = _draw_passes(rng, part, kind, grammar.most_passes)
        outside = None
        if v.STAGES[stage].outsourceable and rng.random() < 0.5:
            outside = draw_rule(rng, part, channels, grammar.compound_rules)
        slots.append(Slot(stage, presence, codes[:, :width], choice, passes, outside, column))
        column += width
    # Every pipeline has two core stages or more; two of its slots are always there, so a routing has two operations.
    for at in range(len(slots) - 1, -1, -1):
        if sum(s.presence is None for s in slots) < 2 and slots[at].presence is not None:
            slots[at] = replace(slots[at], presence=None)
    outside_codes = np.array(
        [coder.passes("out", int(rng.integers(3)))[0], coder.passes("insp_in", 0)[0]], np.int16
    )
    family = Family(slots, [], None, outside_codes)
    family.toggles = _draw_toggles(rng, grammar, family, part, channels)
    return family


def _draw_passes(rng: np.random.Generator, part: Latent, kind: v.Archetype, most: int) -> tuple[Passes, int]:
    """A rule for the number of passes, and the most passes that it gives."""
    if kind.od_mm is not None:
        name = str(rng.choice(["od", "ln", "wall"], p=[0.5, 0.3, 0.2]))
        values = channel(part, name, 0)
        cuts = np.sort(rng.uniform([0.3, 0.7], [0.6, 0.92]))[: most - 1]
        levels = tuple(float(f"{x:.2g}") for x in np.quantile(values, cuts))
        return Passes(name, 0, levels), most
    name, arg = ("tok", 1) if kind.style == "vessel" else ("ssize", 0)
    values = channel(part, name, arg)
    return Passes(name, arg, (float(np.quantile(values, rng.uniform(0.4, 0.8))),)), 2


def _draw_toggles(
    rng: np.random.Generator,
    grammar: Grammar,
    family: Family,
    part: Latent,
    channels: list[tuple[str, int]],
) -> list[Toggle]:
    options = _possible_toggles(family, part)
    if not options:
        return []
    chosen: list[_Option] = []
    for j in rng.permutation(len(options)):
        if all(options[j].slot != c.slot for c in chosen):
            chosen.append(options[j])
        if len(chosen) == N_TOGGLES:
            break
    total = grammar.planner_noise * rng.gamma(4.0, 0.25)
    weights = rng.dirichlet(np.full(len(chosen), 1.3))
    return [
        Toggle(o.kind, o.slot, float(total * w / o.active), draw_rule(rng, part, channels, 0.2))
        for w, o in zip(weights, chosen, strict=True)
    ]


@dataclass(frozen=True)
class _Option:
    """A variation that a family could have; `active`: share of its items that it changes."""

    active: float
    kind: str
    slot: int


def _possible_toggles(family: Family, part: Latent) -> list[_Option]:
    """Every variation that changes more than a quarter of the family's items."""
    jobs, _ = base_plan(family, part)
    options = []
    for i, slot in enumerate(family.slots):
        kinds = ["alt"]
        if slot.outside is None:
            # Leaving an outside step out would turn a mixed routing into the in-house one that counts.
            kinds.append("skip")
            if slot.presence is not None:
                kinds.append("add")
        if slot.width > 1:
            kinds.append("pass")
        if i + 1 < len(family.slots):
            kinds.append("swap")
        for kind in kinds:
            probe = Toggle(kind, i, 0.0, Rule("one", ()))
            active = float((toggled(family, probe, jobs) != jobs).any(1).mean())
            if active > 0.25:
                options.append(_Option(active, kind, i))
    return options


def _outsource(rng: np.random.Generator, families: list[Family], sample: Latent, share: float) -> None:
    """Let some families send items that are too large for their machines outside as a whole."""
    makers = [f for f in range(len(families)) if (sample.family == f).any()]
    sized = [f for f in makers if float(sample.od[sample.family == f].max()) > 0]
    if not sized:
        return
    chosen = rng.choice(sized, max(1, len(sized) // 2), replace=False)
    covered = float(np.isin(sample.family, chosen).mean())
    part = min(share / max(covered, 1e-6), 0.25)
    for f in chosen:
        values = sample.od[sample.family == f]
        families[f].outside_above = float(f"{np.quantile(values, 1 - part):.3g}")


def _drift(
    rng: np.random.Generator, grammar: Grammar, families: list[Family], sample: Latent, codes: Codes
) -> Drift:
    """Let some of today's codes, neither rare nor frequent, replace older ones."""
    usage = np.zeros(len(codes.code))
    for f, family in enumerate(families):
        part = sample.take(np.flatnonzero(sample.family == f))
        if len(part):
            jobs, _ = base_plan(family, part)
            found, count = np.unique(jobs, return_counts=True)
            usage[found] += count
    usage[0] = 0
    usage /= len(sample)
    eligible = np.flatnonzero((usage > 0.008) & (usage < 0.045))
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
    return Drift(old, grammar.as_of - timedelta(days=grammar.drift_days))


def _draw_shop(rng: np.random.Generator, grammar: Grammar, families: int, sample: Latent) -> Shop:
    """Draw the machines of every line, and which of them each family uses for each grade of size."""
    resources = Codes()
    cuts = np.zeros((len(v.LINES), _GRADES - 1))
    machine = np.zeros((families, len(v.LINES), _GRADES), np.int16)
    machines_of_line: list[Array] = []
    pool_of_line = np.zeros(len(v.LINES), np.int16)
    retired: list[tuple[int, int]] = []
    sizes = sample.size[sample.size > 0]
    for i, (name, line) in enumerate(v.LINES.items()):
        numbers = np.sort(rng.choice(np.arange(1, line.machines + 3), line.machines, replace=False))
        made = _add_machines(resources, name, numbers)
        if line.pool:
            pool_of_line[i] = resources.add(f"{line.prefix}-대기", f"{line.prefix} 대기", name)
        cuts[i] = np.quantile(sizes, np.sort(rng.uniform([0.25, 0.55, 0.85], [0.5, 0.8, 0.97])))
        blocks = np.array_split(np.array(made), min(_GRADES, line.machines))
        for f in range(families):
            for grade in range(_GRADES):
                block = blocks[min(grade * len(blocks) // _GRADES, len(blocks) - 1)]
                machine[f, i, grade] = rng.choice(block)
        if name in _DATED[: grammar.dated_lines] and len(made) > 2:
            code = f"{line.prefix}-{int(numbers[-1]) + 2:02d}"
            gone = resources.add(code, line.pattern.format(k=0, n=10, c="Z"), name)
            retired.append((made[len(made) // 2], gone))
        machines_of_line.append(np.array(made, np.int16))
    old_machine = np.arange(len(resources.code), dtype=np.int16)
    for today, before in retired:
        old_machine[today] = before
    changed = grammar.as_of - timedelta(days=grammar.machine_change_days)
    second = np.zeros(len(v.LINES), np.int16)
    return Shop(
        resources, list(v.LINES), cuts, machine, machines_of_line, pool_of_line, old_machine, changed, second
    )


def _by_load(rng: np.random.Generator, grammar: Grammar, shop: Shop) -> Shop:
    """Let the load choose between two machines of some lines, whatever is made."""
    for name in _BY_LOAD[: grammar.load_lines]:
        line = shop.lines.index(name)
        first, second = rng.choice(shop.machines_of_line[line], 2, replace=False)
        shop.machine[:, line], shop.second[line] = first, second
    return shop


def _draw_across(
    rng: np.random.Generator, grammar: Grammar, catalogue: Catalogue, families: list[Family], codes: Codes
) -> Wide:
    """Draw what holds across families."""
    processes = [
        Process(tuple(s.stage for s in f.slots), tuple(s.column + s.width - 1 for s in f.slots))
        for f in families
    ]
    return draw_wide(
        rng, catalogue, processes, codes,
        rules=grammar.plant_rules, extra_operations=grammar.extra_operations, strange_types=grammar.strange_part_types,
    )  # fmt: skip


def _draw_options(rng: np.random.Generator, book: Book, sample: Latent) -> None:
    """Give some families a step that is left out, or added, with a probability of its own, whatever the item is like."""
    for f, family in enumerate(book.families):
        part = sample.take(np.flatnonzero(sample.family == f))
        if rng.random() >= book.grammar.options or not len(part):
            continue
        free = [o for o in _possible_toggles(family, part) if o.kind in ("skip", "add")]
        free = [o for o in free if all(o.slot != t.slot for t in family.toggles)]
        if free:
            option = free[int(rng.integers(len(free)))]
            family.toggles.append(Toggle(option.kind, option.slot, float(rng.uniform(*_OPTION)), None))


def _add_machines(resources: Codes, name: str, numbers: Array) -> list[int]:
    """Add a line's machines; those with higher numbers are larger."""
    line = v.LINES[name]
    made = []
    for k, number in enumerate(numbers):
        inch = int(np.interp(k, [0, max(line.machines - 1, 1)], [8, 32]))
        text = line.pattern.format(k=number, n=inch, c="ABCEGMNOPQ"[k % 10])
        suffix = f"{number}{'ABC'[k % 3]}" if line.prefix.endswith("WC") else f"-{number:02d}"
        made.append(resources.add(f"{line.prefix}{suffix}" if name != "OUT" else "외주", text, name))
    return made


def _draw_factors(
    rng: np.random.Generator, stages: list[v.Stage | None], old_code: Array, families: int, lines: int
) -> TimeFactors:
    """Draw what times are the product of; a replaced code takes the times of its successor."""
    n_codes = len(stages)
    jitter = rng.lognormal(0, 0.28, (2, n_codes))
    successor = np.arange(n_codes)
    replaced = old_code != np.arange(n_codes)
    successor[old_code[replaced]] = np.flatnonzero(replaced)
    exponent = np.array([0.0 if s is None else s.exponent for s in stages])
    exponent = (exponent * rng.uniform(0.7, 1.3, n_codes))[successor]
    return TimeFactors(
        run=(np.array([0.0 if s is None else s.run for s in stages]) * jitter[0])[successor],
        setup=(np.array([0.0 if s is None else s.setup for s in stages]) * jitter[1])[successor],
        family=rng.lognormal(0, 0.25, (families, lines)),
        material=_HARDNESS[None, :] ** rng.uniform(0.2, 1.1, (lines, 1)),
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
            family.toggles = [replace(t, share=t.share * factor) for t in family.toggles]

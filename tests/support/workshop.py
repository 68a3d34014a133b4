"""A workshop drawn by other rules than the demo plant's: few models, sizes in inches, colours, and a truth.

Independent of `routing_etl.plant`: codes, attributes, rules, machines and times are of another kind, so that what is found on
the demo plant can be seen to hold elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from routing_etl.evaluation.truth import Truth
from routing_etl.frames import ITEMS, OPERATIONS, WORK_RESULTS, AttributeSpec

ATTRIBUTES = (
    AttributeSpec("model_no", "category"),
    AttributeSpec("colour", "category"),
    AttributeSpec("length_in", "number", "mm"),
    AttributeSpec("grade", "code"),
    AttributeSpec("remark", "text"),
)
#: Standard deviation of ln(minutes) between orders of one operation, and between items beyond what attributes tell.
ORDER_NOISE, ITEM_NOISE = 0.30, 0.20
#: Probability that the foreman leaves out, or adds, a step that the rule does not ask for.
_SLIP = 0.12
_JOBS = (
    "SHEAR",
    "PUNCH",
    "BEND",
    "WELD",
    "DRILL",
    "DEBURR",
    "SAND",
    "BLAST",
    "PRIME",
    "PAINT",
    "COAT",
    "ASSY",
    "PACK",
)
_COLOURS = ("RAW", "RED", "BLUE", "GREY")


@dataclass(frozen=True)
class Workshop:
    """All items with the routing of each, their reports, and the truth."""

    items: pl.DataFrame
    operations: pl.DataFrame
    results: pl.DataFrame
    truth: Truth


def make_workshop(n: int, seed: int, *, models: int = 5) -> Workshop:
    """Draw a workshop of `n` items of `models` models; every item has a routing, so that any may be held out."""
    rng = np.random.default_rng((seed, 77))
    rules = [_Rule.drawn(rng) for _ in range(models)]
    job_minutes = {job: (float(rng.uniform(5, 40)), float(rng.uniform(0.5, 12))) for job in _JOBS}
    machines = {job: [f"{job[:3]}{k}" for k in range(1, int(rng.integers(1, 4)) + 1)] for job in _JOBS}
    lean = {job: float(rng.uniform(0.55, 0.95)) for job in _JOBS}
    rows: dict[str, list[dict[str, object]]] = {
        "items": [],
        "operations": [],
        "results": [],
        "routing": [],
        "time": [],
    }
    day = date(2025, 3, 1)
    for i in range(n):
        model, colour = int(rng.integers(models)), str(rng.choice(_COLOURS))
        length, grade = float(np.round(rng.uniform(8, 96), 1)), f"G{int(rng.integers(3))}"
        key = f"W-{1000 + i}"
        rows["items"].append(
            {"item_cd": key, "item_key": key, "item_hash": key, "attribute_hash": i, "item_nm": f"FRAME {model} {colour}",
             "model_no": f"M{model:02d}", "colour": colour, "length_in": length * 25.4, "grade": grade,
             "remark": f"lot {int(rng.integers(50))}"}
        )  # fmt: skip
        variants = rules[model].variants(colour, length, grade)
        # Long pieces go to the first machine, the others to whichever is free, mostly the same.
        chosen = {
            job: machines[job][0]
            if length > 60
            else machines[job][int(rng.random() > lean[job]) % len(machines[job])]
            for job in _JOBS
        }
        own = float(np.exp(rng.normal(0, ITEM_NOISE)))
        for v, (probability, jobs) in enumerate(variants):
            rows["routing"].append(
                {"item_cd": key, "variant": v, "probability": probability, "job_seq": ">".join(jobs),
                 "res_seq": ">".join(chosen[j] for j in jobs), "inside_seq": ">".join("in" for _ in jobs)}
            )  # fmt: skip
        taken = variants[int(rng.choice(len(variants), p=[p for p, _ in variants]))][1]
        written = day - timedelta(days=int(rng.integers(1, 900)))
        for job in dict.fromkeys(j for _, jobs in variants for j in jobs):
            rows["time"].append(
                {"item_cd": key, "job_cd": job, "setup_min": job_minutes[job][0], "run_min": job_minutes[job][1] * length / 40}
            )  # fmt: skip
        for seq, job in enumerate(taken, start=1):
            setup, run = job_minutes[job][0], job_minutes[job][1] * length / 40
            rows["operations"].append(
                {"item_cd": key, "item_key": key, "rout_no": "1", "proc_seq": seq, "job_cd": job, "job_nm": job.title(),
                 "res_cd": chosen[job], "res_nm": chosen[job], "inside": "in", "setup_min": round(setup),
                 "run_min": round(run, 1), "insp_flg": "N", "milestone_flg": "N", "rout_class": "in", "routing_rank": 0,
                 "decided_by": "only", "rout_date": written, "insrt_dt": written, "rout_valid": True}
            )  # fmt: skip
            for _ in range(int(rng.integers(0, 4))):
                pieces = float(rng.integers(5, 60))
                noise = np.exp(rng.normal(0, ORDER_NOISE, 2))
                rows["results"].append(
                    {"item_key": key, "rout_no": "1", "proc_seq": seq, "job_cd": job, "res_cd": chosen[job],
                     "report_dt": written + timedelta(days=int(rng.integers(1, 200))), "hold_time": 0.0,
                     "machine_time": run * own * pieces * float(noise[0]) / 60, "bad_qty": 0.0, "order_qty": pieces,
                     "setup_time": setup * own**0.5 * float(noise[1]) / 60, "match_level": "routing"}
                )  # fmt: skip
    frame = {name: pl.DataFrame(found, infer_schema_length=None) for name, found in rows.items()}
    summary = pl.DataFrame(
        {
            "name": ["grammar.time_noise", "grammar.item_time_noise"],
            "value": [str(ORDER_NOISE), str(ITEM_NOISE)],
        }
    )
    dates = pl.col("rout_date", "insrt_dt").cast(pl.Datetime("us"))
    return Workshop(
        ITEMS.conform(frame["items"]),
        OPERATIONS.conform(frame["operations"].with_columns(dates)),
        WORK_RESULTS.conform(frame["results"]),
        Truth.from_tables(frame["routing"], frame["time"], summary),
    )


@dataclass(frozen=True)
class _Rule:
    """The steps of a model: always, by colour, from a length on, for a grade."""

    always: tuple[str, ...]
    coloured: str
    long: str
    least: float
    graded: str
    grade: str
    optional: str

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> _Rule:
        shop = [str(j) for j in rng.permutation(_JOBS[:8])]
        return cls(
            (*sorted(shop[:3], key=_JOBS.index), "PACK"), str(rng.choice(("PAINT", "COAT"))), shop[3],
            float(rng.uniform(30, 70)), shop[4], f"G{int(rng.integers(3))}", shop[5],
        )  # fmt: skip

    def variants(self, colour: str, length: float, grade: str) -> list[tuple[float, list[str]]]:
        """Routings with their probabilities: the rule's, and that with one step more."""
        jobs = set(self.always)
        if colour != "RAW":
            jobs |= {self.coloured, "PRIME"}
        if length >= self.least:
            jobs.add(self.long)
        if grade == self.grade:
            jobs.add(self.graded)
        ruled = sorted(jobs, key=_JOBS.index)
        return [(1 - _SLIP, ruled), (_SLIP, sorted(jobs | {self.optional}, key=_JOBS.index))]

"""From where on reports are suspected."""

from __future__ import annotations

import numpy as np

from routing_etl.times.plausibility import RATIO_LIMITS

#: Most days between two parts of one order.
NEAR_DAYS = 7


#: A part of an order takes at most this share of the standard.
PART = 0.75


#: Parts of one order together take the standard within these factors.
WHOLE = (0.8, 1.25)


#: One or two parts more or less may be chance: fewer than so many must make up the standard more closely.
SURE_PARTS, SURE_WHOLE = 4, (0.9, 1.1)


#: Reports of a plant in which one pair of reports looks like parts of an order by chance (demo plants: one in 10,000).
CHANCE = 5_000


#: Fewest reports and operations of a subset that is judged.
MIN_REPORTS, MIN_OPERATIONS = 10, 3


#: Share of all reports from which a subset is the plant.
WHOLE_PLANT = 0.9


#: Medians before and after a day differ by this factor when a machine's reports began to differ.
SPLIT = 2.5


#: Fewest reports on either side of such a day, and least share of them on the right side of the middle.
MIN_SIDE, PURE = 8, 0.85


#: A subset whose median is farther than this factor from the rest of the plant is told of, with this many reports.
TOLD, TOLD_REPORTS, TOLD_OPERATIONS = 2.2, 30, 5


#: A report within this share of the standard equals it, up to rounding.
EQUAL = 0.005


#: Share of equal reports from which a subset is posted by the ERP, with this many reports and operations.
POSTED, POSTED_REPORTS, POSTED_OPERATIONS = 0.8, 20, 5


#: Bins of x per unit of ln.
BINS = 20


#: Factors that people and interfaces mix up.
KNOWN = (60.0, 10.0, 100.0, 1000.0, 3600.0, 24.0, 12.0, 6.0, 8.0, 20.0, 25.0, 50.0)


#: From so many reports on, those of an operation that disagree spoil the middle that the others are judged by.
MANY = 4


#: Items that are named.
EXAMPLES = 5


LOW, HIGH = (float(np.log(v)) for v in RATIO_LIMITS)


#: A job's standards are often one rough figure: it is set aside only beyond this factor, in ln.
JOB_LIMIT = float(np.log(8.0))


SUBSETS = {
    "qty_unit": "unit of quantity",
    "time_unit": "unit of time",
    "res_cd": "machine",
    "res_group": "work centre group",
    "job_cd": "job",
}


OPERATION = ["item_key", "proc_seq", "job_cd"]

"""Reports that cannot mean what they say: found by actual against standard where the fault is, not over the whole plant.

x = ln(actual / standard) of each report, by measure. What is looked for, and what speaks for it:

* parts of orders, where results have no order number: reports of one operation with the same quantity, at most `NEAR_DAYS`
  days apart, each well below the standard, which together take as long as one order; the set-up stands on one of them.
* a subset in another unit: the median of a machine, a job or a unit of time or quantity lies outside `RATIO_LIMITS`.
* a machine whose reports began to differ on a day: the largest sum of deviations from the machine's mean (CUSUM; Page 1954,
  "Continuous Inspection Schemes") splits its reports into two parts whose medians differ by `SPLIT` and hardly overlap.
* single operations outside `RATIO_LIMITS` where the report is farther from what the job usually takes than the standard is.
  Where the standard is the odd one, the report stays: standards that nobody maintains must not hide real times.
* reports that equal the standard: they are posted by the ERP itself and say nothing.
* run times that have the set-up in them: what they take more in small orders is what the standard set-up says (`set_up_within`).

What is found is set aside: it is kept out of the profiles like an entry error, so that the standard is used in its place.
Nothing is corrected; `[[results.correct]]` of the profile does that when a person knows.
"""

from routing_etl.times.suspects.facts import standards
from routing_etl.times.suspects.found import KINDS, Finding, Kind, check_names, check_outcomes, sentences
from routing_etl.times.suspects.limits import NEAR_DAYS, SPLIT
from routing_etl.times.suspects.rules import Aside, Suspects, find_suspects

__all__ = [
    "KINDS",
    "NEAR_DAYS",
    "SPLIT",
    "Aside",
    "Finding",
    "Kind",
    "Suspects",
    "check_names",
    "check_outcomes",
    "find_suspects",
    "sentences",
    "standards",
]

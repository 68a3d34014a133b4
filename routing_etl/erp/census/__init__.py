"""What a profile's joins, filters and keys do to the ERP's rows, counted in the ERP (`frames.SOURCE_COUNTS`).

A profile that is well-formed can still lose items without a word: a filter on a joined table drops the rows that have no
partner, a join on half a key multiplies them, two companies share their item numbers. Such things cannot be seen in the
rows that were read, so they are counted where they happen: every count is a COUNT of the frame's own statement with some
of its joins and filters left out. All counts of a frame are one statement, in the transaction that reads the rows.

What costs nothing is not asked: a frame without joins, filters and `latest` has the rows of its table, and a left join over
columns that are in no two rows of the joined table can neither lose nor multiply rows.
"""

from routing_etl.erp.census.counts import ON_PURPOSE, Ask, Rule, SourceCount, as_frame
from routing_etl.erp.census.frames import COMPANY_COLUMNS, count_frame
from routing_etl.erp.census.joins import no_key_twice, single_partners, without_partner
from routing_etl.erp.census.values import cut_in_erp, cut_in_raw, ended_long_ago, narrow_columns

__all__ = [
    "COMPANY_COLUMNS",
    "ON_PURPOSE",
    "Ask",
    "Rule",
    "SourceCount",
    "as_frame",
    "count_frame",
    "cut_in_erp",
    "cut_in_raw",
    "ended_long_ago",
    "narrow_columns",
    "no_key_twice",
    "single_partners",
    "without_partner",
]

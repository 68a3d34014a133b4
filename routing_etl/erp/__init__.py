"""Reading the ERP: from its tables to canonical frames.

A source profile (`profile`, TOML) says what this ERP calls its tables, columns, units and words. `catalogue` compares it
with the live database. `extract` reads every frame into raw Parquet files, whole or by changes (`statements`, `reader`,
`incremental`, `changes`, `files`), `census` counts what joins, filters and keys do to its rows, `left_out` knows what filters leave out (`left_out_set_ups` and `dropped_reversals` what they should not),
and `unread_...` ask for columns that change what is read. `clean` turns raw
frames (`raw_frames`) into canonical ones (`clean_items`, `clean_operations`, `clean_results`, with `text`, `parse`, `units`,
`select_routing`, `work_centres`), keeps every rejected row with its reason (`rejects`) and accounts for all of them
(`clean_frame`, `clean_report`, `clean_warnings`); `suspicions` asks whether a whole column can mean what the profile says.

To read a new ERP column, map it in a profile (an item attribute needs no more), or add it to `profile_model.RAW_COLUMNS`,
to its frame in `frames`, and to the cleaning of that frame.

What belongs here: the ERP's columns, units and dirt. What does not: learning, our own tables, the simulated plant.
"""

__all__ = [
    "attribute_order",
    "basis_words",
    "catalogue",
    "census",
    "changes",
    "clean",
    "clean_report",
    "dropped_reversals",
    "extract",
    "left_out_set_ups",
    "name_words",
    "parse",
    "profile",
    "profile_model",
    "text",
    "unread_factors",
    "unread_flags",
    "unread_headers",
    "unread_masters",
    "unread_measures",
    "unread_references",
    "unread_units",
    "unread_words",
]

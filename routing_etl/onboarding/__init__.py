"""Meeting a new ERP: a first profile proposed from its catalogue and a sample, with the reason for each choice.

`survey` reads tables, columns, keys and a bounded sample; `words` and `languages` know what ERPs call things; `known_names` has the tables of ERPs
whose names say nothing (`known_names.toml`); `choose` picks tables and columns, `by_values` and `by_links` those that no name tells; `parts` is what
they hand on; `kinds_of_rows` asks about kinds of reports; `kinds` tells a number from a category, a code and free text; `write` makes the commented TOML; `further` finds attributes as rows, machines, purchase orders and kinds of reports, and `write_further` writes them; `known` has the ERPs that a starting profile is shipped for; `suggest` does all of it and asks the doctor about the result.

What belongs here: proposals that a person reads and decides on. What does not: reading an ERP for a night (`erp`), and any
meaning that cannot be seen: a unit, a status or a company is a question in the file (`# DECIDE:`), never a guess.
"""

__all__ = ["suggest"]

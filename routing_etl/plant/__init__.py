"""The simulated plant, an ERP to try the product on whose truth is known, and the loader of AdventureWorks.

How a plant is made, from one seed (`demo.write_plant`):

1. `latent` draws the master data (part types, materials, seal types) and what each item truly is: its family, design,
   material, sizes, seal, specification, options. Numbers and indices only.
2. `draw` draws the hidden grammar of process planning, a `grammar.Book`, by the knobs of `knobs.Grammar`: per family which
   operations an item's attributes ask for (`rules` has the predicates), which machines do them, how long they take, how
   planners differ, and which codes and machines were replaced at some date. `grammar` evaluates it. `values` is the vocabulary of a mechanical-seal plant.
   `wide` draws what holds across families, where the grammar has such (`named`): rules called by a note, operations of one
   part type, part types like no other.
3. `history` lets planners write routings over the years, with the codes and machines of their day, and draws the work
   orders that were made by them. Index arrays only.
4. `items` and `rows` write all that as the rows of the ERP's four views, in the ERP's own columns, units and words.
   `texts` adds notes and sizes to the texts.
5. `dirt` spoils them at the rates of a real ERP: blanks, odd spellings, wrong units, repeated rows, orphans.

Beside the four views stand tables of truth (`truth`): which routings a planner would write for each item and how probably, the
minutes that its attributes determine, and what makes the item hard. So it is known how good a prediction can be at best (the ceiling).

The same seed, number of items and grammar give the same rows. Random draws are therefore made in a fixed order: whoever
moves one changes every plant.

What belongs here: making an ERP. What does not: reading one (`erp`); the pipeline never imports the vocabulary.
"""

__all__ = ["adventureworks", "demo", "named"]

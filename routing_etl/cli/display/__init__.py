"""What the command line shows, as text and tables of rich; computes nothing.

One module for each thing that is shown: `source` (the ERP's data), `times`, `models`, `publications`, `prediction` (one
item), `feedback` (what engineers took over or rejected), `night` and `operation`. `progress` draws the bars of a running
command, and `parts` has what all of them are made of.
"""

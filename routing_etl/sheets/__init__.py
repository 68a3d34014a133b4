"""Pages for process engineers: a sheet per item and a worklist of items, as HTML and Excel, in English and Korean; a weekly report.

Belongs here: what a sheet shows of predictions, evidence and attributes (`content`, `compare`), its words (`words`), and the
files (`pages`, `workbook`); `weekly` with `weekly_plots`, for those who operate it. Does not: reading run folders or databases, predicting, deciding which items are shown.
"""

__all__ = ["content", "pages", "weekly", "words", "workbook", "worklist"]

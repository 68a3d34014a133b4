"""Text from the ERP made harmless for the place where it is shown: terminal, log, Markdown, chat, plot, spreadsheet.

Codes and names are what somebody typed into the ERP. In most places they mean only themselves; in some a few characters
are commands. Each function here takes away that meaning and keeps the text readable. They are for what people see: keys,
frames, tables and SQL parameters hold the text as it is.
"""

from __future__ import annotations

import re

#: Characters that steer a terminal or the order of what is read: C0 and C1 controls (ESC and CSI begin escape sequences),
#: DEL, separators of lines, marks and overrides of the writing direction (Unicode TR 36, 3.4), and halves of surrogate
#: pairs, which UTF-8 cannot hold.
_STEERING = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_ANY = re.compile(f"[{_STEERING}]")
_NOT_LAYOUT = re.compile(f"(?![\\n\\t])[{_STEERING}]")
#: What a character means in Markdown (CommonMark and GitHub's tables) or HTML: a backslash before it takes that away.
_MARKDOWN = re.compile(r"[\\`*\[\]|]|(?<!\w)_|_(?!\w)|~(?=~)|(?<=~)~")
#: `<` that can begin a tag, a comment or an automatic link, and `&` that can begin an entity.
_TAG, _ENTITY = re.compile(r"<(?=[A-Za-z/!?])"), re.compile(r"&(?=#?\w+;)")
#: In a chat: a mention, and the end of a link's or picture's text before its address.
_CALLING = re.compile(r"@(?=\w)|\](?=\s*[\[(:])")
#: At the beginning of a line: heading, list, quotation, rule.
_BLOCK = re.compile(r"^(?=[#>+=-])")
#: Beginnings that a spreadsheet takes for a formula, also in full width and small forms (OWASP, CSV injection), and behind what
#: programs leave out when they read a file: blanks, control characters, NUL and characters without a width.
_LEFT_OUT = rf"[\s{_STEERING}\u00ad\u180e\u200b-\u200d\u2060-\u2065\ufeff]*"
_FORMULA = re.compile(rf"{_LEFT_OUT}[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    short = {9: "\\t", 10: "\\n", 13: "\\r"}
    return short.get(code) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def one_line(text: object) -> str:
    r"""Text for a cell, a label or one line of a terminal: control characters are shown (`\x1b`), line breaks too."""
    return _ANY.sub(_visible, str(text))


def terminal(text: object) -> str:
    r"""Text of several lines for a terminal: control characters but line break and tab are shown (`\x1b`)."""
    return _NOT_LAYOUT.sub(_visible, str(text))


def json_line(line: str) -> str:
    """A line of JSON whose control characters are JSON's own escapes, so that `cat` and `tail` may show it.

    JSON writers escape only those below U+0020. Reading it gives the text as it was.
    """
    return _ANY.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def markdown(text: object) -> str:
    """Text in a sentence or a table cell of Markdown, where HTML is active too: no tag, link, image or table border.

    A line break becomes a blank.
    """
    plain = _MARKDOWN.sub(lambda found: "\\" + found[0], one_line(" ".join(str(text).split())))
    plain = _TAG.sub("&lt;", _ENTITY.sub("&amp;", plain))
    return _BLOCK.sub(r"\\", plain)


def chat(text: object) -> str:
    """Text of a message to a chat system (Slack, Teams, Mattermost): it calls nobody, links nowhere and shows no picture.

    Slack's own three escapes, which the others take for HTML; a character without a width stands between what would be a mention
    or a link of Markdown.
    """
    plain = terminal(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _CALLING.sub("\\g<0>\u200b", plain)


def plot(text: object) -> str:
    r"""Text in a plot of matplotlib: `$` is a dollar and begins no formula, in which `\`, `_` and `^` would be commands.

    A label that begins with an underscore would be left out of a legend, so a blank is put before it.
    """
    plain = one_line(text).replace("$", r"\$")
    return f" {plain}" if plain.startswith("_") else plain


def spreadsheet(text: str) -> str:
    """Text in a cell of a CSV file: what a spreadsheet would take for a formula gets an apostrophe before it. Numbers stay."""
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text

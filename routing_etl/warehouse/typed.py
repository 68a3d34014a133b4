"""What a person types about a proposal, checked before it is sent: names, remarks and codes."""

from __future__ import annotations

from routing_etl.errors import ConfigurationError

_LONGEST_USER, _LONGEST_REMARK = 128, 1000


def checked_user(user: str) -> str:
    """The name of a person without blanks around it.

    Raises
    ------
    ConfigurationError
        It is blank, longer than 128 characters, or no text.
    """
    name = checked_text(user, "The user's name").strip()
    if not 0 < _places(name) <= _LONGEST_USER:
        raise ConfigurationError(
            f"User name {user!r} is not usable.", remedy=f"Give 1 to {_LONGEST_USER} characters."
        )
    return name


def checked_remark(remark: str | None) -> str | None:
    """What a person wrote about a mark, as it is.

    Raises
    ------
    ConfigurationError
        It is longer than 1,000 characters, or no text.
    """
    if remark is None:
        return None
    if (length := _places(checked_text(remark, "The remark"))) > _LONGEST_REMARK:
        doubled = "" if length == len(remark) else ", counting those beyond U+FFFF, as emoji are, as two"
        raise ConfigurationError(
            f"The remark has {length} characters{doubled}.", remedy=f"Give at most {_LONGEST_REMARK}."
        )
    return remark


def checked_text(text: str, what: str) -> str:
    """A text as it is.

    Parameters
    ----------
    text : str
        What was typed.
    what : str
        What it is, as a sentence begins.

    Raises
    ------
    ConfigurationError
        It holds what no database can keep: bytes of a command line that were not UTF-8.
    """
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ConfigurationError(
            f"{what} {text!r} is no text: it holds bytes that are not UTF-8.",
            remedy="Set the terminal, or the file it comes from, to UTF-8.",
        )
    return text


def _places(text: str) -> int:
    """Length as SQL Server counts it in `nvarchar(n)`: a character beyond U+FFFF takes two places."""
    return len(text.encode("utf-16-le")) // 2

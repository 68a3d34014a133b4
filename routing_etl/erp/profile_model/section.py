"""What every table of a profile has in common, and how a value is named in it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class KeyProblem(ValueError):
    """A rule about a key that pydantic cannot express.

    Parameters
    ----------
    key : str
        Full name of the key.
    value : object
        What it holds.
    problem : str
        What is wrong, for people.
    remedy : str, optional
        What to do, where that is known.
    """

    def __init__(self, key: str, value: object, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.key, self.value, self.remedy = key, value, remedy


class Section(BaseModel):
    """A table of the profile: unknown keys are errors, values cannot be changed once they are checked."""

    model_config = ConfigDict(extra="forbid", frozen=True)


#: What a list of columns may mean; a bare list does not say which.
_LISTS = (
    'Write first_of = ["A", "B"] for the first of these columns that the database has, coalesce = ["A", "B"] for the first '
    'that is filled in each row, or concat = ["A", "B"] for both together.'
)


def _one_name(value: Any) -> Any:
    """One column name, kept as a tuple of one."""
    if isinstance(value, (list, tuple)) and len(value) > 1:
        raise KeyProblem("", list(value), "a list does not say what its columns mean together", _LISTS)
    return (value,) if isinstance(value, str) else value


def _tuple_of(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


#: One name, as a tuple of one.
OneName = Annotated[tuple[str, ...], BeforeValidator(_one_name)]


#: One name, or several.
Names = Annotated[tuple[str, ...], BeforeValidator(_tuple_of)]

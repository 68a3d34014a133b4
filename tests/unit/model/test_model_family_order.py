"""In which order the operations of a composed routing are done: as the family, the kind of item, or the plant does them."""

from __future__ import annotations

import numpy as np
import pytest
from model_toy import catalogue_of

from routing_etl.model.candidates.compose import Composer


def composed(
    routings: list[tuple[int, int, str]], asked: str, *, kind: int = -1, called: str = ""
) -> list[str]:
    """Codes of what is composed for an item of family 0 and a kind; `routings`: family, kind, jobs of every known item."""
    catalogue = catalogue_of(*(jobs for _, _, jobs in routings))
    by_code = {code: number for number, code in enumerate(catalogue.sequence_codes)}
    sequence = np.array([by_code[">".join(jobs.split())] for _, _, jobs in routings], np.int64)
    family = np.array([f for f, _, _ in routings], np.int64)
    kinds = np.array([k for _, k, _ in routings], np.int32)
    jobs = catalogue.jobs[catalogue.operation_job]
    composer = Composer().fit(
        catalogue,
        family,
        sequence,
        np.ones(catalogue.n_sequences, bool),
        np.flatnonzero((jobs == called).to_numpy()) if called else None,
        kind=kinds,
    )
    likely = np.where(jobs.is_in(asked.split()).to_numpy(), 0.98, 0.02)[None, :]
    made = composer.compose(likely, np.zeros(1, np.int64), np.array([kind], np.int32))
    book = catalogue.book().extended(made.offsets, made.operations, catalogue)
    return sorted(set(book.texts(made.sequence)[0].to_list()))


#: Q is always the second of three in family 1, between whatever comes first and last there.
ELSEWHERE = [(1, -1, "A Q F")] * 10 + [(1, -1, "F Q A")] * 10


@pytest.mark.parametrize(("own", "wanted"), [(3, "A>B>F>Q"), (2, "A>Q>B>F")])
def test_a_family_that_has_an_operation_often_enough_tells_its_place_itself(own: int, wanted: str) -> None:
    """A note brings Q. The whole plant has it second; in family 0 it is last, which two items alone do not tell."""
    routings = [*ELSEWHERE, *[(0, -1, "A F Q")] * own, *[(0, -1, "A B F")] * 5]
    assert composed(routings, "A B F Q", called="Q") == [wanted]


KINDS = [*[(0, 0, "A B C")] * 9, *[(0, 1, "B A C")] * 3, (0, 2, "B A C"), (0, 0, "A C D"), (0, 0, "B C D")]


@pytest.mark.parametrize(
    ("kind", "wanted"), [(0, "A>B>C>D"), (1, "B>A>C>D"), (2, "A>B>C>D"), (-1, "A>B>C>D")]
)
def test_a_kind_of_items_keeps_the_order_in_which_it_does_two_operations(kind: int, wanted: str) -> None:
    """The family does A before B; kind 1 always did B before A, and one item of kind 2 is not enough to say so."""
    assert composed(KINDS, "A B C D", kind=kind) == [wanted]


def test_a_known_set_is_proposed_in_the_order_of_the_kind_too() -> None:
    assert composed(KINDS, "A B C", kind=0) == ["A>B>C"]
    assert composed(KINDS, "A B C", kind=1) == ["A>B>C", "B>A>C"]


def test_an_operation_that_a_note_brings_stands_where_the_kind_has_it() -> None:
    """Q is called and comes after B in the family; kind 1 does it before B."""
    routings = [*[(0, 0, "A B Q")] * 6, *[(0, 1, "A Q B")] * 3, *[(0, 0, "A B C")] * 3, (0, 1, "Q B C")]
    assert composed(routings, "A B C Q", kind=0, called="Q") == ["A>B>Q>C"]
    assert composed(routings, "A B C Q", kind=1, called="Q") == ["A>Q>B>C"]

"""What a composed routing may not be: longer than the output's column, or a known one that must not be proposed."""

from __future__ import annotations

import numpy as np
import pytest
from model_toy import catalogue_of

from routing_etl.frames import CANDIDATES
from routing_etl.model.candidates.compose import Composed, Composer
from routing_etl.model.catalogue.routings import RoutingCatalogue

LIMIT = CANDIDATES["routing_code"].max_length or 0


def composed(
    catalogue: RoutingCatalogue,
    jobs: str,
    live: np.ndarray | None = None,
    family: list[int] | None = None,
    rows: np.ndarray | None = None,
) -> tuple[Composed, list[str]]:
    """What is composed for an item of family 0 that is expected to have these jobs once, and the routing codes."""
    n = catalogue.n_sequences
    sequence = catalogue.labels["sequence"].to_numpy()
    groups = np.zeros(len(sequence), np.int64) if family is None else np.array(family, np.int64)
    composer = Composer().fit(
        catalogue, groups, sequence, np.ones(n, bool) if live is None else live, rows=rows
    )
    wanted = jobs.split()
    first = catalogue.operation_key % 64 == 0
    named = catalogue.jobs[catalogue.operation_job].is_in(wanted).to_numpy() & first
    made = composer.compose(np.where(named, 0.98, 0.02)[None, :], np.zeros(1, np.int64))
    book = catalogue.book().extended(made.offsets, made.operations, catalogue)
    return made, book.texts(made.sequence)[0].to_list()


@pytest.mark.parametrize(("length", "proposed"), [(10, True), (11, False)])
def test_a_routing_code_that_the_output_cannot_hold_is_not_composed(length: int, proposed: bool) -> None:
    """30 jobs of 32 characters and the signs between them are 989 characters: 10 more fit the column, 11 do not."""
    front = [f"A{i:02}".ljust(32, "x") for i in range(15)]
    back = [f"B{i:02}".ljust(32, "x") for i in range(15)]
    middle = "M" * length
    catalogue = catalogue_of(
        " ".join([*front, middle, "X", *back]), " ".join([middle, *back]), " ".join([*front, middle])
    )
    wanted = [*front, middle, *back]
    assert len(">".join(wanted)) == 989 + 1 + length
    _, codes = composed(catalogue, " ".join(wanted))
    assert (">".join(wanted) in codes) == proposed
    assert max(map(len, codes), default=0) <= LIMIT


def test_a_known_routing_out_of_use_does_not_come_back_as_a_composed_one() -> None:
    """A>B>C is known and not to be proposed; every step of it has been seen elsewhere."""
    catalogue = catalogue_of("A B C", "A B", "B C", "A C", "A", "C")
    codes = catalogue.sequence_codes
    assert composed(catalogue, "A B C")[1] == ["A>B>C"]
    assert composed(catalogue, "A B C", live=(codes != "A>B>C").to_numpy())[1] == []


def test_a_known_routing_of_another_family_keeps_its_number() -> None:
    """As a new one it would be judged as if nobody had it, and could be proposed twice."""
    catalogue = catalogue_of("A B C", "A B", "B C", "A C", "A", "C")
    made, codes = composed(catalogue, "A B C", family=[1, 0, 0, 0, 0, 0])
    assert codes.count("A>B>C") == 1
    assert made.sequence[codes.index("A>B>C")] == catalogue.sequence_codes.to_list().index("A>B>C")


def test_a_routing_that_is_left_out_tells_neither_its_order_nor_its_steps() -> None:
    """The order A, C, B is the first item's own, and so is the step from C to B: an item that is asked about, as if nobody had
    routed it, must not get its own routing back because it is the only one with this set."""
    catalogue = catalogue_of("A C B D", "A B D", "B C D", "A C D", "A B C")
    left_out = catalogue.sequence_codes.gather(catalogue.labels["sequence"]) != "A>C>B>D"
    assert composed(catalogue, "A B C D")[1] == ["A>C>B>D"]
    assert composed(catalogue, "A B C D", rows=left_out.to_numpy())[1] == ["A>B>C>D"]

"""How much is known of the sizes that decide, beside what is usual in the family."""

import numpy as np
import pytest

from routing_etl.model.candidates.known_sizes import KnownSizes

#: Measures: length, turns, layers. Boards have layers and half of them a length; coils have turns; labels have nothing.
BOARDS = [[1, 0, 1], [0, 0, 1], [1, 0, 1], [0, 0, 1]]
COILS = [[0, 1, 0], [0, 1, 0], [0, 1, 0], [0, 0, 0]]
LABELS = [[0, 0, 0]] * 2
WORTH = np.array([0.2, 0.3, 0.5], dtype=np.float32)


def of_the_plant() -> KnownSizes:
    known = np.array(BOARDS + COILS + LABELS, dtype=bool)
    return KnownSizes.of(WORTH, known, np.repeat([0, 1, 2], [4, 4, 2]), 3)


def share(known: list[int], family: int) -> float:
    found = of_the_plant().share(np.array([known], dtype=bool), np.array([family]))
    assert found is not None
    return float(found[0])


def test_an_item_lacks_only_what_its_family_usually_has() -> None:
    assert share([1, 0, 1], 0) == 1.0
    assert share([0, 1, 0], 1) == 1.0, "a coil has no layers, so that none are missing"
    assert share([0, 0, 0], 1) == 0.0


def test_a_size_counts_by_what_it_tells_and_how_usual_it_is() -> None:
    # Layers: 0.5 x 1.0; length: 0.2 x 0.5.
    assert share([0, 0, 1], 0) == pytest.approx(0.5 / 0.6, abs=1e-4)


def test_a_family_without_sizes_lacks_none() -> None:
    assert np.isnan(share([0, 0, 0], 2))


def test_an_item_of_no_known_family_is_compared_with_all() -> None:
    # All items: length 0.2, turns 0.3, layers 0.4 of them; by worth 0.04, 0.09 and 0.2.
    assert share([0, 0, 1], -1) == pytest.approx(0.2 / 0.33, abs=1e-4)


def test_where_sizes_tell_nothing_there_is_nothing_to_know() -> None:
    none = KnownSizes.of(np.empty(0, np.float32), np.zeros((2, 0), dtype=bool), np.zeros(2, np.int64), 1)
    assert none.share(np.zeros((2, 0), dtype=bool), np.zeros(2, np.int64)) is None

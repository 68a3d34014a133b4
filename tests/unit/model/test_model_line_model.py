"""Machines are learned per line of jobs: a rule that holds for the line, a machine out of use, a job with one machine."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from model_toy import toy_items, toy_operations

from routing_etl.model.catalogue.routings import RoutingCatalogue, build_catalogue
from routing_etl.model.machines.line_model import LineModel, SharesBook

LIMIT = 150.0
N = 300


def routings(items: pl.DataFrame) -> list[list[tuple[str, str, str]]]:
    """Turning rough and fine go to the same lathe, by size; every item visits only one of them; the saw is the same."""
    out = []
    for i, size in enumerate(items["outer_mm"].fill_null(200.0)):
        lathe = "LATHE-BIG" if size >= LIMIT else "LATHE-SMALL"
        out.append([("S10", "SAW-1", "in"), ("T10" if i % 2 else "T20", lathe, "in")])
    return out


@pytest.fixture(scope="module")
def catalogue() -> tuple[RoutingCatalogue, np.ndarray]:
    items = toy_items(N, seed=4)
    made = build_catalogue(items, toy_operations(items, routings(items)))
    sizes = made.labels.select("item_key").join(items, on="item_key", maintain_order="left")["outer_mm"]
    noise = np.random.default_rng(0).normal(size=(N, 3))
    return made, np.column_stack([sizes.fill_null(200.0).to_numpy(), noise]).astype(np.float32)


def step(catalogue: RoutingCatalogue, job: str, machine: str) -> int:
    found = catalogue.steps.with_row_index("number").filter(
        (pl.col("job_cd") == job) & (pl.col("res_cd") == machine)
    )
    return int(found["number"].item())


def fitted(catalogue: RoutingCatalogue, features: np.ndarray, live: np.ndarray | None = None) -> LineModel:
    usable = np.ones(catalogue.steps.height, dtype=bool) if live is None else live
    return LineModel(n_trees=8, n_jobs=1).fit(
        catalogue, features, usable, np.ones(N, np.float32), np.zeros(catalogue.steps.height, dtype=bool)
    )


def test_jobs_on_the_same_machines_are_one_line(catalogue: tuple[RoutingCatalogue, np.ndarray]) -> None:
    made, features = catalogue
    line = dict(zip(made.jobs.to_list(), fitted(made, features).line_of_job_.tolist(), strict=True))
    assert line["T10"] == line["T20"] != line["S10"]


def test_size_decides_the_machine_of_every_job_of_the_line(
    catalogue: tuple[RoutingCatalogue, np.ndarray],
) -> None:
    made, features = catalogue
    model = fitted(made, features)
    asked = np.array([[40.0, 0, 0, 0], [280.0, 0, 0, 0]], dtype=np.float32)
    for job in ("T10", "T20"):
        small, big = step(made, job, "LATHE-SMALL"), step(made, job, "LATHE-BIG")
        found = model.predict(asked, np.array([0, 0, 1, 1]), np.array([small, big, small, big]))
        assert found[0] > 0.9 and found[3] > 0.9
        np.testing.assert_allclose(found.reshape(2, 2).sum(axis=1), 1.0, atol=1e-6)


def test_the_only_machine_of_a_line_is_sure(catalogue: tuple[RoutingCatalogue, np.ndarray]) -> None:
    made, features = catalogue
    saw = np.array([step(made, "S10", "SAW-1")])
    assert fitted(made, features).predict(features[:1], np.array([0]), saw) == pytest.approx([1.0])


def test_a_step_out_of_use_teaches_nothing(catalogue: tuple[RoutingCatalogue, np.ndarray]) -> None:
    made, features = catalogue
    live = np.ones(made.steps.height, dtype=bool)
    live[[step(made, "T10", "LATHE-BIG"), step(made, "T20", "LATHE-BIG")]] = False
    asked = np.array([[280.0, 0, 0, 0]], dtype=np.float32)
    both = np.array([step(made, "T10", "LATHE-SMALL"), step(made, "T10", "LATHE-BIG")])
    found = fitted(made, features, live).predict(asked, np.zeros(2, np.int64), both)
    np.testing.assert_allclose(found, [1.0, 0.0])


def drawn(rng: np.random.Generator, n: int, share: float) -> np.ndarray:
    """Machine 0 with probability `share`, else machine 1, whatever the item is."""
    return np.where(rng.random(n) < share, 0, 1)


@pytest.mark.parametrize("n", [300, 6000])
def test_a_machine_chosen_by_load_is_always_the_first(n: int) -> None:
    rng = np.random.default_rng(n)
    features = rng.normal(size=(n, 40)).astype(np.float32)
    learned = LineModel(n_trees=24).learn(features, np.arange(n), drawn(rng, n, 0.7), np.ones(n))
    asked = rng.normal(size=(200, 40)).astype(np.float32)
    none = np.zeros(200, np.int64)
    first, second = (
        SharesBook([learned]).predict(asked, np.arange(200), none, np.full(200, m)) for m in (0, 1)
    )
    assert (first > second).mean() == pytest.approx(1.0, abs=0.02)


def test_size_decides_the_class_and_load_the_machine_in_it() -> None:
    rng = np.random.default_rng(3)
    n = 3000
    features = rng.normal(size=(n, 40)).astype(np.float32)
    machine = np.where(features[:, 7] > 0, 2, 0) + drawn(rng, n, 0.65)
    learned = LineModel(n_trees=24).learn(features, np.arange(n), machine, np.ones(n))
    asked = rng.normal(size=(400, 40)).astype(np.float32)
    asked = asked[np.abs(asked[:, 7]) > 0.2]
    rows = np.arange(len(asked))
    shares = np.stack(
        [
            SharesBook([learned]).predict(asked, rows, np.zeros(len(rows), np.int64), np.full(len(rows), m))
            for m in range(4)
        ]
    )
    assert (shares.argmax(axis=0) == np.where(asked[:, 7] > 0, 2, 0)).mean() > 0.95


def shop(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and machines: in shop 0 twelve machines by narrow classes of size, in shop 1 machine 20 or 21 by the load of the day."""
    features = rng.normal(size=(n, 30)).astype(np.float32)
    features[:, 0] = rng.integers(0, 2, n)
    features[:, 1] = rng.uniform(0, 12, n)
    by_size = np.floor(features[:, 1]).astype(np.int64)
    return features, np.where(features[:, 0] == 0, by_size, 20 + drawn(rng, n, 0.65))


@pytest.mark.parametrize("seed", range(3))
def test_load_decides_in_one_shop_where_narrow_classes_of_size_decide_in_another(seed: int) -> None:
    """The line needs a fine forest for the one shop, which finds reasons for the load of the other: 20 must come first there."""
    features, machine = shop(np.random.default_rng(seed), 1500)
    learned = LineModel(n_trees=24, n_jobs=1).learn(features, np.arange(1500), machine, np.ones(1500))
    asked, right = shop(np.random.default_rng(seed + 50), 600)
    book, rows = SharesBook([learned]), np.arange(600)
    shares = np.stack(
        [book.predict(asked, rows, np.zeros(600, np.int64), np.full(600, m)) for m in learned.answers]
    )
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, atol=1e-5)
    first, loaded = learned.answers[shares.argmax(axis=0)], asked[:, 0] == 1
    assert (first[~loaded] == right[~loaded]).mean() > 0.85
    assert (first[loaded] == 20).all()


def test_a_machine_that_few_items_need_is_told_from_the_usual_one() -> None:
    """Eight of 400 items go to another machine, for a reason."""
    rng = np.random.default_rng(9)
    features = rng.normal(size=(400, 10)).astype(np.float32)
    features[:, 3] = np.arange(400) % 50 == 0
    machine = np.where(features[:, 3] > 0, 5, np.arange(400) % 2)
    features[:, 4] = np.arange(400) % 2
    learned = LineModel(n_trees=24, n_jobs=1).learn(features, np.arange(400), machine, np.ones(400))
    asked = features[:1].copy()
    asked[0, 3] = 1.0
    shares = [
        SharesBook([learned]).predict(asked, *np.zeros((2, 1), np.int64), np.array([m]))[0] for m in (0, 1, 5)
    ]
    assert int(np.argmax(shares)) == 2


def test_work_planned_on_a_waiting_pool_does_not_hide_that_size_decides() -> None:
    rng = np.random.default_rng(5)
    n = 800
    features = rng.normal(size=(n, 6)).astype(np.float32)
    big = (features[:, 0] > 0).astype(np.int64)
    machine = np.where(rng.random(n) < 0.6, 9, big)
    learned = LineModel(n_trees=24).learn(features, np.arange(n), machine, np.ones(n), pools=(9,))
    asked = rng.normal(size=(n, 6)).astype(np.float32)
    right = (asked[:, 0] > 0).astype(np.int64)
    book, rows = SharesBook([learned]), np.arange(n)
    own, other = (book.predict(asked, rows, np.zeros(n, np.int64), m) for m in (right, 1 - right))
    assert (own > other).mean() > 0.95


def test_nothing_asked_nothing_answered(catalogue: tuple[RoutingCatalogue, np.ndarray]) -> None:
    made, features = catalogue
    none = np.empty(0, np.int64)
    assert fitted(made, features).predict(features, none, none).shape == (0,)


def test_a_choice_by_chance_follows_none_of_many_columns() -> None:
    """Of 250 columns that tell nothing some go with 60 cases by chance; they must be judged by cases that did not choose them."""
    taken = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        noise = rng.normal(size=(60, 250)).astype(np.float32)
        machine = (rng.random(60) < 0.4).astype(np.int64)
        learned = LineModel(n_trees=24, n_jobs=1).learn(noise, np.arange(60), machine, np.ones(60))
        taken.append(len(learned.trees) > 0)
    assert sum(taken) <= 1


def test_many_forests_are_asked_in_one_walk() -> None:
    """Against the mean over scikit-learn's own trees: parts with different machines, without trees, with strange answers."""
    rng = np.random.default_rng(8)
    features = rng.normal(size=(300, 60)).astype(np.float32)
    model, everyone = LineModel(n_trees=5), np.arange(300)
    machine = [(features[:, 50] > 0) * 1, np.digitize(features[:, 3], [-1, 0, 1]) * 2 + 10, np.full(300, 7)]
    parts = [model.learn(features, everyone, m.astype(np.int64), np.ones(300)) for m in machine]
    assert [len(p.trees) for p in parts] == [5, 5, 0]
    row, part = rng.integers(0, 300, 500), rng.integers(0, 3, 500)
    answer = rng.choice([0, 1, 7, 10, 12, 14, 16, 99], 500)
    got = SharesBook(parts).predict(features, row, part, answer)
    for i in range(500):
        asked, share = parts[part[i]], []
        for tree in asked.trees:
            value = tree.value[tree.apply(features[row[i] : row[i] + 1, asked.columns])[0], :, 0]
            share.append(dict(zip(asked.answers.tolist(), value / value.sum(), strict=True)))
        expected = np.mean([s.get(answer[i], 0.0) for s in share]) if share else float(answer[i] == 7)
        assert got[i] == pytest.approx(expected, abs=1e-6)
    assert SharesBook(parts[2:]).predict(features, row, np.zeros(500, np.int64), answer).max() == 1.0


def test_a_plant_without_any_usable_step_has_no_lines(catalogue: tuple[RoutingCatalogue, np.ndarray]) -> None:
    made, features = catalogue
    model = fitted(made, features, np.zeros(made.steps.height, dtype=bool))
    assert model.predict(features[:2], np.array([0, 1]), np.array([0, 1])).tolist() == [0.0, 0.0]

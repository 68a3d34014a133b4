"""Walks of remedies that a call from Python gets: what raises it, and the same call after the remedy has been followed.

What belongs here: sentences about arguments and frames. What a command meets is in the other `walks_*.py`.
"""

from __future__ import annotations

import datetime as dt
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from model_toy import toy_plant
from sentences import VALUE

from routing_etl.evaluation.baseline_frames import RoutedItems
from routing_etl.evaluation.methods import maker_of_unfitted
from routing_etl.evaluation.options import EvaluationOptions
from routing_etl.evaluation.splits import make_split
from routing_etl.frames import (
    ITEMS,
    OPERATIONS,
    AttributeSpec,
    TimeBasis,
    TimeEvidence,
)
from routing_etl.model import inputs
from routing_etl.model.attributes.features import AttributeEncoder
from routing_etl.model.attributes.tokens import Tokeniser
from routing_etl.model.catalogue.routings import build_catalogue
from routing_etl.model.plain import asked_frame, training_frames
from routing_etl.model.predictor import RoutingPredictor
from routing_etl.plant.grammar import Grammar
from routing_etl.registry.aliases import check_alias
from routing_etl.registry.artifacts import JSON_ARTIFACTS, check_complete
from routing_etl.registry.names import check_name
from routing_etl.registry.store import ModelRegistry
from routing_etl.settings import load_settings
from routing_etl.shards import check_shard
from routing_etl.times.convert import check_basis
from routing_etl.times.lead_time import STANDARD, breakdown


@dataclass(frozen=True)
class Call:
    """A remedy of a call from Python.

    Attributes
    ----------
    sentence : str
        How the error begins, as it stands in the code; `VALUE` stands for what is put in.
    wrong : callable
        Raises it.
    right : callable
        The same call after what the remedy says has been done.
    """

    sentence: str
    wrong: Callable[[], Any]
    right: Callable[[], Any]

    def says(self, said: str) -> bool:
        """Whether a message is the sentence."""
        parts = [re.escape(part) for part in self.sentence.split(VALUE)]
        return re.match(".*?".join(parts), said, re.DOTALL) is not None


# --- plain frames, as a notebook has them -------------------------------------------------------------------------------
def items(**columns: Any) -> pl.DataFrame:
    """Four items with two attributes."""
    values = {
        "item_cd": ["A", "B", "C", "D"],
        "part_type": ["SHAFT", "SHAFT", "RING", "RING"],
        "size": [10.0, 12.0, 30.0, 31.0],
    }
    return pl.DataFrame({**values, **columns})


def operations(**columns: Any) -> pl.DataFrame:
    """Two operations for each of them."""
    values = {
        "item_cd": [c for c in "ABCD" for _ in "12"],
        "proc_seq": [10, 20] * 4,
        "job_cd": ["TURN", "GRIND"] * 2 + ["MILL", "DRILL"] * 2,
    }
    return pl.DataFrame({**values, **columns})


def _plain(given: pl.DataFrame | None = None, routed: pl.DataFrame | None = None) -> Callable[[], Any]:
    """The completed frames of a training."""
    return lambda: training_frames(
        items() if given is None else given, operations() if routed is None else routed
    )


def _asked(given: Any) -> Callable[[], Any]:
    return lambda: asked_frame(given)


#: An item with two routings, and the same with their ranks.
_TWO = pl.concat([operations(rout_no="1"), operations(rout_no="2").head(2)])
_RANKED = _TWO.with_columns(routing_rank=pl.when(pl.col("rout_no") == "2").then(1).otherwise(0))
_WHOLE_ITEMS, _WHOLE_OPERATIONS = training_frames(items(), operations())
_ALIKE = training_frames(items(part_type="SHAFT", size=10.0), operations())
PLAIN = (
    Call("… is a … …, must be a Polars DataFrame.", _asked(items().lazy()), _asked(items().lazy().collect())),
    Call("items: column 'item_cd' is blank", _plain(items(item_cd=["A", "B", "C", " "]), operations().head(6)), _plain(items().head(3), operations().head(6))),
    Call("items: … rows share their item_cd", _plain(items(item_cd=["A", "B", "C", "C"]), operations().head(6)), _plain(items(item_cd=["A", "B", "C", "C"]).unique("item_cd"), operations().head(6))),
    Call("operations has column(s) …, which nothing reads.", _plain(None, operations(colour="red")), _plain(None, operations(colour="red").drop("colour"))),
    Call(
        "operations: column 'inside' holds …", _plain(None, operations(inside="yes")),
        _plain(None, operations(inside="yes").with_columns(pl.col("inside").replace_strict({"yes": "in"}))),
    ),
    Call("operations: item … has the routings …", _plain(None, _TWO), _plain(None, _RANKED)),
    Call(
        "operations: a routing of item … has the routing_rank …",
        _plain(None, _RANKED.with_columns(routing_rank=pl.when(pl.col("rout_no") == "2").then(pl.col("proc_seq") // 10).otherwise(0))),
        _plain(None, _RANKED),
    ),
    Call("operations: item … has proc_seq … more than once", _plain(None, operations(proc_seq=[10, 10] * 4)), _plain(None, operations(proc_seq=[10, 20] * 4))),
    Call("operations: … item(s) are not in items", _plain(items().head(3)), _plain(items().head(3), operations().join(items().head(3), on="item_cd", how="semi"))),
    Call("… has no column …; it has …", _plain(None, operations().rename({"job_cd": "job"})), _plain(None, operations().rename({"job_cd": "job"}).rename({"job": "job_cd"}))),
    Call("…: column … is …, … is expected.", _plain(None, operations(proc_seq=["10", "20"] * 4)), _plain(None, operations(proc_seq=["10", "20"] * 4).with_columns(pl.col("proc_seq").cast(pl.Int64)))),
    Call("…: column … is NULL in … of … rows.", _plain(None, operations(proc_seq=[10, None] * 4)), _plain(None, operations(proc_seq=[10, None] * 4).drop_nulls("proc_seq"))),
    Call("…: column … holds values that do not fit", _plain(None, operations(proc_seq=[10, 2**40] * 4)), _plain(None, operations(proc_seq=[10, 20] * 4))),
    Call("Frame items: … rows share their item_key", lambda: inputs.check_asked(pl.concat([_WHOLE_ITEMS, _WHOLE_ITEMS])), lambda: inputs.check_asked(_WHOLE_ITEMS)),
    Call(
        "Frame …: column … holds … value(s) that are NaN",
        lambda: inputs.check_training(_WHOLE_ITEMS, _WHOLE_OPERATIONS.with_columns(run_min=pl.lit(float("nan")))),
        lambda: inputs.check_training(_WHOLE_ITEMS, _WHOLE_OPERATIONS.with_columns(run_min=pl.lit(None, pl.Float64))),
    ),
    Call("Frame … lacks column(s) …; it has", lambda: OPERATIONS.conform(operations()), lambda: OPERATIONS.conform(_WHOLE_OPERATIONS)),
    Call("Frame … does not fit its contract", lambda: OPERATIONS.conform(_WHOLE_OPERATIONS.with_columns(proc_seq=pl.lit("ten"))), lambda: OPERATIONS.conform(_WHOLE_OPERATIONS.with_columns(proc_seq=pl.lit(10)))),
    Call("Frame …: column … holds … NULL(s)", lambda: ITEMS.validate(_WHOLE_ITEMS.with_columns(item_key=pl.lit(None, pl.String))), lambda: ITEMS.validate(_WHOLE_ITEMS)),
)  # fmt: skip


# --- arguments of the model and its parts -------------------------------------------------------------------------------
def _usable(
    *attributes: AttributeSpec, given: pl.DataFrame = _WHOLE_ITEMS, **weights: float
) -> Callable[[], Any]:
    return lambda: inputs.usable_attributes(given, attributes, weights, [])


def _encoded(x: Any = _WHOLE_ITEMS, *attributes: AttributeSpec, folds: Any = None) -> Callable[[], Any]:
    y = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    return lambda: (
        AttributeEncoder(attributes=attributes).fit(x, y)
        if folds is None
        else AttributeEncoder(attributes=attributes)._folds(4, np.array(folds))
    )


SIZE, TYPE = AttributeSpec("size", "number"), AttributeSpec("part_type", "category")
_LISTS = _WHOLE_ITEMS.with_columns(tags=pl.Series([["a", "b"]] * 4))
_DATED = _WHOLE_ITEMS.with_columns(drawn=pl.lit(dt.date(2025, 1, 1)))
_JOINED = _LISTS.with_columns(pl.col("tags").list.join(" "))
_TEXTS = _WHOLE_ITEMS.with_columns(size=pl.lit("large"))
#: Operations of items that are not in the item master.
_OF_OTHERS = _WHOLE_OPERATIONS.with_columns(
    pl.format("{}-OLD", pl.col(c)).alias(c) for c in ("item_cd", "item_key")
)


def learned(count: int) -> RoutingPredictor:
    """A predictor that has learned from the first items of a small plant."""
    routed, rows, _ = toy_plant(max(count, 20))
    kept = routed.head(count)
    return RoutingPredictor(n_trees=5).fit(kept, rows.join(kept, on="item_key", how="semi"))


MODEL = (
    Call("…: … = … is not …", lambda: RoutingPredictor(n_trees=0).fit(items(), operations()), lambda: RoutingPredictor(n_trees=100).get_params()),
    Call("… has no parameter …", lambda: RoutingPredictor().set_params(trees=5), lambda: RoutingPredictor().set_params(n_trees=5)),
    Call("RoutingPredictor: answers_by = … is not one of", lambda: RoutingPredictor(answers_by="magic").fit(items(), operations()), lambda: RoutingPredictor(answers_by="learned").get_params()),
    Call("The model is not trained.", lambda: inputs.check_fitted(RoutingPredictor(), "times_"), lambda: inputs.check_fitted(_fitted_toy(), "words_")),
    Call("pool_words: … is no list of words.", lambda: inputs.check_pool_words("POOL"), lambda: inputs.check_pool_words(["POOL"])),
    Call("attributes = … is no sequence.", lambda: inputs.check_attributes("size"), lambda: inputs.check_attributes((SIZE,))),
    Call("Attribute … is a ….", lambda: inputs.check_attributes(("size",)), lambda: inputs.check_attributes((AttributeSpec("size", "number"),))),
    Call("Attribute … is of kind …", lambda: inputs.check_attributes((AttributeSpec("size", "length"),)), lambda: inputs.check_attributes((SIZE,))),
    Call("Attribute … is given twice.", lambda: inputs.check_attributes((SIZE, SIZE)), lambda: inputs.check_attributes((SIZE, TYPE))),
    Call("items: column … is …, which is no attribute", lambda: inputs.inferred_attributes(_DATED), lambda: inputs.inferred_attributes(_DATED.drop("drawn"))),
    Call("…: feature_weights = … is no mapping.", lambda: inputs.checked_weights("RoutingPredictor", [1.0]), lambda: inputs.checked_weights("RoutingPredictor", {"size": 1.0})),
    Call("The items lack the attribute column(s) ….", _usable(AttributeSpec("length", "number")), _usable(SIZE)),
    Call("feature_weights names …, which is no attribute", _usable(SIZE, length=0.0), _usable(SIZE, size=1.0)),
    Call("No attribute of the routed items can be learned from", _usable(SIZE, given=_ALIKE[0]), _usable(SIZE)),
    Call("The items' column(s) … are not as in training.", lambda: inputs.check_columns(_TEXTS, {"size": pl.Float64()}), lambda: inputs.check_columns(_WHOLE_ITEMS, {"size": pl.Float64()})),
    Call("times is a …, must be a TimeEvidence.", lambda: inputs.evidence_of({}), lambda: inputs.evidence_of(TimeEvidence.none())),
    Call("The items lack the attribute column(s) … that the model", lambda: Tokeniser((SIZE,)).check(_WHOLE_ITEMS.drop("size")), lambda: Tokeniser((SIZE,)).check(_WHOLE_ITEMS)),
    Call("Attribute column(s) … must be texts.", lambda: Tokeniser((AttributeSpec("tags", "text"),)).check(_LISTS), lambda: Tokeniser((AttributeSpec("tags", "text"),)).check(_JOINED)),
    Call("Attribute column(s) … must be numbers.", lambda: Tokeniser((SIZE,)).check(_TEXTS), lambda: Tokeniser((AttributeSpec("size", "category"),)).check(_TEXTS)),
    Call("AttributeEncoder: X is a …", _encoded(np.ones((4, 2)), SIZE), _encoded(np.arange(8.0).reshape(4, 2))),
    Call("AttributeEncoder: folds is an array", _encoded(folds=[0, 1, -1, 0]), _encoded(folds=[0, 1, 1, 0])),
    Call("Attribute column(s) … are no text or number.", lambda: RoutedItems.of(_LISTS, _WHOLE_OPERATIONS), lambda: RoutedItems.of(_JOINED, _WHOLE_OPERATIONS)),
    Call("No item has a routing to learn from.", lambda: RoutedItems.of(_WHOLE_ITEMS, _WHOLE_OPERATIONS.clear()), lambda: RoutedItems.of(_WHOLE_ITEMS, _WHOLE_OPERATIONS)),
    Call("There is no routed item to learn from", lambda: build_catalogue(_WHOLE_ITEMS, _OF_OTHERS), lambda: build_catalogue(_WHOLE_ITEMS, _WHOLE_OPERATIONS)),
    Call("Only … item(s) have a routing to learn from", lambda: learned(2), lambda: learned(60)),
    Call("A … cannot be evaluated", lambda: maker_of_unfitted(object()), lambda: maker_of_unfitted(RoutingPredictor)),
    Call("Option … = … of the evaluation", lambda: EvaluationOptions(folds=1), lambda: EvaluationOptions(folds=2)),
    Call("Only … item(s) have a routing that counts", lambda: make_split(_WHOLE_ITEMS, _WHOLE_OPERATIONS.head(2), EvaluationOptions(split="loo")), lambda: make_split(_WHOLE_ITEMS, _WHOLE_OPERATIONS, EvaluationOptions(split="loo"))),
    Call("All … routed items are alike (one group)", lambda: make_split(*_ALIKE, EvaluationOptions(split="family")), lambda: make_split(_WHOLE_ITEMS, _WHOLE_OPERATIONS, EvaluationOptions(split="family"))),
    Call("The routed items have … part type(s)", lambda: make_split(*_ALIKE, EvaluationOptions(split="type")), lambda: make_split(_WHOLE_ITEMS, _WHOLE_OPERATIONS, EvaluationOptions(split="type"))),
)  # fmt: skip


def _fitted_toy() -> Any:
    class Fitted:
        words_ = ()

    return Fitted()


# --- times, plants, the registry's names, settings ----------------------------------------------------------------------
BASIS = TimeBasis(time_factor_min=60.0)
ARTIFACTS: dict[str, dict[str, Any]] = {name: {} for name in JSON_ARTIFACTS}


def _basis(**changes: Any) -> Callable[[], Any]:
    return lambda: check_basis(replace(BASIS, **changes))


def _registry(use: Callable[[ModelRegistry], Any]) -> Callable[[], Any]:
    """A call on an empty registry."""

    def call() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            return use(ModelRegistry(Path(folder)))

    return call


def _erp_url(**given: Any) -> Callable[[], Any]:
    return lambda: load_settings(_env_file=None, **given).erp


def _password(text: str | None) -> Callable[[], Any]:
    """The ERP's URL with a password from a file; None: there is no such file."""

    def call() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "password"
            if text is not None:
                file.write_text(text, encoding="utf-8")
            return _erp_url(erp_server="s", erp_database="d", erp_user="u", erp_password_file=file)()

    return call


OTHERS = (
    Call("results.time_factor_min = …: must be above 0.", _basis(time_factor_min=0.0), _basis(time_factor_min=60.0)),
    Call("results.half_life_days = …: must be above 0.", _basis(half_life_days=0.0), _basis(half_life_days=float("inf"))),
    Call("results.lot_size = …: must be above 0", _basis(run_basis="lot", lot_size=None), _basis(run_basis="order", lot_size=None)),
    Call("Lead time: pieces = …", lambda: breakdown(_WHOLE_OPERATIONS.lazy(), pieces=0), lambda: breakdown(_WHOLE_OPERATIONS.lazy(), pieces=10).collect()),
    Call("Lead time: operations is a …", lambda: breakdown([1]), lambda: breakdown(_WHOLE_OPERATIONS.lazy()).collect()),
    Call(
        "Lead time: the operations lack column …", lambda: breakdown(_WHOLE_OPERATIONS.rename({"run_min": "run"}).lazy()),
        lambda: breakdown(_WHOLE_OPERATIONS.rename({"run_min": "run"}).lazy(), columns=replace(STANDARD, run="run")).collect(),
    ),
    Call(
        "Lead time: column … is …, must be a number.", lambda: breakdown(_WHOLE_OPERATIONS.with_columns(run_min=pl.lit("5")).lazy()),
        lambda: breakdown(_WHOLE_OPERATIONS.with_columns(run_min=pl.lit("5").cast(pl.Float64)).lazy()).collect(),
    ),
    Call("Grammar.… = … is no share.", lambda: Grammar(outsourced_share=1.5), lambda: Grammar(outsourced_share=0.5)),
    Call("Grammar.… = … is outside … to …", lambda: Grammar(families=1), lambda: Grammar(families=2)),
    Call("There is no shard …", lambda: check_shard(4, 4), lambda: check_shard(3, 4)),
    Call("There is no alias …", lambda: check_alias("best"), lambda: check_alias("champion")),
    Call("A model version needs a name", lambda: check_name(""), lambda: check_name("v1")),
    Call("Model version name …... has …", lambda: check_name("v" * 999), lambda: check_name("v")),
    Call("Model version name … is reserved", lambda: check_name("champion"), lambda: check_name("champion-2")),
    Call("Model version name … is not usable.", lambda: check_name("a/b"), lambda: check_name("a-b")),
    Call("A model version needs the artifact(s)", lambda: check_complete({}), lambda: check_complete(ARTIFACTS)),
    Call("The artifact(s) … are written by the registry", lambda: check_complete({**ARTIFACTS, "metrics": {}}), lambda: check_complete({**ARTIFACTS, "my_metrics": {}})),
    Call("keep = … is negative.", _registry(lambda made: made.prune(-1)), _registry(lambda made: made.prune(0))),
    Call("…_URL and …_SERVER = … are both set.", _erp_url(erp_url="sqlite:///a.db", erp_server="s"), _erp_url(erp_url="sqlite:///a.db")),
    Call("…_SERVER = …, but …_DATABASE is not set.", _erp_url(erp_server="s"), _erp_url(erp_server="s", erp_database="d")),
    Call("… and …_FILE are both set.", _erp_url(erp_server="s", erp_database="d", erp_password="p", erp_password_file=Path("f")), _erp_url(erp_server="s", erp_database="d", erp_password="p")),
    Call("…_FILE = … is empty.", _password(""), _password("secret")),
    Call("…_FILE = … ….", _password(None), _password("secret")),
)  # fmt: skip
CALLS = (*PLAIN, *MODEL, *OTHERS)

"""Walks of remedies about a champion that cannot predict: files that changed, another layout, another version of the program.

Where the manifest itself says so it is signed again, as an earlier release or another machine would have signed it.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from collections.abc import Callable
from typing import Any

from homes import change
from walks import Case, House
from walks_home import broken


def resigned(spoil: Callable[[dict[str, Any]], None], command: str) -> Callable[[House], str]:
    """A champion whose manifest says something else, with the hash of it in the database."""

    def arrange(house: House) -> str:
        file = house.versions()[-1] / "manifest.json"
        content = json.loads(file.read_text(encoding="utf-8"))
        spoil(content)
        text = json.dumps(content, ensure_ascii=False).encode()
        file.write_bytes(text)
        change(
            house.warehouse,
            f"UPDATE model_version SET manifest_sha256 = '{hashlib.sha256(text).hexdigest()}'",
        )
        return command

    return arrange


def engine_of(content: bytes, command: str) -> Callable[[House], str]:
    """A champion whose predictor is another file, with its hash in the manifest and that of the manifest in the database."""

    def arrange(house: House) -> str:
        (house.versions()[-1] / "similarity_engine.joblib").write_bytes(content)

        def named(manifest: dict[str, Any]) -> None:
            manifest["artifacts"]["similarity_engine"] |= {
                "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "lacks": [],
            }  # fmt: skip

        return resigned(named, command)(house)

    return arrange


def _other_layout(manifest: dict[str, Any]) -> None:
    manifest["schema_version"] = "2.0"


def _other_runtime(manifest: dict[str, Any]) -> None:
    manifest["runtime_versions"]["scikit_learn"] = "0.24.2"


def _other_attributes(manifest: dict[str, Any]) -> None:
    manifest["feature_schema"]["attributes"].pop()
    manifest["feature_schema"]["sha256"] = "0" * 64


def _without_predictor(manifest: dict[str, Any]) -> None:
    del manifest["artifacts"]["similarity_engine"]


def _without_parts() -> bytes:
    """A part of a model as it is before it has learned anything: none of what it learns is there."""
    import joblib

    from routing_etl.model.times.effects import ItemSize

    stream = io.BytesIO()
    joblib.dump(ItemSize(), stream)
    return stream.getvalue()


def _of_code_that_is_gone() -> bytes:
    """A pickle of a class of ours that there is not."""
    return pickle.dumps(None).replace(b"N.", b"crouting_etl.model.times.effects\nGone\n.")


def _unknown_to_the_warehouse(command: str) -> Callable[[House], str]:
    """A champion that was trained with another warehouse."""

    def arrange(house: House) -> str:
        tables = ("model_metric", "model_decision", "model_version")
        change(house.warehouse, *(f"DELETE FROM {table}" for table in tables))
        return command

    return arrange


def _checked(house: House, said: str) -> str:
    """A new version, and that one is checked."""
    house.obey(said)
    return f"models verify {house.versions()[-1].name}"


SCORE = "score --quiet"
CASES = (
    Case("Model version … has layout …", resigned(_other_layout, SCORE)),
    Case("Model version … was trained under …", resigned(_other_runtime, SCORE)),
    Case("Model version … was trained on other item attributes", resigned(_other_attributes, SCORE)),
    Case("Model version … is not in the table model_version of ….", _unknown_to_the_warehouse(SCORE)),
    Case("Model version … is not in the table model_version of …: no night", _unknown_to_the_warehouse("models verify"), _checked),
    Case("Model version …: …", broken("models/*/metrics.json", "models verify"), _checked),
    Case("Model version … has no artifact …", resigned(_without_predictor, SCORE)),
    Case("Model version … was trained by another version of routing_etl", engine_of(_without_parts(), SCORE)),
    Case("Model version … needs code that this installation lacks", engine_of(_of_code_that_is_gone(), SCORE)),
)  # fmt: skip

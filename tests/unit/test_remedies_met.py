"""No dead end: what makes an error is met, what its remedy says is done, and the same call then does its work."""

from __future__ import annotations

from pathlib import Path

import pytest
from remedies import MET
from walks_met import Met, Place

from routing_etl.errors import RoutingEtlError

CHEAP = [case for case in MET if not case.dear]
DEAR = [case for case in MET if case.dear]


def _walk(case: Met, place: Place) -> None:
    story = case.story(place)
    wrong = next(story)
    with pytest.raises(RoutingEtlError) as met:
        wrong()
    assert case.says(met.value.message), met.value.message
    assert case.advice == "…" or case.advice in met.value.remedy, met.value.remedy
    assert met.value.remedy
    next(story, wrong)()
    assert next(story, None) is None


@pytest.mark.parametrize("case", CHEAP, ids=[c.sentence for c in CHEAP])
def test_what_an_error_advises_leads_out(
    case: Met, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    _walk(case, Place(tmp_path, monkeypatch, request))


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("case", DEAR, ids=[c.sentence for c in DEAR])
def test_what_an_error_of_a_night_advises_leads_out(
    case: Met, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    _walk(case, Place(tmp_path, monkeypatch, request))

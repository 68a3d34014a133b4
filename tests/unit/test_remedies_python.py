"""No dead end for a call from Python: what raises a sentence of ours works once what the sentence advises has been done."""

from __future__ import annotations

import pytest
from remedies import CALLED
from walks_python import Call

from routing_etl.errors import RoutingEtlError


@pytest.mark.parametrize("call", CALLED, ids=[c.sentence for c in CALLED])
def test_what_an_error_advises_leads_out(call: Call) -> None:
    with pytest.raises(RoutingEtlError) as met:
        call.wrong()
    assert call.says(met.value.message), met.value.message
    assert met.value.remedy
    call.right()

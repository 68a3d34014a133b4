"""The shipped proxies started for real: anonymous people are refused, viewers look, operators start runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from deploy_servers import PASSWORDS, apache, ask, basic, launch, login_stand_in, needs, nginx, webservers

pytestmark = [pytest.mark.integration, pytest.mark.slow]
_VERSION = json.dumps({"query": "{ version }"}).encode()
_JSON = {"Content-Type": "application/json"}
_UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "eHh4eHh4eHh4eHh4eHh4eA==", "Sec-WebSocket-Protocol": "graphql-ws",
}  # fmt: skip
STARTED = "LaunchRunSuccess"


@pytest.fixture(scope="module")
def dagster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    with webservers(tmp_path_factory.mktemp("webservers")) as ports:
        yield ports


def test_nginx_with_the_shipped_configuration(dagster: tuple[int, int], tmp_path: Path) -> None:
    needs("nginx", "openssl")
    with (
        login_stand_in(dagster[0], "operator") as login,
        login_stand_in(dagster[1], "viewer") as login_viewers,
        nginx(tmp_path, (login, login_viewers)) as (operators, viewers, authority),
    ):
        assert ask(operators).status == 400, "plain HTTP on the TLS port"
        for port in (operators, viewers):
            assert ask(port, authority=authority).status == 401
            assert launch(port, authority, {}) == "401"
        assert launch(operators, authority, {"X-Token": "viewer"}) == "401"
        assert launch(operators, authority, {"X-Token": "operator"}) == STARTED
        assert launch(viewers, authority, {"X-Token": "viewer"}) == "UnauthorizedError"
        found = ask(
            viewers,
            "/graphql",
            authority=authority,
            body=_VERSION,
            headers={**_JSON, **_UPGRADE, "X-Token": "viewer"},
        )
        assert found.data["data"]["version"] and found.headers["server"] == "nginx"
        assert (found.headers["x-seen-proto"], found.headers["x-seen-upgrade"]) == ("https", "websocket")


def test_apache_and_ldap_with_the_shipped_configuration(dagster: tuple[int, int]) -> None:
    needs("apache2", "slapd", "slapadd", "openssl")
    olga, vera = (basic(name, word) for name, word in PASSWORDS.items())
    with apache(dagster) as (operators, viewers, authority):
        for port in (operators, viewers):
            for headers in (
                {},
                basic("olga", "wrong"),
                basic("olga", ""),
                basic("nobody", "x"),
                basic("*", "x"),
                _UPGRADE,
            ):
                for path in ("/", "/graphql", "/graphql/../graphql", "//graphql"):
                    assert ask(port, path, authority=authority, headers=headers).status in (400, 401), (
                        path,
                        headers,
                    )
            assert launch(port, authority, {}) == "401"
        assert launch(operators, authority, vera) == "401", "a viewer at the operators' door"
        assert launch(viewers, authority, vera) == "UnauthorizedError", "a viewer cannot start a run"
        looked = ask(viewers, "/graphql", authority=authority, body=_VERSION, headers={**_JSON, **vera})
        assert looked.data["data"]["version"]
        assert launch(operators, authority, olga) == STARTED
        upgraded = ask(operators, "/graphql", authority=authority, headers={**olga, **_UPGRADE})
        assert upgraded.status == 101, "live pages of an operator"

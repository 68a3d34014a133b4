"""The shipped deployment files: they parse, agree with the code, and keep what the design asks of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagster_defs.definitions import build_defs
from routing_etl.settings import Settings

DEPLOY = Path(__file__).resolve().parents[3] / "dagster_defs" / "deploy"


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    return content


def test_compose_has_the_parts_and_only_the_proxy_has_ports() -> None:
    services = load("compose.yaml")["services"]
    assert {"webserver", "viewer", "daemon", "code", "postgres", "sqlserver", "proxy", "login"} <= set(
        services
    )
    assert [name for name, s in services.items() if "ports" in s] == ["proxy"]
    assert "--read-only" in services["viewer"]["command"]
    assert "--read-only" not in services["webserver"]["command"]


def test_every_setting_that_the_files_name_exists() -> None:
    known = {f"ROUTING_ETL_{name.upper()}" for name in Settings.model_fields}
    named = set()
    for path in sorted(DEPLOY.iterdir()):
        words = "".join(
            c if c.isalnum() or c == "_" else " " for c in path.read_text(encoding="utf-8")
        ).split()
        named |= {w for w in words if w.startswith("ROUTING_ETL_")}
    assert len(named) >= 6
    assert named <= known


@pytest.mark.parametrize("name", ["dagster.yaml", "../dagster.yaml"])
def test_instances_retry_dead_workers_only_and_send_nothing(name: str) -> None:
    instance = load(name)
    assert instance["telemetry"] == {"enabled": False}
    assert instance["run_retries"] == {
        "enabled": True,
        "max_retries": 1,
        "retry_on_asset_or_op_failure": False,
    }
    assert instance["concurrency"]["pools"] == {"granularity": "run", "default_limit": 1}
    assert instance["run_monitoring"]["enabled"] is True
    assert set(instance["retention"]) == {"schedule", "sensor"}


def test_kubernetes_keeps_the_same_rules_and_every_file_says_what_to_change() -> None:
    values = load("kubernetes-values.yaml")
    assert values["runLauncher"]["type"] == "K8sRunLauncher"
    assert values["dagsterDaemon"]["runRetries"]["retryOnAssetOrOpFailure"] is False
    assert values["concurrency"]["pools"]["defaultLimit"] == 1
    assert values["dagsterWebserver"]["enableReadOnly"] is True
    for name in (
        "compose.yaml",
        "kubernetes-values.yaml",
        "nginx.conf",
        "apache-ldap.conf",
        "env.example",
        "Dockerfile",
    ):
        assert "CHANGE" in (DEPLOY / name).read_text(encoding="utf-8"), name


def test_no_pod_asks_for_more_memory_than_it_may_have() -> None:
    """Kubernetes refuses such a pod: no run would start."""

    def pods(value: Any) -> list[dict[str, Any]]:
        if not isinstance(value, dict):
            return [pod for one in value for pod in pods(one)] if isinstance(value, list) else []
        own = [value["resources"]] if "resources" in value else []
        return own + [pod for one in value.values() for pod in pods(one)]

    def gib(amount: str) -> float:
        return float(amount[:-2]) / {"Gi": 1, "Mi": 1024}[amount[-2:]]

    found = [
        (gib(pod["requests"]["memory"]), gib(pod["limits"]["memory"]))
        for pod in pods(load("kubernetes-values.yaml"))
    ]
    assert len(found) == 2
    for asked, limit in found:
        assert asked <= limit


def test_the_image_loads_the_module_that_exists(tmp_path: Path) -> None:
    assert "routing_etl.code_location" in (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert build_defs(home=tmp_path).get_repository_def().name == "__repository__"


def test_no_secret_has_a_default_and_nothing_starts_without_one() -> None:
    example = dict(
        line.split("=", 1)
        for line in (DEPLOY / "env.example").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    secret = {name for name in example if name.endswith(("PASSWORD", "SECRET"))}
    assert len(secret) == 4 and {example[name] for name in secret} == {""}
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    for name in secret:
        used = re.findall(rf"\$\{{{name}[^}}]*\}}", text)
        assert used and all(u == f"${{{name}:?fill in .env}}" for u in used), name
    for service in load("compose.yaml")["services"].values():
        for name, value in service.get("environment", {}).items():
            if name.endswith(("PASSWORD", "SECRET")):
                assert str(value).startswith("${"), name


def test_the_image_runs_as_an_ordinary_user_and_the_host_opens_no_port_but_the_proxys() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["10001"] and not any(
        line.startswith("RUN") for line in lines[lines.index("USER 10001") :]
    )
    assert any("useradd" in line and "--uid 10001 etl" in line for line in lines)
    for name, service in load("compose.yaml")["services"].items():
        assert not {"privileged", "network_mode", "cap_add", "user"} & set(service), name
        assert name == "proxy" or "ports" not in service
    webserver = load("kubernetes-values.yaml")["dagsterWebserver"]
    assert webserver.get("service", {}).get("type", "ClusterIP") == "ClusterIP"


def test_apache_knows_no_comment_at_the_end_of_a_line() -> None:
    """It would take the comment for arguments, and not start."""
    for line in (DEPLOY / "apache-ldap.conf").read_text(encoding="utf-8").splitlines():
        assert line.lstrip().startswith("#") or "#" not in line, line

"""The files that put a hub on machines: their commands, settings, routes and metrics are ones that the program has."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools.make_board import BOARD, board

from radcommons.cli import hub as commands
from radcommons.platform.settings import HubSettings

DEPLOY = Path(__file__).parents[3] / "deploy" / "hub"
_SETTINGS = {f"RADCOMMONS_{name.upper()}" for name in HubSettings.model_fields}
# What obstore reads of the environment, as docs/how-to/run-a-hub.md has it.
_STORE = {"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def _documents(name: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all((DEPLOY / name).read_text("utf-8")) if one]


def _containers() -> list[dict[str, Any]]:
    found = _documents("kubernetes/web.yaml") + _documents("kubernetes/worker.yaml")
    return [
        container
        for one in found
        if one["kind"] in ("Deployment", "StatefulSet")
        for container in one["spec"]["template"]["spec"]["containers"]
    ]


def _commands() -> list[list[str]]:
    compose = _documents("compose.yaml")[0]["services"]
    image = re.search(r"^CMD (\[\"hub.*\])$", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert image is not None
    made = [json.loads(image[1]), compose["web"]["command"], compose["worker"]["command"]]
    made += [container["args"] for container in _containers()]
    for path in sorted((DEPLOY / "systemd").glob("*.service")):
        lines = re.findall(r"^ExecStart=/opt/radcommons/bin/radcommons (.*)$", path.read_text("utf-8"), re.MULTILINE)
        made += [shlex.split(line) for line in lines]
    return made


@pytest.mark.parametrize("command", _commands(), ids=" ".join)
def test_command_is_one_of_ours(command: list[str]) -> None:
    """Each file calls a command of the hub with options that it has."""
    verb = {"serve": commands.serve, "worker": commands.worker, "backup": commands.backup}[command[1]]
    assert command[0] == "hub"
    assert verb.make_context(command[1], command[2:]).params["directory"]


def test_settings_are_ours() -> None:
    """Every variable of compose and Kubernetes is a setting, or one of the object store."""
    compose = _documents("compose.yaml")[0]
    literals = _documents("kubernetes/kustomization.yaml")[0]["configMapGenerator"][0]["literals"]
    named = {*compose["x-hub"]["environment"], *(one.partition("=")[0] for one in literals)}
    assert named - _SETTINGS - _STORE == set()


def test_kubernetes_files_hang_together() -> None:
    """What kustomization lists is there and the other way round; probes and selectors point at something."""
    listed = _documents("kubernetes/kustomization.yaml")[0]["resources"]
    assert {*listed, "kustomization.yaml"} == {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")}
    found = [one for name in listed for one in _documents(f"kubernetes/{name}")]
    pods = {one["spec"]["template"]["metadata"]["labels"]["app"] for one in found if "template" in one.get("spec", {})}
    for one in found:
        if one["kind"] in ("Service", "NetworkPolicy"):
            selector = one["spec"].get("selector") or one["spec"]["podSelector"]["matchLabels"]
            assert selector["app"] in pods
    for container in _containers():
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {"folder", "keys", "tmp"}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
            if probe in container:
                assert container[probe]["httpGet"]["path"] in ("/healthz", "/readyz")


def test_board_is_what_its_table_makes() -> None:
    """The board in the tree is the one that tools/make_board.py makes."""
    assert json.loads(BOARD.read_text("utf-8")) == board()


def test_metrics_are_ours() -> None:
    """Every metric of the board and of the alerts is one that /metrics gives."""
    asked = [rule["expr"] for rule in _documents("prometheus/alerts.yaml")[0]["groups"][0]["rules"]]
    asked += [target["expr"] for panel in board()["panels"] for target in panel["targets"]]
    named = {name for text in asked for name in re.findall(r"\b((?:radcommons|process)_\w+)", text)}
    http = {f"radcommons_http_{name}" for name in ("seconds_count", "seconds_bucket", "received_bytes_total")}
    held = {f"radcommons_{name}" for name in ("instances", "submissions", "jobs", "releases")}
    process = {"process_resident_memory_bytes", "process_cpu_seconds_total"}
    assert named - http - held - process == {"radcommons_http_sent_bytes_total"}


def test_the_proxy_asks_browsers_for_tls_alone() -> None:
    """Where TLS ends, browsers are told to come by TLS for a year; the hub believes one proxy's word of who asks."""
    (compose,) = _documents("compose.yaml")
    caddy = compose["configs"]["caddy"]["content"]
    assert "max-age=31536000; includeSubDomains" in caddy
    assert compose["services"]["web"]["environment"]["RADCOMMONS_TRUSTED_PROXIES"] == "1"

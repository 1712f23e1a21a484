"""The files that start a gateway with the PC."""

from __future__ import annotations

import configparser
import plistlib
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from radcommons.cli.site import serve

DEPLOY = Path(__file__).parents[3] / "deploy" / "gateway"


def _unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "radcommons-site.service")
    return parser


def _commands() -> list[list[str]]:
    with (DEPLOY / "org.radcommons.site.plist").open("rb") as source:
        launchd = plistlib.load(source)["ProgramArguments"]
    script = (DEPLOY / "install-task.ps1").read_text()
    windows = re.search(r'\$arguments = "(.*)"\n', script)
    assert windows is not None
    arguments = windows[1].replace('`"', '"').replace("$Gateway", "C:/radcommons").replace("$DimsePort", "11112")
    return [shlex.split(_unit()["Service"]["ExecStart"]), launchd, ["radcommons", *shlex.split(arguments)]]


@pytest.mark.parametrize("command", _commands(), ids=["systemd", "launchd", "windows"])
def test_command_is_one_of_ours(command: list[str]) -> None:
    """Each file starts `site serve` with options that the program has."""
    assert command[1:3] == ["site", "serve"]
    made = serve.make_context("serve", command[3:])
    assert made.params["dimse_port"] == 11112


def test_unit_verifies(tmp_path: Path) -> None:
    """Where systemd is, it finds no fault in the unit and calls its exposure OK."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        assert _unit()["Service"]["ProtectSystem"] == "strict"
        return
    program = tmp_path / "radcommons"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "radcommons-site.service"
    text = (DEPLOY / unit.name).read_text()
    unit.write_text(text.replace("/opt/radcommons/bin/radcommons", str(program)))
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
    assert "radcommons-site" not in done.stderr
    assert done.returncode == 0

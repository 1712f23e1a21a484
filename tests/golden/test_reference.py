"""The generated reference agrees with the program."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from radcommons.cli.main import COMMANDS, cli
from radcommons.dicom.profile import load_profile, shipped_profiles
from radcommons.platform.policy import shipped_protocols

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    """`tools/make_reference.py` as a module."""
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "tools" / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_program_says() -> None:
    """No page of docs/reference is missing, stale or different; `python tools/make_reference.py` rewrites them."""
    # In a process of its own, as a person runs it: what other tests imported or changed is not there.
    told = "import json, make_reference as maker; print(json.dumps(maker.differences(maker.reference())))"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT / "tools", capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_a_changed_page_is_noticed(maker: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison finds a changed, a missing and a stale page."""
    (tmp_path / "kept.md").write_text("old", "utf-8")
    (tmp_path / "stale.md").write_text("nobody makes me", "utf-8")
    monkeypatch.setattr(maker, "TARGET", tmp_path)
    assert maker.differences({"kept.md": "new", "absent.md": "text"}) == ["absent.md", "kept.md", "stale.md"]


@pytest.mark.parametrize("path", sorted(REFERENCE.glob("schemas/*.json")), ids=lambda path: path.stem)
def test_published_schemas_are_valid(path: Path) -> None:
    """Each published schema is itself valid JSON Schema 2020-12 and forbids unknown members."""
    schema = json.loads(path.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False


def test_policies_are_documented_by_digest() -> None:
    """The pages of profiles and protocols hold what the program prints, digest included."""
    pages = {name: (REFERENCE / f"{name}.md").read_text("utf-8") for name in ("profiles", "protocols")}
    policies = {
        "profiles": [load_profile(name) for name in shipped_profiles()],
        "protocols": list(shipped_protocols().values()),
    }
    for name, shipped in policies.items():
        for policy in shipped:
            assert policy.digest in pages[name]
            assert [line for line in policy.describe() if line.rstrip() not in pages[name]] == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(name: str) -> None:
    """`--help` of a command, or of each command in its group at any depth, ends in a runnable example."""
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    for path in _leaves(command, [name]):
        shown = CliRunner().invoke(cli, [*path, "--help"])
        assert shown.exit_code == 0, shown.output
        example = " ".join(shown.output.split()).partition("Example: ")[2]
        assert f"radcommons {' '.join(path)}" in example, path


def _leaves(command: click.Command, path: list[str]) -> list[list[str]]:
    below = getattr(command, "commands", {})
    return [leaf for name, one in below.items() for leaf in _leaves(one, [*path, name])] or [path]

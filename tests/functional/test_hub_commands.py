"""`radcommons hub`, `release` and `settings`: what they print, what they change, how they end."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from radcommons.catalogue.accounts import by_token
from radcommons.cli.hub import hub, open_settings
from radcommons.cli.release import release
from radcommons.cli.settings import settings
from radcommons.platform.ports import open_platform
from radcommons.records.errors import Conflict, DocumentError, UsageError
from radcommons.records.event import Role
from radcommons.testing.hubs import running_hub
from radcommons.testing.sender import Sender


def _run(command: click.Command, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(one) for one in arguments], catch_exceptions=False, standalone_mode=False)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A new hub."""
    _run(hub, "init", tmp_path / "hub")
    return tmp_path / "hub"


def test_init_prints_the_first_sign_in_and_keeps_no_password(tmp_path: Path) -> None:
    """The administrator's password is shown once and stands nowhere in the folder; keys are their owner's alone."""
    shown = json.loads(_run(hub, "init", tmp_path / "hub", "--dataset", "lungs", "--json").stdout)
    assert shown["dataset"] == "lungs"
    key = tmp_path / "hub" / "keys" / "hub.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "hub").stat().st_mode) == 0o700
    for path in (tmp_path / "hub").rglob("*"):
        assert not path.is_file() or shown["password"].encode() not in path.read_bytes()


def test_init_twice_is_refused(directory: Path) -> None:
    """A folder that holds a hub is left as it is."""
    before = (directory / "keys" / "hub.key").read_bytes()
    with pytest.raises(Conflict):
        _run(hub, "init", directory)
    assert (directory / "keys" / "hub.key").read_bytes() == before


def test_token_prints_one_token_and_nothing_else(directory: Path) -> None:
    """The printed line is the token, which speaks for the site; its text stands nowhere in the folder."""
    printed = _run(hub, "token", directory, "--role", "site", "--site", "ALFA").stdout
    token = printed.removesuffix("\n")
    assert token.split() == [token]
    actor = by_token(open_platform(open_settings(directory)).engine, token)
    assert actor is not None
    assert (actor.site, actor.roles, actor.dataset) == ("ALFA", {Role.SITE}, None)
    assert token.encode() not in (directory / "hub.db").read_bytes()


def test_direct_token_is_bound_to_the_hubs_dataset(directory: Path) -> None:
    """Without a name, a direct token loads into the dataset that the hub was made with."""
    token = _run(hub, "token", directory, "--role", "site", "--direct").stdout.strip()
    actor = by_token(open_platform(open_settings(directory)).engine, token)
    assert actor is not None
    assert actor.dataset == "covid-chest"


@pytest.mark.parametrize(
    "arguments", [("--role", "site"), ("--role", "site", "--site", "alfa"), ("--role", "curator", "--dataset", "x")]
)
def test_wrong_token_is_wrong_usage(directory: Path, arguments: tuple[str, ...]) -> None:
    """A site's token names the site by its code, and a dataset binds direct tokens alone."""
    with pytest.raises(UsageError):
        _run(hub, "token", directory, *arguments)


def test_what_if_changes_nothing(directory: Path, tmp_path: Path) -> None:
    """Every changing command says what it would do and leaves each file as it was."""

    def content() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}

    before = content()
    for command, *arguments in (
        (hub, "init", tmp_path / "other"),
        (hub, "token", directory, "--role", "curator"),
        (hub, "account", directory, "--email", "c@hub", "--role", "curator", "--name", "C"),
        (hub, "backup", directory, tmp_path / "backup.tar"),
        (release, "create", directory),
    ):
        assert "Would" in _run(command, *arguments, "--what-if").stdout
    assert {path: text for path, text in content().items() if path.suffix not in (".db-wal", ".db-shm")} == {
        path: text for path, text in before.items() if path.suffix not in (".db-wal", ".db-shm")
    }
    assert not (tmp_path / "other").exists()
    assert not (tmp_path / "backup.tar").exists()


def test_backup_restores_to_the_same_hub(tmp_path: Path) -> None:
    """What a backup brings back passes the check, signs with the same key and can be released from."""
    with running_hub(tmp_path / "hub", run_jobs=False) as running:
        made = Sender().instance()
        running.store([made], headers=running.token(Role.SITE, dataset="covid-chest"))
        _run(hub, "backup", tmp_path / "hub", tmp_path / "backup.tar")
    assert stat.S_IMODE((tmp_path / "backup.tar").stat().st_mode) == 0o600
    _run(hub, "restore", tmp_path / "backup.tar", tmp_path / "restored")
    checked = json.loads(_run(hub, "check", tmp_path / "restored", "--json").stdout)
    assert (checked["objects"], checked["faults"]) == (1, [])
    made_release = json.loads(_run(release, "create", tmp_path / "restored", "--json").stdout)
    assert made_release["counts"]["instances"] == 1
    shown = json.loads(_run(release, "list", tmp_path / "restored", "--json").stdout)
    assert [one["id"] for one in shown["releases"]] == ["covid-chest-1"]
    assert _run(release, "diff", tmp_path / "restored", "covid-chest-1", "covid-chest-1").return_value == 0
    with pytest.raises(Conflict):
        _run(hub, "restore", tmp_path / "backup.tar", tmp_path / "restored")


def test_restore_refuses_what_is_no_backup(tmp_path: Path) -> None:
    """A text file is no backup and leaves no half of a hub."""
    (tmp_path / "text").write_text("no backup")
    with pytest.raises(DocumentError):
        _run(hub, "restore", tmp_path / "text", tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


def test_withdrawal_at_the_hub(tmp_path: Path) -> None:
    """An operator takes an instance back under the hub's own signature; a dry run takes nothing."""
    with running_hub(tmp_path / "hub", run_jobs=False) as running:
        made = Sender().instance()
        running.store([made], headers=running.token(Role.SITE, dataset="covid-chest"))
        _run(release, "create", tmp_path / "hub")
        arguments = ["withdraw", tmp_path / "hub", "--digest", made.item.digest, "--reason", "identity", "--json"]
        for what_if in (True, False):
            answer = json.loads(_run(release, *arguments, *(["--what-if"] if what_if else [])).stdout)
            assert (answer["instances"], answer["releases"]) == (1, ["covid-chest-1"])
            status = running.client.get(f"/api/v1/releases/covid-chest-1/instances/{made.item.digest}").status_code
            assert status == (200 if what_if else 410)


def test_settings_hide_passwords(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment wins over the file, and a password in a URL is not printed."""
    monkeypatch.setenv("RADCOMMONS_DATABASE_URL", "postgresql://hub:hunter2@db.example/hub")
    monkeypatch.setenv("RADCOMMONS_ACCEPT", "ask")
    shown = json.loads(_run(settings, directory, "--json").stdout)
    assert (shown["accept"], shown["database"]) == ("ask", "postgresql://hub:***@db.example/hub")
    assert "hunter2" not in _run(settings, directory).stdout


def _commands(group: click.Group) -> list[Any]:
    return list(group.commands.values())


@pytest.mark.parametrize("command", [*_commands(hub), *_commands(release), settings], ids=lambda one: str(one.name))
def test_help_ends_in_an_example(command: click.Command) -> None:
    """Each help ends in a line that can be run."""
    assert command.epilog is not None
    assert command.epilog.startswith("Example: ")
    assert "radcommons " in command.epilog

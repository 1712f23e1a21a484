"""What the written pages show can be typed: commands and options exist, and example files are valid."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from radcommons.cli.main import cli
from radcommons.records.protocol import parse_protocol

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
WRITTEN = [path for path in PAGES if "reference" not in path.parts]
_BLOCK = re.compile(r"```(?:sh|console)\n(.*?)```", re.DOTALL)
_INLINE = re.compile(r"`(?:uv run )?(radcommons [a-z][^`]*)`")


def _typed(text: str) -> Iterator[str]:
    """Yield the `radcommons` commands that a page shows, long lines joined."""
    for block in _BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            found = re.search(r"(?:^|[$(]\s*|\s)(radcommons [a-z][^)]*)", line)
            if found and not line.startswith(" "):
                yield found[1].partition(" #")[0]
    yield from _INLINE.findall(text)


def _problem(line: str) -> str | None:
    """Return what of a command line does not exist."""
    words = shlex.split(line)[1:]
    command: click.Command = cli
    context = click.Context(cli, info_name="radcommons")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        below = command.get_command(context, words[0])
        if below is None:
            return f"{line}: there is no '{words[0]}'"
        command, context, words = below, click.Context(below, info_name=words[0], parent=context), words[1:]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    unknown = [word.partition("=")[0] for word in words if word.startswith("--")]
    missing = [option for option in unknown if option not in known]
    return f"{line}: no option {missing}" if missing else None


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_on_a_page_exist(path: Path) -> None:
    """Each command that a page shows is there, with its options."""
    assert [problem for line in _typed(path.read_text("utf-8")) if (problem := _problem(line))] == []


def test_a_command_that_is_none_is_found() -> None:
    """The check above can fail, by a command and by an option."""
    page = "```sh\n$ radcommons hub launch DIR\nradcommons get covid-chest-1 --into DIR\n```\n`radcommons site add DIR`"
    assert [problem.split(": ")[1] for line in _typed(page) if (problem := _problem(line))] == [
        "there is no 'launch'",
        "no option ['--into']",
    ]


def test_the_example_of_a_protocol_is_valid() -> None:
    """The protocol in the how-to reads, and holds what the page explains."""
    page = (ROOT / "docs" / "how-to" / "write-a-protocol.md").read_text("utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    protocol = parse_protocol(example)
    assert [criterion.prefer for criterion in protocol.criteria] == [False, False, False, True]

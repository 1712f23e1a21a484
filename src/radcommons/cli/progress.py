"""One line of progress on the terminal, and silence where there is none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


def printable(name: str) -> str:
    """Return a name with control characters escaped: no file's name may write lines or colours of its own."""
    return name if name.isprintable() else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in name)


@contextmanager
def progress_line(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """Yield a function (done, all or None) that draws one line on standard error."""
    is_terminal = sys.stderr.isatty()

    def tick(done: int, total: int | None) -> None:
        if not is_terminal:
            return
        bar = f" [{'#' * (30 * done // total):30}]" if total else ""
        click.echo(f"\r{done}{f' of {total}' if total else ''} {what}{bar}\033[K", err=True, nl=False)

    try:
        yield tick
    finally:
        if is_terminal:
            click.echo("\r\033[K", err=True, nl=False)

"""Tables of files for people and their tools: what a release, a part of it or a cohort names, with each address."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from fastapi import Request
from fastapi.responses import StreamingResponse

from radcommons.platform.ports import Platform
from radcommons.records.release import CSV_COLUMNS, ReleaseItem, csv_row, instance_address


def base_of(request: Request, ports: Platform) -> str:
    """Return the hub's address as its visitors know it."""
    return (ports.settings.base_url or str(request.base_url)).rstrip("/")


def table_response(items: Iterable[tuple[str, ReleaseItem]], *, base: str, name: str) -> StreamingResponse:
    """Return a table to download.

    Parameters
    ----------
    items : iterable of (release, ReleaseItem)
    base : str
        The hub's address.
    name : str
        Of the file, without its ending; an identifier of ours.
    """
    headers = {
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'attachment; filename="{name}.csv"',
    }
    return StreamingResponse(lines(items, base=base), media_type="text/csv; charset=utf-8", headers=headers)


def lines(items: Iterable[tuple[str, ReleaseItem]], *, base: str) -> Iterator[str]:
    """Yield the text of a table, its head first; `items` as for `table_response`."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for release, item in items:
        writer.writerow(csv_row(item, url=base + instance_address(release, item.digest)))
        if line.tell() > 1 << 16:
            yield line.getvalue()
            line.seek(0)
            line.truncate()
    yield line.getvalue()

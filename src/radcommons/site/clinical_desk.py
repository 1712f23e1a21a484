"""A clinical table while somebody maps it in the browser: its bytes lie in the encrypted store, for a day at most."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from radcommons.platform.clock import instant
from radcommons.records.errors import NotFound, UsageError
from radcommons.site.clinical import ClinicalTable, understand
from radcommons.site.clinical_map import (
    CHOICES,
    MEANINGS,
    Guess,
    TableMapping,
    guess,
    headings_of,
    parse_mapping,
    spelled_mapping,
)
from radcommons.site.clinical_sheet import CHARSETS, Sheet, open_sheet
from radcommons.site.clinical_take import Matches, known_patients, match, remembered
from radcommons.site.store import Store
from radcommons.site.tables_select import clinical_upload

MAX_UPLOAD_BYTES = 32 << 20
_KEPT = timedelta(hours=24)
_SAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column as the page shows it; `samples` are masked."""

    number: int
    heading: str
    meaning: str
    why: str
    samples: tuple[str, ...]
    filled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A table in the making: `objection` says why it cannot be read so."""

    token: str
    name: str
    site: str
    sheet: Sheet
    mapping: TableMapping
    columns: tuple[Column, ...]
    table: ClinicalTable | None
    matches: Matches | None
    objection: str


def keep_upload(store: Store, content: bytes, *, name: str, site: str, by: str) -> str:
    """Keep a table that was uploaded, with a first mapping, and return its token.

    Raises
    ------
    UsageError
        If it is no table.
    """
    if len(content) > MAX_UPLOAD_BYTES:
        raise UsageError("The table is larger than 32 MiB.", mend="Use `radcommons site clinical` for such a table.")
    sheet = open_sheet(content)
    guessed = _guess(store, sheet, site)
    before = remembered(store, headings_of(sheet, guessed.mapping), site=site)
    mapping = replace(before, heading_row=guessed.mapping.heading_row) if before else guessed.mapping
    token = secrets.token_urlsafe(16)
    oldest = f"{datetime.now(UTC) - _KEPT:%Y-%m-%dT%H:%M:%SZ}"
    with store.change() as change:
        change.connection.execute(clinical_upload.delete().where(clinical_upload.c.at < oldest))
        row = {"token": token, "site": site, "name": name[:200], "content": content, "uploaded_by": by, "at": instant()}
        change.connection.execute(clinical_upload.insert().values(**row, mapping=spelled_mapping(mapping)))
        change.tell("clinical.uploaded", subject=f"site:{site}", actor=by, bytes=len(content))
    return token


def _guess(store: Store, sheet: Sheet, site: str) -> Guess:
    with store.read() as connection:
        return guess(sheet, known_ids=known_patients(connection, site=site))


def draft(store: Store, token: str) -> Draft:
    """Return a table as it is read now.

    Raises
    ------
    NotFound
        If it was kept, discarded, or is older than a day.
    """
    with store.read() as connection:
        row = connection.execute(sa.select(clinical_upload).where(clinical_upload.c.token == token)).one_or_none()
    if row is None:
        raise NotFound("This table is not here any more.", mend="Bring it again.")
    mapping, content = parse_mapping(str(row.mapping)), bytes(row.content)
    try:
        sheet = open_sheet(content, charset=mapping.charset, separator=mapping.separator, name=mapping.sheet)
    except UsageError as error:
        sheet, mapping = open_sheet(content), replace(mapping, charset="", separator="", sheet="")
        return _draft(store, row, sheet, mapping, objection=str(error))
    return _draft(store, row, sheet, mapping, objection="")


def _draft(store: Store, row: sa.Row[tuple[object, ...]], sheet: Sheet, mapping: TableMapping, objection: str) -> Draft:
    site = str(row.site)
    guessed = _guess(store, sheet, site)
    table, matches = None, None
    try:
        table = understand(sheet, mapping)
        with store.read() as connection:
            matches = match(table, known_patients(connection, site=site))
    except UsageError as error:
        objection = objection or str(error)
    return Draft(
        token=str(row.token),
        name=str(row.name),
        site=site,
        sheet=sheet,
        mapping=mapping,
        columns=_columns(sheet, mapping, guessed),
        table=table,
        matches=matches,
        objection=objection,
    )


def _columns(sheet: Sheet, mapping: TableMapping, guessed: Guess) -> tuple[Column, ...]:
    by_heading = {heading: meaning for meaning, heading in mapping.columns.items()}
    found = []
    for place, heading in enumerate(headings_of(sheet, mapping)):
        cells = [row[place].strip() for row in sheet.rows[mapping.heading_row :] if place < len(row)]
        filled = [cell for cell in cells if cell]
        meaning = by_heading.get(heading, "")
        same = meaning and guessed.mapping.columns.get(meaning) == heading
        why = guessed.reasons.get(meaning, "") if same else "you said so" if meaning else ""
        samples = tuple(dict.fromkeys(map(masked, filled[:50])))[:_SAMPLES]
        found.append(
            Column(number=place, heading=heading, meaning=meaning, why=why, samples=samples, filled=len(filled))
        )
    return tuple(found)


def masked(cell: str) -> str:
    """Return the shape of a cell: letters and digits are hidden, short plain words of results stay readable."""
    if re.fullmatch(r"[A-Za-z+\-]{1,3}|pos\w*|neg\w*|yes|true|false|male|female|dead|alive", cell, re.IGNORECASE):
        return cell
    shape = re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "9", cell))
    return shape if len(shape) <= 24 else shape[:23] + "…"


def said_in(form: Mapping[str, str], before: TableMapping, headings: tuple[str, ...]) -> TableMapping:
    """Return the mapping that a form asks for.

    Raises
    ------
    UsageError
        If two columns are said to mean the same.
    """
    columns: dict[str, str] = {}
    for place, heading in enumerate(headings):
        meaning = form.get(f"column-{place}", "")
        if meaning not in MEANINGS:
            continue
        if meaning in columns:
            raise UsageError(f"Two columns are said to be '{MEANINGS[meaning]}'.", mend="Choose one of them.")
        columns[meaning] = heading
    words = {name: dict(known) for name, known in before.values.items()}
    for number in range(int(form.get("words", "0") or 0)):
        meaning, word = form.get(f"word-{number}-of", ""), form.get(f"word-{number}", "")
        said = form.get(f"word-{number}-is", "")
        if meaning in CHOICES and word and said in (*CHOICES[meaning], "nothing"):
            words.setdefault(meaning, {})[word] = "" if said == "nothing" else said
    order = {"day": True, "month": False}.get(form.get("dates", ""), before.day_first)
    charset = form.get("charset", before.charset)
    return replace(
        before,
        columns=columns,
        values=words,
        day_first=order,
        charset=charset if charset in CHARSETS else before.charset,
        sheet=form.get("sheet", before.sheet),
    )


def write_mapping(store: Store, token: str, mapping: TableMapping) -> None:
    """Keep a mapping with its table."""
    with store.change() as change:
        same = clinical_upload.c.token == token
        change.connection.execute(clinical_upload.update().where(same).values(mapping=spelled_mapping(mapping)))


def discard(store: Store, token: str) -> None:
    """Take a table away."""
    with store.change() as change:
        change.connection.execute(clinical_upload.delete().where(clinical_upload.c.token == token))

"""The books of a run: a line a file, lists of actions shared by equal files, and one JSON document of it all."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from radcommons.dicom._tables.ps3_15_e1 import EDITION
from radcommons.dicom._tables.ps3_15_e1_options import EDITION as OPTIONS_EDITION
from radcommons.dicom.profile import CODE_MEANINGS, Profile
from radcommons.platform.clock import instant
from radcommons.platform.durable import new_file
from radcommons.site.deid_checker import EVERY
from radcommons.site.deid_run import Run
from radcommons.site.deid_values import DeidSettings, Fate, FileDone, PixelCheck, Verify

STATEMENT = (
    "This file names the source of each object and stays at the hospital. "
    "The page for the privacy officer (HTML, PDF) names no source and holds no value."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a report says of a run beyond its numbers.

    Parameters
    ----------
    settings : DeidSettings
    profile : Profile
    has_key_file : bool
        False where the pseudonyms hold for this run alone.
    made_at : str
        Instant in UTC.
    """

    settings: DeidSettings
    profile: Profile
    has_key_file: bool
    made_at: str

    @classmethod
    def of(cls, settings: DeidSettings, profile: Profile, *, has_key_file: bool) -> Context:
        """Return the context of a run that ends now."""
        return cls(settings=settings, profile=profile, has_key_file=has_key_file, made_at=instant())


class Books:
    """Keeps a line of each file on disk, without a name, until the report is written."""

    def __init__(self) -> None:
        self._lines: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115  (closed by __exit__)

    def __enter__(self) -> Books:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lines.close()

    def add(self, done: FileDone) -> None:
        """Take one file into the books."""
        members = {
            "source": done.path,
            "outcome": str(done.fate),
            "reason": done.code,
            "message": done.message,
            "output": done.output,
            "record": done.record,
            "pixels": done.pixels,
            "verified": done.is_verified,
            "withdrawn": done.withdrawn,
            "findings": [asdict(one) for one in done.findings],
        }
        kept = {name: value for name, value in members.items() if value not in ("", [], None)}
        self._lines.write(json.dumps(kept, ensure_ascii=False) + "\n")

    def lines(self) -> Iterator[str]:
        """Yield the files, each as JSON, in the order of the walk."""
        self._lines.seek(0)
        yield from (line.rstrip("\n") for line in self._lines)


def counts(run: Run) -> dict[str, Any]:
    """Return the numbers of a run that add up: what was seen is what became of it."""
    return {
        "seen": run.seen,
        **{str(fate): run.fates[fate] for fate in Fate},
        "excluded": 0,
        "patients": run.patients,
        "reasons": {
            str(fate): {code: count for (where, code), count in sorted(run.reasons.items()) if where is fate}
            for fate in Fate
            if any(where is fate for where, _ in run.reasons)
        },
        "findings": dict(sorted(run.findings.items())),
        "incomplete": dict(sorted(run.incomplete.items())),
        "withdrawn": run.withdrawn,
    }


def by_attribute(run: Run) -> list[tuple[str, str, str, int]]:
    """Return (treatment, attribute, reason, outputs), most frequent first; a path ends in its attribute."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for name, uses in run.record_uses.items():
        told = set()
        for path, action in run.records.get(name, {}).items():
            treatment, _, reason = action.partition(" (")
            told.add((treatment, path.rpartition(".")[2], reason.rstrip(")")))
        sums.update(dict.fromkeys(told, uses))
    ordered = sorted(sums.items(), key=lambda entry: (-entry[1], entry[0]))
    return [(*key, count) for key, count in ordered]


def certificate(run: Run, context: Context) -> dict[str, Any]:
    """Return what the independent checker did, and in words what that means."""
    written = run.fates[Fate.WRITTEN]
    mode = context.settings.verify
    rule = {
        Verify.ALL: "every output",
        Verify.SAMPLE: f"the first output of each series that a worker meets, and every {EVERY}th",
        Verify.OFF: "no output",
    }[mode]
    if context.settings.out is None:
        rule = "no output, because nothing was written"
    return {
        "checker": "radcommons.dicom.deidentify_check",
        "rule": rule,
        "outputs": written,
        "checked": run.verified,
        "agreed": run.verified,
        "statement": (
            f"Of {written} outputs {run.verified} were read again from disk by the checker that a hub runs on arrival. "
            "It shares tables with the cleaning, but no step. It agreed with every output that it read; "
            "a file on which it disagrees is held and not given out."
        ),
    }


def tables() -> dict[str, str]:
    """Return the editions of the standard's tables that were applied."""
    return {"PS3.15 Table E.1-1, Basic Profile": EDITION, "PS3.15 Table E.1-1, options": OPTIONS_EDITION}


def members(run: Run, context: Context) -> dict[str, Any]:
    """Return the report as values, without files and lists of actions."""
    profile = context.profile
    return {
        "report": "radcommons de-identification",
        "schema": 1,
        "made_at": context.made_at,
        "software": f"radcommons {version('radcommons')}",
        "statement": STATEMENT,
        "what_if": context.settings.out is None,
        "site": context.settings.site,
        "pseudonyms": "keyed with the site's key file" if context.has_key_file else "keyed for this run alone",
        "profile": {
            "id": profile.id,
            "version": profile.version,
            "title": profile.title,
            "digest": profile.digest,
            "codes": {code: CODE_MEANINGS[code] for code in profile.codes},
            "tables": tables(),
        },
        "counts": counts(run),
        "seconds": round(run.seconds, 2),
        "cpu_seconds": round(run.cpu_seconds, 2),
        "elements": dict(run.treatments.most_common()),
        "pixels": {
            "checked_for_text": context.settings.pixels is PixelCheck.CHECK,
            "outputs": dict(run.pixels),
            "frames_looked_at": run.frames_checked,
        },
        "certificate": certificate(run, context),
        "attributes": [
            {"treatment": treatment, "attribute": attribute, "reason": reason, "outputs": count}
            for treatment, attribute, reason, count in by_attribute(run)
        ],
    }


def json_pieces(run: Run, context: Context, books: Books) -> Iterator[str]:
    """Yield the JSON document in pieces; its length is no matter for the memory."""
    head = json.dumps({**members(run, context), "records": run.records}, indent=1, ensure_ascii=False)
    yield head[:-2] + ',\n "files": ['
    mark = "\n  "
    for line in books.lines():
        yield mark + line
        mark = ",\n  "
    yield "\n ]\n}\n"


def write_json(path: Path, run: Run, context: Context, books: Books) -> None:
    """Write the JSON report, readable by its owner alone: it names sources."""
    with new_file(path, mode=0o600) as target:
        for piece in json_pieces(run, context, books):
            target.write(piece.encode("utf-8", "backslashreplace"))

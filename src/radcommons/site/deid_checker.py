"""The independent check of what was written: the file is read again, and judged by code that cleans nothing.

`dicom.deidentify_check` is what the hub runs on arrival; it shares tables and words with the cleaning, not steps.
"""

from __future__ import annotations

from pathlib import Path

from radcommons.dicom.deidentify_check import not_allowed, unmapped_uids
from radcommons.dicom.profile import Profile
from radcommons.dicom.read import read_header
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import CODES, Finding, Severity
from radcommons.site.deid_values import Verify
from radcommons.site.repair import value_of

# Of a long series every so many-th output is read again, which takes some hundredth of the time; the first always.
EVERY = 250
_SERIES_REMEMBERED = 4096


class Checker:
    """Reads outputs again as a stranger would; after one disagreement it reads all that follow.

    Parameters
    ----------
    profile : Profile
        What the outputs are said to have gone through.
    verify : Verify
    """

    __slots__ = ("_count", "_profile", "_series", "_verify", "has_checked")

    def __init__(self, profile: Profile, verify: Verify) -> None:
        self._profile = profile
        self._verify = verify
        self._series: set[str] = set()
        self._count = 0
        self.has_checked = False

    def skip(self) -> None:
        """Forget the last answer: nothing was written."""
        self.has_checked = False

    def __call__(self, path: str, series: str) -> tuple[Finding, ...]:
        """Return why an output may not go out, as questions; `has_checked` says whether it was read at all."""
        self.has_checked = self._is_due(series)
        if not self.has_checked:
            return ()
        found = check_output(Path(path), profile=self._profile)
        if found and self._verify is Verify.SAMPLE:
            self._verify = Verify.ALL
        return found

    def _is_due(self, series: str) -> bool:
        if self._verify is not Verify.SAMPLE:
            return self._verify is Verify.ALL
        self._count += 1
        if series not in self._series:
            if len(self._series) >= _SERIES_REMEMBERED:
                self._series.clear()
            self._series.add(series)
            return True
        return self._count % EVERY == 0


def check_output(path: Path, *, profile: Profile) -> tuple[Finding, ...]:
    """Return where a written file is not what it is said to be; empty when the checker agrees."""
    try:
        with path.open("rb") as source:
            dataset = read_header(source).dataset
    except UnreadableInstance:
        return (_question("unreadable", "The output does not read; nothing was given out.", ""),)
    found = [
        _question("attribute-not-allowed", CODES["attribute-not-allowed"], place)
        for place in dict.fromkeys(not_allowed(dataset, profile=profile))
    ]
    if not profile.keeps_uids:
        found += [
            _question("uid-root-foreign", CODES["uid-root-foreign"], place)
            for place in dict.fromkeys(unmapped_uids(dataset))
        ]
    if value_of(dataset, "PatientIdentityRemoved") != "YES":
        found.append(_question("not-conformant", CODES["not-conformant"], "PatientIdentityRemoved"))
    return tuple(found)


def _question(code: str, message: str, where: str) -> Finding:
    return Finding(code=code, severity=Severity.QUESTION, message=message, where=where)

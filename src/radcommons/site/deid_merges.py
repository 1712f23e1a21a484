"""Changed identifiers: a patient whose number changed keeps the pseudonym that went out under the earlier one."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

from radcommons.records.errors import UsageError
from radcommons.site.patient import PatientKey

Identifier = tuple[str, str | None]  # number, issuer; None stands for any issuer


@dataclass(frozen=True, slots=True)
class Merges:
    """Which identifier continues which: present -> earlier."""

    earlier: dict[Identifier, Identifier]

    def __repr__(self) -> str:
        # a log line or a traceback with locals must not name anyone
        return f"Merges({len(self.earlier)})"

    def first(self, key: PatientKey) -> PatientKey:
        """Return the key under which the patient was known first."""
        for _ in range(len(self.earlier)):
            found = self.earlier.get((key.patient_id, key.issuer)) or self.earlier.get((key.patient_id, None))
            if found is None:
                break
            number, issuer = found
            key = replace(key, patient_id=number, issuer=key.issuer if issuer is None else issuer)
        return key


def read_merges(path: Path) -> Merges:
    """Return the changed identifiers in a CSV of two columns: the present one, the earlier one.

    Parameters
    ----------
    path : Path
        Each identifier is a number, or as HL7 v2 writes it ``number^^^issuer``. A heading is left out when its first
        cell has no digit.

    Raises
    ------
    UsageError
        If a line does not have two identifiers, or they lead in a circle. The message names the line, never a value.
    """
    try:
        rows = list(csv.reader(path.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"The table {path} is no UTF-8 text that can be read.", mend="Save it as UTF-8.") from None
    earlier: dict[Identifier, Identifier] = {}
    for number, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and not any(letter.isdigit() for letter in cells[0])):
            continue
        if len(cells) != 2 or not all(cells):
            raise UsageError(f"{path}, line {number}: not two identifiers.", mend="Write `present,earlier`.")
        earlier[_identifier(cells[0])] = _identifier(cells[1])
    for start in earlier:
        _check_circle(start, earlier, path)
    return Merges(earlier)


def _identifier(cell: str) -> Identifier:
    number, *rest = cell.split("^")
    return number, (rest[2] if len(rest) > 2 else None)


def _check_circle(start: Identifier, earlier: dict[Identifier, Identifier], path: Path) -> None:
    seen, at = {start}, earlier.get(start)
    while at is not None:
        if at in seen:
            raise UsageError(f"{path}: identifiers lead in a circle.", mend="Each may have one earlier identifier.")
        seen.add(at)
        at = earlier.get(at)

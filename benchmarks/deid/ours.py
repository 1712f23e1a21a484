"""The engine of this project over a folder, by its library: what the benchmark measures before the command exists."""

from __future__ import annotations

import sys
from pathlib import Path

from pydicom.dataset import Dataset

from radcommons.dicom.deidentify import deidentify
from radcommons.dicom.mapping import KeyedMapper
from radcommons.dicom.profile import load_profile
from radcommons.dicom.read import read_header
from radcommons.dicom.rewrite import write_instance
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.records.errors import RadcommonsError

SECRET = b"a secret of thirty-two bytes ..."


def run(source: Path, target: Path, profile_name: str = "radcommons") -> dict[str, list[str]]:
    """De-identify every file below a folder in two passes; return what was held or refused, by reason."""
    profile = load_profile(profile_name)
    known: dict[str, KnownIdentity] = {}
    headers, refused = {}, {}
    files = [path for path in sorted(source.rglob("*")) if path.is_file()]
    for path in files:
        try:
            with path.open("rb") as stream:
                headers[path] = header = read_header(stream)
        except RadcommonsError as error:
            refused.setdefault(type(error).__name__, []).append(path.name)
            continue
        who = _who(header.dataset)
        known[who] = known.get(who, KnownIdentity()) | KnownIdentity.of(header.dataset)
    for path, header in headers.items():
        who = _who(header.dataset)
        mapper = KeyedMapper(SECRET, site_code="BENCH", issuer="", patient_id=who)
        done = deidentify(header.dataset, profile=profile, mapper=mapper, known=known[who])
        if done.dataset is None:
            refused.setdefault(done.findings[0].code, []).append(path.name)
            continue
        new = target / mapper.pseudonym / f"{done.dataset.SOPInstanceUID}.dcm"
        new.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("rb") as stream, new.open("wb") as sink:
                write_instance(done.dataset, header=header, source=stream, target=sink)
        except RadcommonsError as error:
            new.unlink()
            refused.setdefault(getattr(error, "reason", type(error).__name__), []).append(path.name)
    return refused


def _who(dataset: Dataset) -> str:
    return str(dataset.get("PatientID") or "")


if __name__ == "__main__":
    print(run(Path(sys.argv[1]), Path(sys.argv[2])))

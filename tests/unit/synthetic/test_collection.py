"""The collection on disk is what it says it is."""

from __future__ import annotations

import csv
import hashlib
import warnings
import zipfile
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from radcommons.synthetic.clinical import COLUMNS
from radcommons.synthetic.collection import Collection, write_collection


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return write_collection(tmp_path_factory.mktemp("synthetic"), slices=2, jobs=1)


def _files(root: Path) -> dict[str, bytes]:
    """Return every file after unpacking, by its name inside the collection."""
    found: dict[str, bytes] = {}
    for path in sorted(root.rglob("*")):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                found |= {f"{path.name}!{name}": archive.read(name) for name in archive.namelist()}
        elif path.is_file():
            found[str(path.relative_to(root))] = path.read_bytes()
    return found


def _read(raw: bytes) -> pydicom.Dataset | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = pydicom.dcmread(BytesIO(raw))
            assert image.pixel_array.size
        except Exception:  # every way of not reading is the same here
            return None
    return image


def _inflated(raw: bytes) -> bytes:
    image = _read(raw)
    if image is None or image.file_meta.TransferSyntaxUID != DeflatedExplicitVRLittleEndian:
        return raw
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stream = BytesIO()
    image.save_as(stream)
    return stream.getvalue()


def test_counts_are_those_of_the_disk(collection: Collection) -> None:
    """Seen, duplicate, broken, ignored and readable files are counted again from the bytes."""
    files = _files(collection.root)
    images = {name: raw for name, raw in files.items() if raw[128:132] == b"DICM"}
    read = [image for image in (_read(raw) for raw in images.values()) if image is not None]
    assert len(files) == collection.seen
    assert len(files) - len(images) == collection.ignored
    assert len(images) - len(read) == collection.broken == 1
    assert len(images) - len({hashlib.sha256(raw).digest() for raw in images.values()}) == collection.duplicate == 1
    assert len({image.SOPInstanceUID for image in read}) == collection.instances == collection.usable + collection.held
    assert len({image.StudyInstanceUID for image in read}) == collection.studies
    assert len({image.PatientID for image in read}) == collection.patients == 12
    kinds = collection.usable + collection.held + collection.duplicate + collection.broken + collection.ignored
    assert kinds == collection.seen


def test_the_mix_has_what_the_protocols_need(collection: Collection) -> None:
    """A minor, a negative control, a follow-up, a patient without a row; two sites; several vendors and syntaxes."""
    roles = [person.role for person in collection.people]
    assert {role: roles.count(role) for role in ("minor", "negative", "unknown")} == {
        "minor": 1,
        "negative": 1,
        "unknown": 1,
    }
    assert all((person.age_years < 18) == (person.role == "minor") for person in collection.people)
    assert [person.studies for person in collection.people].count(2) == 1
    assert {person.site for person in collection.people} == {"ALFA", "BRAVO"}
    images = [image for image in map(_read, _files(collection.root).values()) if image is not None]
    assert len({image.file_meta.TransferSyntaxUID for image in images}) == 7
    assert len({image.Manufacturer for image in images}) == 6
    assert {image.Modality for image in images} == {"CT", "CR", "DX"}


def test_each_site_has_a_clinical_table(collection: Collection) -> None:
    """One row for each patient but the forgotten one, whose ids the headers know."""
    rows = []
    for site in collection.sites:
        with collection.clinical(site).open(encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            rows += list(reader)
            assert tuple(reader.fieldnames or ()) == COLUMNS
    known = {person.patient_id: person for person in collection.people}
    assert {row["patient_id"] for row in rows} == {key for key, who in known.items() if who.role != "unknown"}
    assert {row["diagnosis_code"] for row in rows if known[row["patient_id"]].role == "positive"} == {"U07.1"}
    assert {row["test_result"] for row in rows if known[row["patient_id"]].role == "negative"} == {"Negative"}


def test_canaries_are_in_the_bytes(collection: Collection) -> None:
    """Most listed strings are really found in the input, so that a search of the output means something."""
    files = _files(collection.root)
    everything = b"".join(map(_inflated, files.values())) + "".join(files).encode()
    found = [
        word
        for word in collection.canaries
        if word.encode() in everything or word.encode("latin-1", "replace") in everything
    ]
    assert len(found) > 0.9 * len(collection.canaries)
    ids = {person.patient_id for person in collection.people}
    assert ids <= set(found)
    assert all(uid.encode() in everything for uid in collection.original_uids)


def test_same_seed_gives_the_same_bytes_whatever_the_number_of_processes(tmp_path: Path) -> None:
    """Determinism holds across processes, and another seed gives other patients."""
    one, two, other = (
        write_collection(tmp_path / name, patients=3, slices=2, seed=seed, jobs=jobs)
        for name, seed, jobs in (("one", 4, 1), ("two", 4, 2), ("other", 5, 1))
    )
    assert _files(one.root) == _files(two.root)
    assert one.canaries == two.canaries
    assert not {who.patient_id for who in one.people} & {who.patient_id for who in other.people}


def test_held_file_reads_and_says_that_there_is_writing(collection: Collection) -> None:
    """The header of the film with a name in its pixels says so, and a header that says so is for a person to answer."""
    (path,) = collection.held_files
    assert pydicom.dcmread(path).BurnedInAnnotation == "YES"

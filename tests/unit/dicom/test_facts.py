"""Facts are asked of what could change them, and given again for what could not."""

from __future__ import annotations

import io

from pydicom.dataset import Dataset

from radcommons.dicom.facts import FactsReader
from radcommons.dicom.text_identity import KnownIdentity
from unit.dicom.stream_objects import file_of, slice_of


def _told(dataset: Dataset) -> tuple[str, KnownIdentity]:
    return str(dataset.get("PatientID", "")), KnownIdentity.of(dataset)


def test_slices_give_the_same_object():
    """All slices of a series answer with one object, and each with its own UID."""
    reader = FactsReader(_told)
    asked = [reader.read(io.BytesIO(file_of(slice_of(number)))) for number in range(1, 9)]
    assert len({id(one.facts) for one in asked}) == 1
    assert [one.sop_uid for one in asked] == [slice_of(number).SOPInstanceUID for number in range(1, 9)]
    assert [one.header is None for one in asked] == [False] + [True] * 7


def test_new_name_is_heard():
    """A slice that names one person more says so, at the top or inside a sequence; the next one does not."""
    reader = FactsReader(_told)
    files = [file_of(slice_of(number, OperatorsName="Ostrander^Mina")) for number in range(1, 5)]
    before = [reader.read(io.BytesIO(file)).facts for file in files]
    other = slice_of(5, OperatorsName="Zeisler^Ada")
    assert "Zeisler^Ada" in reader.read(io.BytesIO(file_of(other))).facts[1].names
    other = slice_of(6, OperatorsName="Ostrander^Mina")
    other.RequestAttributesSequence[0].RequestedProcedureID = "RP-999-555"
    assert "RP-999-555" in reader.read(io.BytesIO(file_of(other))).facts[1].ids
    assert reader.read(io.BytesIO(files[0])).facts == before[0]


def test_other_patient_is_another():
    """A slice of another patient says so."""
    reader = FactsReader(_told)
    for number in range(1, 9):
        file = file_of(slice_of(number, PatientID=f"P{number % 3}"))
        assert reader.read(io.BytesIO(file)).facts[0] == f"P{number % 3}"


def test_large_header_is_remembered_too():
    """A header beyond the first look is read further, and later ones at once."""
    reader = FactsReader(_told)
    large = {"ImageComments": "chest " * 30_000}
    asked = [reader.read(io.BytesIO(file_of(slice_of(number, **large)))) for number in range(1, 6)]
    assert [one.header is None for one in asked] == [False, False, True, True, True]


def test_damage_behind_the_pixels_of_the_first_is_not_said_of_the_next():
    """What was dropped behind one file's pixels is told of that file alone, though the next have the same header."""
    reader, fine = FactsReader(_told), file_of(slice_of(1))
    assert reader.read(io.BytesIO(fine + b"\xe0\x7f\x20")).findings
    assert [reader.read(io.BytesIO(fine)).findings for _ in range(2)] == [(), ()]


def test_an_element_in_the_place_of_the_pixels_is_no_pixels():
    """Where another element stands behind the header, the answer is that of the whole file."""
    fine = file_of(slice_of(1))
    other = fine.replace(b"\xe0\x7f\x10\0OW", b"\xff\x7f\x10\0OW")
    reader = FactsReader(_told)
    assert [reader.read(io.BytesIO(file)).header is None for file in (fine, fine, other)] == [False, True, False]

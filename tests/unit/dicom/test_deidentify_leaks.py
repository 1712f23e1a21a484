"""Canaries: one invented name hidden wherever text can stand, and a search of the bytes that are written."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from radcommons.dicom.actions import vr_of
from radcommons.dicom.allowed import Definition, definition
from radcommons.dicom.mapping import is_mapped_uid
from unit.dicom.deid_objects import clean, code, ct, deid, written

CANARY = "Xanthippard"
NUMBER = "77120943"
TRACES = (CANARY.upper().encode(), NUMBER.encode(), b"1.2.826.777")
SOP_CLASSES = {
    "ct": "1.2.840.10008.5.1.4.1.1.2",
    "cr": "1.2.840.10008.5.1.4.1.1.1",
    "dx": "1.2.840.10008.5.1.4.1.1.1.1",
    "us": "1.2.840.10008.5.1.4.1.1.6.1",
    "sc": "1.2.840.10008.5.1.4.1.1.7",
    "enhanced-ct": "1.2.840.10008.5.1.4.1.1.2.1",
    "seg": "1.2.840.10008.5.1.4.1.1.66.4",
    "sr": "1.2.840.10008.5.1.4.1.1.88.33",
    "presentation-state": "1.2.840.10008.5.1.4.1.1.11.1",
    "rtstruct": "1.2.840.10008.5.1.4.1.1.481.3",
    "pdf": "1.2.840.10008.5.1.4.1.1.104.1",
}
VALUES: dict[str, object] = {
    "AE": CANARY.upper()[:16], "CS": CANARY.upper(), "LO": f"{CANARY} {NUMBER}", "SH": CANARY, "ST": f"Herr {CANARY}",
    "LT": f"seen {CANARY} on {NUMBER}", "UT": f"{CANARY}, {NUMBER}", "UC": f"{CANARY}^{NUMBER}", "PN": f"{CANARY}^A",
    "UR": f"http://{CANARY}.test/{NUMBER}", "DA": "19770120", "DT": "19770120943", "TM": "1010", "UI": "1.2.826.777.1",
    "AS": "045Y", "DS": "1.5", "IS": "7", "UN": f"{CANARY} ".encode(), "OB": b"\1\2",
}  # fmt: skip


def planted(known: Definition, depth: int) -> Dataset:
    """Return an item that holds every attribute of its definition, sequences down to a depth."""
    item = Dataset()
    for tag in known.types:
        vr = vr_of(tag)
        if vr == "SQ" and depth > 0:
            item.add_new(tag, vr, Sequence([planted(known.items(tag), depth - 1)]))
        elif vr in VALUES:
            item.add_new(tag, vr, VALUES[vr])
    block = item.private_block(0x0099, f"{CANARY} PRIVATE", create=True)
    block.add_new(1, "LT", f"{CANARY} {NUMBER}")
    block.add_new(2, "SQ", Sequence([code(NUMBER[:8], "99X", CANARY)]))
    item.add_new(0x50000022, "LO", CANARY)
    item.add_new(0x60004000, "LT", CANARY)
    return item


@pytest.mark.parametrize("profile", ["basic", "radcommons", "ricord"])
@pytest.mark.parametrize("kind", SOP_CLASSES)
def test_no_canary_survives_in_any_attribute_of_the_definition(kind, profile):
    """With every attribute of the object's definition filled, two sequences deep, the output bytes name nobody."""
    known = definition(SOP_CLASSES[kind])
    assert known is not None
    dataset = planted(known, 2)
    dataset.file_meta = ct().file_meta
    dataset.SOPClassUID = SOP_CLASSES[kind]
    dataset.PatientName, dataset.PatientID = f"{CANARY}^A", NUMBER
    dataset.SpecificCharacterSet = "ISO_IR 100"
    encoded = written(clean(dataset, profile=profile)).upper()
    for trace in TRACES:
        where = encoded.find(trace)
        assert where < 0, encoded[max(where - 60, 0) : where + 40]


def test_no_canary_survives_three_deep_in_kept_sequences():
    """Names in text of kept sequences go at any depth, and their codes and UIDs are treated as at the top."""
    inner = Dataset()
    inner.ReferencedSOPClassUID, inner.ReferencedSOPInstanceUID = SOP_CLASSES["ct"], "1.2.826.777.5"
    inner.PurposeOfReferenceCodeSequence = [code("L1", "99LOCAL", f"Chest of {CANARY}")]
    dataset = ct(f"{CANARY}^B", NUMBER)
    dataset.ReferencedImageSequence = [inner]
    fresh = clean(dataset, patient_id=NUMBER)
    item = fresh.ReferencedImageSequence[0]
    assert item.PurposeOfReferenceCodeSequence[0].CodeMeaning == "Chest of"
    assert is_mapped_uid(item.ReferencedSOPInstanceUID)
    assert CANARY.upper().encode() not in written(fresh).upper()


@pytest.mark.parametrize(
    "text",
    [
        "Lung XANTHIPPARD", "Lung xanthippard_a", "Xanthippard's lung", "LungXanthippard1950", "77-12-09-43 lung",
        "lung 077120943", "Lung Xanthíppard", "Lung 20.01.1977", "Lung 1977-01-20", "lung Jan 20, 1977",
    ],
)  # fmt: skip
def test_spellings_of_known_identity_are_found(text):
    """Case, accents, separators, joined words, leading zeros and notations of a birth date hide nobody."""
    dataset = ct(f"{CANARY}^Aloisia", NUMBER)
    dataset.PatientBirthDate = "19770120"
    dataset.SeriesDescription = text
    kept = str(clean(dataset, patient_id=NUMBER).SeriesDescription).lower()
    assert "xanth" not in kept
    assert not any(digit in kept for digit in "0123456789")


@pytest.mark.parametrize(
    ("charset", "name", "text"),
    [
        ("ISO_IR 144", "Ёлкин^Пётр", "Грудь Ёлкин"),
        ("ISO_IR 192", "王^小东", "胸部王小东"),
        ("ISO_IR 192", "김^희중", "흉부 김희중"),
        ("ISO_IR 126", "Παπαδόπουλος^Νίκος", "Θώρακας ΠΑΠΑΔΟΠΟΥΛΟΣ"),
        ("ISO_IR 127", "قباني^لنزار", "صدر قباني"),
    ],
)
def test_names_in_other_scripts_are_found(charset, name, text):
    """A name is found in the script it is written in, and in the Latin letters that stand for it."""
    dataset = ct(name)
    dataset.SpecificCharacterSet = charset
    dataset.ImageComments = text
    encoded = written(clean(dataset)).decode("utf-8", "replace").casefold()
    for part in name.casefold().replace("^", " ").split():
        assert len(part) < 2 or part not in encoded


def test_transliterated_name_is_found():
    """Иванов in the name is Ivanov in the description."""
    dataset = ct("Иванов^Пётр")
    dataset.SpecificCharacterSet = "ISO_IR 144"
    dataset.SeriesDescription = "Lung Ivanov Petr"
    assert "ivanov" not in str(clean(dataset).SeriesDescription).lower()


@pytest.mark.parametrize(
    "text", ["mail a.b@clinic.test", "+49 30 1234567", "555-123-4567", "MRN: 12A4", "Dr. Ubbelohde", "id 123456789"]
)
def test_sure_signs_of_identity_go_without_being_known(text):
    """E-mail addresses, phone numbers, labelled numbers, titles with names and long numbers go from any text."""
    dataset = ct()
    dataset.ImageComments = f"Effusion. {text}"
    kept = clean(dataset).ImageComments
    assert kept.startswith("Effusion")
    for sign in ("@", "123", "Ubbelohde", "A4"):
        assert sign not in kept


def test_names_that_are_words_go_and_labels_stay():
    """A person called Sharp loses the word; a phantom called CHEST^PHANTOM or Lung_Dx-A0002 loses no clinical word."""
    dataset = ct("Sharp^Theobald")
    dataset.SeriesDescription = "Lung sharp Chest"
    assert clean(dataset).SeriesDescription == "Lung Chest"
    for label in ("CHEST^PHANTOM", "Lung_Dx-A0002"):
        archive = ct(label)
        archive.SeriesDescription = "Lung sharp Chest"
        assert clean(archive).SeriesDescription == "Lung sharp Chest"


def test_pixels_inside_sequences_go():
    """An icon is a picture that nobody looks at; it goes, while the object's own pixels pass."""
    dataset = ct()
    icon = Dataset()
    icon.Rows = icon.Columns = 2
    icon.PixelData = CANARY.encode() + b"!"
    dataset.IconImageSequence = [icon]
    dataset.RequestAttributesSequence[0].add_new(0x7FE00010, "OB", CANARY.encode() + b"!")
    dataset.add_new(0x7FE00010, "OW", b"\1\2\3\4\5\6\7\10")
    fresh = clean(dataset)
    assert fresh.PixelData == b"\1\2\3\4\5\6\7\10"
    assert CANARY.encode() not in written(fresh)


def test_findings_and_record_hold_no_canary():
    """What is told about an object names attributes, never values."""
    dataset = ct(f"{CANARY}^B", NUMBER)
    dataset.SeriesDescription = f"{CANARY} lung"
    result = deid(dataset, patient_id=NUMBER)
    told = repr(result.findings) + repr(dict(result.record)) + repr(dict(result.counts))
    assert CANARY not in told
    assert NUMBER not in told
    assert "SeriesDescription" in {finding.where for finding in result.findings}

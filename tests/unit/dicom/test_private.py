"""Private elements: what the list or the object itself calls safe stays, and what only looks like it does not."""

from __future__ import annotations

import io

import pytest
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radcommons.dicom.private import declared_safe, decoded, is_safe, safe_elements
from unit.dicom.deid_objects import clean, ct, deid, written

SIEMENS = "SIEMENS MR HEADER"
B_VALUE = 0x0019100C


def with_private(*elements: tuple[int, str, object], creator: str = SIEMENS, block: int = 0x00190010) -> Dataset:
    """Return a CT with one private block."""
    dataset = ct()
    dataset.add_new(block, "LO", creator)
    for tag, vr, value in elements:
        dataset.add_new(tag, vr, value)
    return dataset


def kept_private(dataset: Dataset) -> dict[int, object]:
    """Return what private elements are left at the top."""
    return {int(element.tag): element.value for element in dataset if element.tag.is_private}


def read_as(dataset: Dataset, *, implicit: bool) -> Dataset:
    """Return the data set as it is read from a file."""
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = io.BytesIO()
    dataset.save_as(buffer, implicit_vr=implicit, little_endian=True, enforce_file_format=True)
    return dcmread(io.BytesIO(buffer.getvalue()))


@pytest.mark.parametrize("implicit", [False, True])
def test_listed_elements_stay_in_their_block_with_their_creator(implicit):
    """The b-value of a Siemens MR stays where it was, also in an implicit file; its unlisted neighbour goes."""
    private = (B_VALUE, "IS", "800"), (0x00191008, "CS", "IMAGE NUM 4"), (0x00191027, "FD", [0.5] * 6)
    source = read_as(with_private(*private), implicit=implicit)
    fresh = clean(source)
    assert kept_private(fresh) == {0x00190010: SIEMENS, B_VALUE: 800, 0x00191027: [0.5] * 6}
    assert fresh[B_VALUE].VR == "IS"
    fresh.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    again = dcmread(io.BytesIO(written(fresh)), force=True)
    assert again[B_VALUE].value == 800


def test_blocks_keep_their_number():
    """A creator that reserved another block than the usual one stays there."""
    dataset = with_private((0x005312AB, "IS", "1"), (0x0019210C, "IS", "50"), block=0x00190021)
    assert kept_private(clean(dataset)) == {0x00190021: SIEMENS, 0x0019210C: 50}


def test_without_the_option_all_private_elements_go():
    """A profile without Retain Safe Private keeps no creator either, and records each removal."""
    result = deid(with_private((B_VALUE, "IS", "800")), profile="ricord")
    assert result.dataset is not None
    assert kept_private(result.dataset) == {}
    assert result.record["(0019,100C)"] == "removed (private)"


@pytest.mark.parametrize(
    ("creator", "tag", "vr", "value"),
    [
        ("", B_VALUE, "IS", "800"),
        ("siemens mr header", B_VALUE, "IS", "800"),
        ("QUELLMANN", B_VALUE, "IS", "800"),
        (SIEMENS, 0x0019110C, "IS", "800"),
        (SIEMENS, 0x0019000C, "IS", "800"),
        (SIEMENS, B_VALUE, "OB", b"QUELLMANN "),
        (SIEMENS, B_VALUE, "LT", "QUELLMANN"),
        (SIEMENS, B_VALUE, "IS", "Quellmann"),
        (SIEMENS, 0x00191027, "UN", b"QUELLMANN"),
        (SIEMENS, B_VALUE, "UN", b"QUELLMANN "),
    ],
)
def test_tricks_fail_closed(creator, tag, vr, value):
    """A missing, foreign or other creator, another block, bytes or texts where numbers belong: nothing stays."""
    dataset = with_private(
        (tag, "UN" if vr == "IS" and value == "Quellmann" else vr, b"Quellmann " if value == "Quellmann" else value),
        creator=creator,
    )
    fresh = clean(dataset)
    assert tag not in fresh
    assert b"QUELLMANN" not in written(fresh).upper()


def test_spaces_round_a_creator_do_not_count():
    """A padded creator is the same creator; it is kept and not told as a change."""
    result = deid(with_private((B_VALUE, "IS", "800"), creator=f"{SIEMENS}  "))
    assert result.dataset is not None
    assert result.dataset[B_VALUE].value == 800
    assert result.dataset[0x00190010].value.strip() == SIEMENS
    assert "(0019,0010)" not in result.record


def test_a_creator_twice_in_a_group_is_not_trusted():
    """When one creator reserves two blocks, or one block is reserved twice, none of them stays."""
    creators = {0x00190010: SIEMENS, 0x00190011: SIEMENS}
    assert safe_elements([(0x00190010, "LO"), (0x00190011, "LO"), (B_VALUE, "IS")], creators) == {}
    twice = [(0x00190010, "LO"), (0x00190010, "LO"), (B_VALUE, "IS")]
    assert safe_elements(twice, {0x00190010: SIEMENS}) == {}
    assert safe_elements([(0x00190010, "LO"), (B_VALUE, "IS"), (B_VALUE, "IS")], {0x00190010: SIEMENS}) == {}
    assert set(safe_elements([(0x00190010, "LO"), (B_VALUE, "IS")], {0x00190010: SIEMENS})) == {0x00190010, B_VALUE}


def test_text_of_safe_elements_is_cleaned():
    """A name in a listed text goes like a name in any text; the creator of the list stays as it is."""
    dataset = with_private((0x0019109E, "LO", "EFGRE Quellmann"), creator="GEMS_ACQU_01")
    fresh = clean(dataset)
    assert fresh[0x0019109E].value == "EFGRE"
    assert fresh[0x00190010].value == "GEMS_ACQU_01"


def declaration(group: int, creator: str, status: str, numbers: list[int] | None = None) -> Dataset:
    """Return an item of (0008,0300)."""
    item = Dataset()
    item.PrivateGroupReference, item.PrivateCreatorReference = group, creator
    item.BlockIdentifyingInformationStatus = status
    if numbers:
        item.NonidentifyingPrivateElements = numbers
    return item


def test_declared_elements_stay():
    """What the object declares safe stays, whole blocks and single elements; bytes do not, whatever is declared."""
    private = (0x00191001, "DS", "1.5"), (0x00191002, "LO", "for Theobald"), (0x00191003, "OB", b"QUELLMANN ")
    dataset = with_private(*private, creator="ACME 1")
    dataset.PrivateDataElementCharacteristicsSequence = [declaration(0x0019, "ACME 1", "SAFE")]
    fresh = clean(dataset)
    assert kept_private(fresh) == {0x00190010: "ACME 1", 0x00191001: 1.5, 0x00191002: "for"}
    dataset.PrivateDataElementCharacteristicsSequence = [declaration(0x0019, "ACME 1", "MIXED", [0x0001])]
    assert kept_private(clean(dataset)) == {0x00190010: "ACME 1", 0x00191001: 1.5}
    for status in ("UNSAFE", ""):
        dataset.PrivateDataElementCharacteristicsSequence = [declaration(0x0019, "ACME 1", status, [0x0001])]
        assert kept_private(clean(dataset)) == {}


def test_a_declared_creator_is_text_like_any_other():
    """A name in a creator that the object declares safe does not pass."""
    dataset = with_private((0x00191001, "DS", "1.5"), creator="QUELLMANN 1")
    dataset.PrivateDataElementCharacteristicsSequence = [declaration(0x0019, "QUELLMANN 1", "SAFE")]
    assert b"QUELLMANN" not in written(clean(dataset)).upper()


def test_declarations_that_contradict_each_other_declare_nothing():
    """Two statements about one block leave it unsafe."""
    dataset = Dataset()
    dataset.PrivateDataElementCharacteristicsSequence = [
        declaration(0x0019, "ACME 1", "SAFE"),
        declaration(0x0019, "ACME 1", "UNSAFE"),
    ]
    assert declared_safe(dataset).blocks == frozenset()


def test_private_sequences_pass_with_their_safe_members_alone():
    """Inside a listed sequence only listed elements stay, each with a creator inside its own item."""
    dataset = with_private(creator="Philips Imaging DD 001", block=0x20010010)
    item = Dataset()
    item.add_new(0x20010010, "LO", "Philips Imaging DD 001")
    item.add_new(0x2001102D, "SS", 24)
    item.add_new(0x200110FF, "LO", "Quellmann")
    item.PatientName = "Quellmann^Theobald"
    bare = Dataset()
    bare.add_new(0x2001102D, "SS", 24)
    dataset.add(DataElement(0x20011069, "SQ", [item, bare]))
    inner, other = clean(dataset)[0x20011069].value
    assert kept_private(inner) == {0x20010010: "Philips Imaging DD 001", 0x2001102D: 24}
    assert "PatientName" not in inner
    assert len(other) == 0


def test_vendors_quantities_are_in_the_list():
    """What CT, MR and PET need of their vendors is safe; headers that hold everything are not."""
    for creator, tag in (
        ("Philips MR Imaging DD 005", 0x2005100D),
        ("Philips MR Imaging DD 001", 0x2005100E),
        ("GEMS_PARM_01", 0x00431039),
        ("Philips PET Private Group", 0x70531000),
        ("ELSCINT1", 0x00E11021),
    ):
        assert (is_safe(creator, tag, None) is not None) is (creator != "Philips MR Imaging DD 005"), creator
    assert is_safe("SIEMENS CSA HEADER", 0x00291010, "OB") is None


def test_values_of_unknown_representation_are_read_as_listed():
    """Little-endian numbers and plain text are read; a length that does not fit, or foreign letters, is no value."""
    assert decoded(b"\0\0\x80?", "FL") == 1.0
    assert decoded(b"1\\2 ", "DS") == ["1", "2"]
    assert decoded(b"abc", "FL") is None
    assert decoded("Müller".encode(), "LO") is None

"""The engine on bytes gives what the careful way gives, and remembers nothing that it should not."""

from __future__ import annotations

import io

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radcommons.dicom.deidentify_stream import StreamCleaner
from radcommons.dicom.profile import load_profile
from radcommons.dicom.read import read_header
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.records.finding import Finding, Severity
from unit.dicom.deid_objects import mapper
from unit.dicom.stream_objects import NOBODY, Both, file_of, remembered, slice_of

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("profile", ["radcommons", "basic", "ricord"])
def test_series_comes_out_as_by_the_careful_way(syntax, profile):
    """Every slice of a series is byte for byte what the careful way writes, in every encoding and profile."""
    both = Both(profile)
    outputs = both.all(file_of(slice_of(number, syntax=syntax)) for number in range(1, 9))
    assert len({bytes(output) for output in outputs}) == 8
    assert not any(b"Quellmann" in output or b"QUELLMANN" in output for output in outputs)


@pytest.mark.parametrize("syntax", SYNTAXES[:2])
def test_slices_are_remembered(monkeypatch, syntax):
    """From the fourth slice on nothing is parsed: what differs was told apart, and both ways were compared twice."""
    files = [file_of(slice_of(number, syntax=syntax)) for number in range(1, 9)]
    assert remembered(Both(), files, monkeypatch)[3:] == [True] * 5


def test_equal_slices_share_one_record():
    """The record of actions is one object for all slices that met the same treatment."""
    cleaner, who = StreamCleaner(load_profile("radcommons")), mapper()
    records = [
        cleaner.clean(io.BytesIO(file_of(slice_of(number))), mapper=who, known=NOBODY).record for number in range(1, 9)
    ]
    assert len({id(record) for record in records[3:]}) == 1


def test_same_bytes_of_another_patient_are_another_persons():
    """The same file under another mapper gets that patient's pseudonym, dates and nothing of the first."""
    file = file_of(slice_of(1))
    cleaner = StreamCleaner(load_profile("radcommons"))
    outputs = []
    for who in (mapper("A-1000"), mapper("B-2000"), mapper("A-1000")):
        target, source = io.BytesIO(), io.BytesIO(file)
        cleaner.clean(source, mapper=who, known=NOBODY).write(target, source)
        outputs.append(dcmread(io.BytesIO(target.getvalue())))
    assert outputs[0].PatientID == outputs[2].PatientID != outputs[1].PatientID
    assert outputs[0].StudyDate == outputs[2].StudyDate != outputs[1].StudyDate


def test_what_is_known_changes_what_is_found():
    """A name that is learnt between two files is taken out of the second, though its bytes were seen before."""
    files = [file_of(slice_of(number, ConvolutionKernel="B60f ZEISLER")) for number in range(1, 6)]
    both = Both()
    assert all(b"ZEISLER" in output for output in both.all(files))
    both.known = KnownIdentity(names=frozenset({"Zeisler^Ada"}))
    assert not any(b"ZEISLER" in output for output in both.all(files))


def test_name_that_comes_in_mid_series_is_found_there():
    """A slice that names another person has that name taken out of all its texts, also of those seen before."""
    both = Both()
    kernel = {"ConvolutionKernel": "B60f ZEISLER"}
    plain = [file_of(slice_of(number, OperatorsName="Ostrander^Mina", **kernel)) for number in range(1, 7)]
    other = file_of(slice_of(7, OperatorsName="Zeisler^Ada", **kernel))
    assert all(b"ZEISLER" in output for output in both.all(plain))
    assert b"ZEISLER" not in both(other)
    assert b"ZEISLER" in both(plain[0])


@pytest.mark.parametrize("where", ["ImageComments", "SeriesDescription", "ProtocolName", "ConvolutionKernel"])
def test_text_that_differs_is_searched_each_time(where):
    """A text that was harmless in five slices is cleaned in the sixth, where it names the patient."""
    both = Both()
    both.all(file_of(slice_of(number, **{where: f"chest {number}"})) for number in range(1, 6))
    assert b"uellmann" not in both(file_of(slice_of(6, **{where: "chest Quellmann"})))


def test_other_character_set_is_another_reading():
    """The same bytes in another character set are another text, and a name in it is found."""
    both = Both()
    for number in range(1, 9):
        charset = "ISO_IR 192" if number % 2 else "ISO_IR 100"
        name = {"PatientName": "Gruenefeld^Söhnke", "ImageComments": "Söhnke coughs"}
        output = both(file_of(slice_of(number, SpecificCharacterSet=charset, **name)))
        assert "Söhnke".encode() not in output
        assert "Söhnke".encode("latin-1") not in output


def test_other_sop_class_has_other_rules():
    """The same elements in an object of another SOP Class are treated by that class's definition."""
    both = Both()
    for number in range(1, 9):
        sop_class = "1.2.840.10008.5.1.4.1.1.7" if number % 2 else "1.2.840.10008.5.1.4.1.1.2"
        both(file_of(slice_of(number, SOPClassUID=sop_class)))


def test_absent_and_additional_elements_are_seen():
    """Slices that lack an element, or have one more, come out as by the careful way."""
    both = Both()
    for number in range(1, 16):
        dataset = slice_of(number)
        if number % 3 == 0:
            del dataset.ConvolutionKernel
        if number % 3 == 1:
            dataset.ContrastBolusAgent = "Ultravist"
        both(file_of(dataset))


def test_values_that_break_their_representation_in_mid_series():
    """A number that is none, a UID that is none and a date that is none are treated as by the careful way."""
    broken: list[dict[str, object]] = [{}, {}, {}, {}, {"ContentTime": "noon"}, {"SeriesDate": "yesterday"}, {}]
    both = Both()
    for number, changes in enumerate(broken, 1):
        both(file_of(slice_of(number, **changes)))
    file = file_of(slice_of(9))
    for old, new in ((b"-191.25", b"-19x.25"), (b"1.2.3.4.3.9", b"1.2.3.4.O.9"), (b"99", b"9/")):
        both(file.replace(old, new))


def test_undefined_lengths_and_empty_sequences():
    """Sequences of undefined length, empty ones and such with more items than before are treated alike."""
    both = Both()
    for number in range(1, 13):
        dataset = slice_of(number)
        dataset["ReferencedImageSequence"].is_undefined_length = number % 2 == 0
        dataset.ReferencedImageSequence[0].is_undefined_length_sequence_item = number % 4 == 0
        if number > 8:
            dataset.ReferencedImageSequence = Sequence(list(dataset.ReferencedImageSequence) * (number - 9))
        both(file_of(dataset))


def test_truncated_and_padded_files_in_mid_series():
    """A file that ends within its pixels is refused, one with trailing padding is not, whatever came before."""
    both = Both(salvages=False)
    both.all(file_of(slice_of(number)) for number in range(1, 6))
    file = file_of(slice_of(6))
    assert both(file[:-3]) == "truncated"
    assert both(file[:-300]) in ("truncated", "unreadable")
    assert isinstance(both(file + b"\xfc\xff\xfc\xffOB\0\0\x04\0\0\0QUEL"), bytes)
    assert b"QUEL" not in both(file + b"\xfc\xff\xfc\xffOB\0\0\x04\0\0\0QUEL")
    assert b"QUEL" not in both(file + b"QUELLMANN")


def test_damage_behind_the_pixels_of_the_first_is_not_said_of_the_next(monkeypatch):
    """What was dropped behind one file's pixels is told of that file alone, though the next have the same header."""
    damaged = file_of(slice_of(1)) + b"\xe0\x7f\x20"
    fine = file_of(slice_of(1))
    assert remembered(Both(), [damaged, fine, fine], monkeypatch) == [False, False, True]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_padding_behind_the_pixels_is_read_as_the_rest_of_the_file_is(syntax):
    """Trailing padding in the form of the other encoding is damage: said of its file, and of no other."""
    fine = file_of(slice_of(1, syntax=syntax))
    padded = [fine + b"\xfc\xff\xfc\xff" + form + bytes(4) for form in (b"OB\0\0\4\0\0\0", b"\4\0\0\0")]
    for files in ([*padded, fine, fine], [fine, fine, *padded]):
        Both().all(files)


def test_older_result_can_be_written_later():
    """A result is written right although the cleaner went on to other files meanwhile."""
    cleaner, who = StreamCleaner(load_profile("radcommons")), mapper()
    sources = [io.BytesIO(file_of(slice_of(number))) for number in range(1, 7)]
    cleaned = [cleaner.clean(source, mapper=who, known=NOBODY) for source in sources]
    for number, (one, source) in enumerate(zip(cleaned, sources, strict=True), 1):
        target = io.BytesIO()
        one.write(target, source)
        assert dcmread(io.BytesIO(target.getvalue())).PixelData == slice_of(number).PixelData


def test_overlay_in_unused_bits_is_told():
    """Bits above the stored ones are noticed in the fifth slice as in the first, and cleared."""
    cleaner, who = StreamCleaner(load_profile("radcommons")), mapper()
    for number in range(1, 7):
        dataset = slice_of(number)
        dataset.PixelData = b"\x01\x00\x02\x00\x03\x00\x04\x80" if number == 5 else b"\x01\x00\x02\x00\x03\x00\x04\x00"
        source, target = io.BytesIO(file_of(dataset)), io.BytesIO()
        one = cleaner.clean(source, mapper=who, known=NOBODY)
        hidden = one.look_beside(source)
        one.write(target, source, pixels=hidden.pixels)
        assert (hidden.pixels is not None) is (number == 5)
        assert dcmread(io.BytesIO(target.getvalue())).PixelData == b"\x01\x00\x02\x00\x03\x00\x04\x00"


def test_changed_header_is_written():
    """A caller may change the data set before it is written; the rest stays as it is."""
    cleaner, source, target = StreamCleaner(load_profile("radcommons")), io.BytesIO(file_of(slice_of(1))), io.BytesIO()
    one = cleaner.clean(source, mapper=mapper(), known=NOBODY)
    dataset = one.dataset()
    dataset.BurnedInAnnotation = "NO"
    one.write(target, source, dataset=dataset)
    fresh = dcmread(io.BytesIO(target.getvalue()))
    assert fresh.BurnedInAnnotation == "NO"
    assert fresh.SOPInstanceUID == one.sop_uid == one.new.instance
    assert fresh.PixelData == slice_of(1).PixelData


def test_mended_objects_are_not_remembered():
    """What a caller derives for one object without a UID does not come out in the next."""

    def mend(header, source):
        dataset = Dataset(dict(header.dataset.items()))
        if dataset.get("SeriesInstanceUID"):
            return dataset, ()
        dataset.SeriesInstanceUID = f"1.2.{len(source.getvalue())}"
        return dataset, (Finding(code="uid-missing", severity=Severity.NOTE, message="Derived."),)

    cleaner, who, found = StreamCleaner(load_profile("radcommons"), mend=mend), mapper(), []
    for number in range(1, 5):
        dataset = slice_of(number, ImageComments="x" * 2 * number)
        del dataset.SeriesInstanceUID
        source = io.BytesIO(file_of(dataset))
        found.append(cleaner.clean(source, mapper=who, known=NOBODY).series_uid)
        assert found[-1] == who.uid(f"1.2.{len(source.getvalue())}")
    assert len(set(found)) == 4


def test_output_reads_again():
    """What comes out is read by the product's own reader without a finding."""
    for output in Both().all(file_of(slice_of(number)) for number in range(1, 6)):
        assert isinstance(output, bytes)
        assert read_header(io.BytesIO(output)).findings == ()


def test_wrong_length_of_a_number_hides_no_text():
    """A number whose length swallows the elements behind it is emptied, first in its series or in the middle of it."""
    both = Both()
    both.all(file_of(slice_of(number, SpiralPitchFactor=0.6 + number)) for number in range(1, 6))
    file = bytearray(file_of(slice_of(6, SpiralPitchFactor=0.6)))
    place = file.index(b"\x18\0\x11\x93FD")
    for count in (2, 4, 9):
        file[place + 6 : place + 8] = (8 * count).to_bytes(2, "little")
        file[place + 16 : place + 24] = b"Quellman"
        for cleaner in (both, Both()):
            output = cleaner(bytes(file))
            assert isinstance(output, str) or b"Quellman" not in output


def test_numbers_that_spell_a_name_go():
    """Numbers whose bytes are the patient's name do not come out."""
    text = b"Quellmann Theobald      "
    for vr, tag in (("FD", 0x00189311), ("US", 0x00280106), ("FL", 0x00189309)):
        dataset = slice_of(1)
        dataset.add_new(tag, vr, None)
        dataset[tag].VR = "OB"
        dataset[tag].value = text
        file = file_of(dataset).replace(b"OB\0\0\x18\0\0\0Quell", vr.encode() + b"\x18\0Quell")
        assert b"uellmann" not in Both()(file)

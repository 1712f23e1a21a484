"""Whatever the bytes: the engine that remembers says and writes what the careful way says and writes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radcommons.dicom.facts import FactsReader
from radcommons.dicom.read import read_header
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.records.errors import UnreadableInstance
from unit.dicom.deid_objects import mapper
from unit.dicom.stream_objects import Both, file_of, slice_of

SERIES = {
    syntax: [file_of(slice_of(number, syntax=syntax)) for number in range(1, 6)]
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
}
WARM = {syntax: Both() for syntax in SERIES}
QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(alphabet=st.characters(codec="latin-1", exclude_categories=["Cc"], exclude_characters="\\"), max_size=24)
NUMBERS = st.one_of(
    st.decimals(-(10**6), 10**6, places=3).map(str),
    st.sampled_from(
        ["", " ", "1e5", "-0", "+3", "007", "1\\2", "\\", ".5", "5.", "nan", "1" * 17, "0x10", "1_000", " 4"]
    ),
)
VALUES = {
    "SliceLocation": NUMBERS,
    "ImagePositionPatient": st.lists(NUMBERS, min_size=1, max_size=4),
    "InstanceNumber": NUMBERS,
    "Exposure": NUMBERS,
    "AcquisitionTime": st.one_of(st.times().map(lambda t: f"{t:%H%M%S.%f}"), TEXT),
    "ContentTime": st.sampled_from(["10", "1011", "101112", "101112.5", "101112.123456789", "10:11:12", "", " "]),
    "AcquisitionDateTime": st.one_of(
        st.datetimes().map(lambda t: f"{t:%Y%m%d%H%M%S.%f}".zfill(21)),
        st.sampled_from(["2020", "20200312+0100", "", "x"]),
    ),
    "SOPInstanceUID": st.one_of(st.text("0123456789.", min_size=1, max_size=70), st.just("1.2.840.10008.5.1.4.1.1.2")),
    "ImageComments": TEXT,
    "OperatorsName": TEXT,
    "SeriesDescription": TEXT,
    "LargestImagePixelValue": st.integers(0, 65535),
}


def _set(dataset, keyword, value):
    """Set a value as a broken device might, unconverted."""
    if dictionary_VR(keyword) == "PN":
        setattr(dataset, keyword, value)
        return
    if keyword not in dataset:
        dataset.add_new(keyword, dictionary_VR(keyword), None)
    dataset[keyword]._value = value


@QUICK
@given(
    syntax=st.sampled_from(list(SERIES)),
    changes=st.dictionaries(st.sampled_from(sorted(VALUES)), st.none(), max_size=5),
    data=st.data(),
)
def test_any_values_in_a_series(syntax, changes, data):
    """Whatever stands in the elements that differ, both ways agree in bytes, record, findings and names."""
    both = WARM[syntax]
    both.all(SERIES[syntax][:3])
    dataset = slice_of(7, syntax=syntax)
    for keyword in changes:
        _set(dataset, keyword, data.draw(VALUES[keyword]))
    both(file_of(dataset))


@QUICK
@given(data=st.data(), syntax=st.sampled_from(list(SERIES)))
def test_any_damage_in_mid_series(data, syntax):
    """Bytes overwritten, inserted, cut out or cut off: both ways agree, refusals included."""
    both = WARM[syntax]
    both.all(SERIES[syntax][:3])
    file = bytearray(SERIES[syntax][4])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(132, len(file) - 1))
        piece = data.draw(st.binary(min_size=1, max_size=6))
        match data.draw(st.sampled_from(["write", "insert", "cut", "end"])):
            case "write":
                file[place : place + len(piece)] = piece
            case "insert":
                file[place:place] = piece
            case "cut":
                del file[place : place + len(piece)]
            case _:
                del file[place:]
        if len(file) < 140:
            break
    both(bytes(file))


@pytest.mark.parametrize("folder", ["ct_open", "ct_covid_ct_md", "dicom_odd"])
def test_real_files(shared_data: Path, folder):
    """Every real file comes out of both ways alike, or is refused by both for the same reason."""
    both = Both(mapper=mapper("shared"))
    paths = sorted(path for path in (shared_data / folder).rglob("*") if path.is_file())
    assert paths
    for path in paths[:: max(1, len(paths) // 100)]:
        both(path.read_bytes())


def _tried(read, source):
    try:
        return read(source), ""
    except UnreadableInstance as refused:
        return None, refused.reason


def _told(dataset):
    return str(dataset.get("PatientID", "")), KnownIdentity.of(dataset)


@pytest.mark.parametrize("folder", ["ct_open", "ct_covid_ct_md", "dicom_odd"])
def test_facts_of_real_files(shared_data: Path, folder):
    """The facts of every real file are those of its whole header."""
    reader = FactsReader(_told, salvages=False)
    paths = sorted(path for path in (shared_data / folder).rglob("*") if path.is_file())
    for path in paths[:: max(1, len(paths) // 100)]:
        with path.open("rb") as source:
            header, reason = _tried(read_header, source)
            asked, again = _tried(reader.read, source)
        assert reason == again
        if header is None:
            continue
        assert asked.facts == _told(header.dataset)
        assert asked.findings == header.findings
        assert asked.sop_uid == str(header.dataset.get("SOPInstanceUID", "") or "").strip("\0 ")


@QUICK
@given(data=st.data(), syntax=st.sampled_from(list(SERIES)), keyword=st.sampled_from(sorted(VALUES)))
def test_facts_of_any_values(data, syntax, keyword):
    """Whatever stands in an element that differs, the facts are those of the whole header."""
    reader = FactsReader(_told)
    for file in SERIES[syntax]:
        reader.read(io.BytesIO(file))
    dataset = slice_of(7, syntax=syntax)
    _set(dataset, keyword, data.draw(VALUES[keyword]))
    file = file_of(dataset)
    assert reader.read(io.BytesIO(file)).facts == _told(read_header(io.BytesIO(file)).dataset)

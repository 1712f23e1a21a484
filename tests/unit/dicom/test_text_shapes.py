# ruff: noqa: E501
"""Numbers of people whom no header names: by shape they go, and measures, kernels, models and versions stay."""

from __future__ import annotations

import pytest

from radcommons.dicom.codes import is_code_of, is_own_meaning
from radcommons.dicom.text import Cleaner, Manner
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.dicom.text_shapes import is_spoken, numbers_in

STRANGER = Cleaner(KnownIdentity(), keeps_unknown_words=False)
NUMBERS = (
    "TR/66/7315", "seen QV-5518204", "id=TR/66/7315", "no. 0093-551", "88/7319", "NO663-18", "QV5518", "AB12-34",
    "TR/66/73/15", "23.456.781-K", "234.567.891-09", "0093 551", "MR-20-66127", "756.1234.5678.97", "05.44.71.62.93",
    "2 91 03 75 116 005 42", "5a776f7279a0b3", "QUJDREVGR0hJSktMTU5PUFFS1g==", "ABCDEFGHIJ==",
    "BE 49.02.11-331.22", "490211-3312", "490211/3312", "110249-331A", "490211-1234567",
)  # fmt: skip
KEPT = (
    "5.0 B30f 120kV 0.625mm", "TR/TE 2000/100", "W1500/L-600", "-600/1500", "512x512", "1024x1024x80", "120/80 mmHg",
    "heart rate 110-127", "ep2d_diff_b50_400_800_tra", "COVID-19", "SARS-CoV-2", "99mTc", "18F-FDG", "C7-T1", "L4/5",
    "JPEG 2000 irreversible (lossy) 2097:1", "RECIST 1.1", "TNM T2N0M0", "J18.9", "6MV", "Segment #14", "2019-nCoV",
    "Series 0012", "T1_MPRAGE_1500ms", "1:1000", "5-10", "0.5x80", "Omnipaque 350", "4500 rad", "ratio 0.084906", "ImagePositionPatient", "SpO2 94%", "slices 1-128",
)  # fmt: skip
DEVICES = (
    "syngo CT 2012B", "VA48A_02_P12", "MX8000 IDT 16", "BrightSpeed RT 16", "gmp_vct.42", "07MW18.4", "LightSpeed16_H3.1",
    "5.1.0.39712", "OFFIS_DCMTK_365", "V4.86ER003", "c25_1008", "5.00.02", "0d533f1", "hdxt_16.0_M3B_1134.a", "2.01.09.29863",
    "12HW14.6_SP-1-1.V40_H_H64_G_GTL", "A12-05_04.70", "MRT50H1", "0200", "60059", "XDR-3620-8", "*tfl3d1_16ns", "epse2d1_192",
    "0.1Cu 1Al", "iCT 256", "B31f", "Qr40d/3", "1.05R011", "LX/MR Software release:DV26.0_R03_1831.b",
)  # fmt: skip


@pytest.mark.parametrize("manner", [Manner.DESCRIPTOR, Manner.NARRATIVE])
@pytest.mark.parametrize("text", NUMBERS)
def test_a_strangers_number_leaves_free_text(text, manner):
    """A number that no element knows goes by its shape, with whatever mark stands in it."""
    assert not any(map(str.isdigit, STRANGER.clean(f"Thorax {text}", manner).text))
    assert "Thorax" in STRANGER.clean(f"Thorax {text}", manner).text


@pytest.mark.parametrize("text", KEPT)
def test_measures_and_protocols_stay(text):
    """Sizes, doses, pressures, ranges, sequences, isotopes and stages are no numbers of anybody."""
    assert STRANGER.clean(text, Manner.NARRATIVE).text == text


@pytest.mark.parametrize("manner", [Manner.MAKER, Manner.TECHNICAL])
@pytest.mark.parametrize("text", DEVICES)
def test_models_and_versions_stay(text, manner):
    """Models, kernels, software versions and sequence names of makers stay as they are."""
    assert STRANGER.clean(text, manner).text == text


@pytest.mark.parametrize("manner", [Manner.MAKER, Manner.TECHNICAL])
@pytest.mark.parametrize(
    "text",
    [
        "QV-5518204", "id=QV-551", "TR/66/7315", "0093-551", "seen NO663-18", "05.03.1962", "3 mai 1962", "03MAY1962", "97 ans",
        "98-jährige Patientin", "on Tuesday June 5", "Fri 15/6", "99歳", "born at 04:17", "+48 601 335 229", "1962-05", "05/1962",
        "diecisiete de mayo de mil novecientos", "DE-4711-66127",
    ],
)  # fmt: skip
def test_what_a_person_typed_leaves_a_devices_words(text, manner):
    """A sentence, a day, a great age or a number of a person is none of a device, wherever it stands."""
    assert not any(map(str.isdigit, STRANGER.clean(text, manner).text))
    assert "diecisiete" not in STRANGER.clean(text, manner).text


def test_a_device_does_not_speak():
    """Words of speech, another script or two small words of no list tell a person from a device."""
    assert is_spoken("seen again")
    assert is_spoken("患者")
    assert is_spoken("zeventien mei negentienhonderd")
    assert not is_spoken("SOMATOM Force 3.1 µm")
    assert not is_spoken("Zorblax Medical Systems")


@pytest.mark.parametrize(
    ("scheme", "value", "is_code"),
    [
        ("SCT", "39607008", True), ("SCT", "39607009", False), ("SCT", "7719043", False), ("SCT", "T-28000", True),
        ("SRT", "T-28000", True), ("SRT", "KX-7719043", False), ("DCM", "121071", True), ("DCM", "004417", False),
        ("LN", "85040-4", True), ("LN", "85040-5", False), ("UCUM", "mm[Hg]", True), ("UCUM", "id=7719", False),
        ("UCUM", "97岁", False), ("RADLEX", "RID1301", True), ("99LOCAL", "4711", False), ("SCT", "", False),
    ],
)  # fmt: skip
def test_a_code_has_the_shape_of_its_scheme(scheme, value, is_code):
    """A number that is no code of the scheme beside it, by shape or by check digit, is not trusted."""
    assert is_code_of(scheme, value) is is_code


def test_meanings_of_the_standard_are_known():
    """A meaning beyond the lexicon is trusted beside its own code alone."""
    assert is_own_meaning("DCM", "112248", "ACR Guideline, Performance of Adult CT Colonography")
    assert not is_own_meaning("DCM", "112248", "ACR Guideline, Zworl")
    assert not is_own_meaning("DCM", "121071", "ACR Guideline, Performance of Adult CT Colonography")


def test_no_digit_no_search():
    """A text without digits has no number in it."""
    assert numbers_in("Thorax routine", is_device=False) == ()

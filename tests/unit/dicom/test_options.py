"""What each option of PS3.15 does to an object, and what the object then says of itself."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from radcommons.dicom.deidentify import deidentify
from radcommons.dicom.deidentify_stamp import coded, stamp_faces_removed, stamp_pixels_checked
from radcommons.dicom.profile import Profile, load_profile
from radcommons.dicom.text_identity import KnownIdentity
from unit.dicom.deid_objects import clean, ct, mapper, written

FULL = """
id: agreed
version: "1"
title: Full dates under an agreement
extends: [basic, clean-descriptors, retain-full-dates, retain-device-identity, retain-institution-identity]
agreement: DUA 2026-17
"""


def under(text: str, tmp_path) -> Profile:
    path = tmp_path / "profile.yaml"
    path.write_text(text, encoding="utf-8")
    return load_profile(path)


def through(dataset: Dataset, profile: Profile | str) -> Dataset:
    """Return the object de-identified under a profile, or a composition by name."""
    found = profile if isinstance(profile, Profile) else load_profile(profile)
    fresh = deidentify(dataset, profile=found, mapper=mapper(), known=KnownIdentity()).dataset
    assert fresh is not None
    return fresh


def codes(dataset: Dataset) -> list[str]:
    return [str(item.CodeValue) for item in dataset.DeidentificationMethodCodeSequence]


def test_full_dates_stay_under_their_agreement(tmp_path):
    """Dates, times, and the offset from UTC stay; the birth date goes all the same; the object says UNMODIFIED."""
    fresh = through(ct(), under(FULL, tmp_path))
    assert (fresh.StudyDate, fresh.StudyTime) == ("20200312", "101112")
    assert fresh.AcquisitionDateTime == "20200313101112.5+0100"
    assert fresh.TimezoneOffsetFromUTC == "+0100"
    assert not fresh.PatientBirthDate
    assert fresh.LongitudinalTemporalInformationModified == "UNMODIFIED"
    assert "113106" in codes(fresh)


def test_an_earlier_shift_stays_stated(tmp_path):
    """Full dates of an object whose dates somebody shifted before are still modified ones."""
    dataset = ct()
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    assert through(dataset, under(FULL, tmp_path)).LongitudinalTemporalInformationModified == "MODIFIED"


def test_device_and_institution_stay_without_the_patient(tmp_path):
    """Retained names of places and numbers of devices stay as they are; the patient's name in one of them does not."""
    dataset = ct()
    dataset.StationName = "CT 3 Quellmann"
    fresh = through(dataset, under(FULL, tmp_path))
    assert fresh.InstitutionName == "Waldgrund Klinikum"
    assert fresh.DeviceSerialNumber == "SN-55501"
    assert fresh.StationName == "CT 3"
    assert b"QUELLMANN" not in written(fresh).upper()


def test_times_can_be_removed_while_days_stay():
    """A profile without times keeps days and intervals of days, and no hour in any representation."""
    fresh = clean(ct(), profile="midrc-like")
    assert len(fresh.StudyDate) == 8
    assert not fresh.get("StudyTime")
    assert len(fresh.AcquisitionDateTime) == 8
    assert fresh.AcquisitionDateTime == fresh.AcquisitionDate


def test_retained_uids_are_still_uids():
    """Under Retain UIDs they stay; what stands in their place without being one is mapped."""
    dataset = ct()
    dataset.FrameOfReferenceUID = "1.2.3.4.9"
    dataset.add_new(0x00200200, "UI", "QUELLMANN.1")
    fresh = through(dataset, "basic+retain-uids")
    assert fresh.SOPInstanceUID == dataset.SOPInstanceUID
    assert fresh.FrameOfReferenceUID == "1.2.3.4.9"
    assert b"QUELLMANN" not in written(fresh)
    assert "113110" in codes(fresh)


def test_graphics_without_and_with_their_option():
    """Without Clean Graphics text becomes a dummy; with it, lines stay and text loses the name."""
    dataset = ct()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.11.1"
    text, line, note = Dataset(), Dataset(), Dataset()
    text.UnformattedTextValue = "Nodule of Quellmann"
    line.GraphicAnnotationUnits, line.GraphicType, line.GraphicData = "PIXEL", "POINT", [1.0, 2.0]
    note.GraphicLayer, note.TextObjectSequence, note.GraphicObjectSequence = "LAYER1", [text], [line]
    dataset.GraphicAnnotationSequence = [note]
    with_option = clean(dataset).GraphicAnnotationSequence[0]
    assert with_option.GraphicObjectSequence[0].GraphicData == [1.0, 2.0]
    assert with_option.TextObjectSequence[0].UnformattedTextValue.startswith("Nodule")
    assert "Quellmann" not in with_option.TextObjectSequence[0].UnformattedTextValue
    without = clean(dataset, profile="basic").GraphicAnnotationSequence[0]
    assert without.TextObjectSequence[0].UnformattedTextValue == "REMOVED"


def test_signatures_and_encrypted_originals_go():
    """What no longer holds, or is the original itself, passes under no profile."""
    for profile in ("basic", "radcommons", "research-max-utility"):
        dataset = ct()
        inner = Dataset()
        inner.MACIDNumber = 1
        dataset.MACParametersSequence = dataset.EncryptedAttributesSequence = [inner]
        dataset.OriginalAttributesSequence = dataset.DigitalSignaturesSequence = [inner]
        fresh = clean(dataset, profile=profile)
        kept = ("MACParametersSequence", "EncryptedAttributesSequence", "OriginalAttributesSequence")
        assert not [keyword for keyword in (*kept, "DigitalSignaturesSequence") if keyword in fresh]


def test_earlier_statements_stay_only_where_they_are_of_pixels():
    """What another de-identifier did to pixels stays done; of dates and texts only this profile speaks."""
    dataset = ct()
    dataset.DeidentificationMethodCodeSequence = [
        coded("113101", "Clean Pixel Data Option"),
        coded("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
        coded("Quellmann", "x"),
    ]
    assert codes(clean(dataset, profile="basic")) == ["113100", "113101"]


def test_codes_of_pixels_are_stated_by_who_looked():
    """What was done to pixels is stated once, by the caller who did it, together with the flag."""
    fresh = clean(ct())
    assert not {"113101", "113102"} & set(codes(fresh))
    for _ in range(2):
        stamp_pixels_checked(fresh)
        stamp_faces_removed(fresh)
    assert codes(fresh) == ["113100", "113101", "113102", "113103", "113104", "113105", "113107", "113108", "113111"]
    assert (fresh.BurnedInAnnotation, fresh.RecognizableVisualFeatures) == ("NO", "NO")


@pytest.mark.parametrize("keyword", ["PatientAge"])
def test_ages_over_89_are_one_group_wherever_they_stand(keyword):
    """An age of 90 and more is capped at any depth, and so is one that only the birth date tells."""
    dataset = ct()
    inner = Dataset()
    inner.PatientAge = "097Y"
    del dataset.PatientAge
    dataset.PatientBirthDate = "19100101"
    assert clean(dataset)[keyword].value == "090Y"
    dataset.PatientAge = "1200M"
    assert clean(dataset)[keyword].value == "090Y"
    dataset.PatientAge = "101"
    assert clean(dataset)[keyword].value == "090Y"


@pytest.mark.parametrize(
    ("value", "shifted"),
    [("202003", 6), ("2020", 4), ("20200312", 8), ("20200312101112.123456-0500", 21), ("2020031210", 10)],
)
def test_partial_datetimes_keep_their_precision(value, shifted):
    """A value of a year, a month or an hour is shifted and stays as precise as it was; the zone goes."""
    dataset = ct()
    dataset.add_new(0x0008002A, "DT", value)
    fresh = str(clean(dataset)[0x0008002A].value)
    assert len(fresh) == shifted
    assert fresh[:4] < "2021"
    assert "-0500" not in fresh


@pytest.mark.parametrize("value", ["2020.03.12", "20200312-20200314", "202003", "SOON"])
def test_odd_dates_are_shifted_or_go(value):
    """An ACR-NEMA date is shifted; a range, half a date, or a word in a date is no date and does not pass."""
    dataset = ct()
    dataset[0x00080022]._value = value
    found = str(clean(dataset).get("AcquisitionDate") or "")
    assert value not in found
    assert bool(found) is (value == "2020.03.12")

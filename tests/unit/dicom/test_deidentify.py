"""De-identification of single objects: relations between what goes in and what comes out."""

from __future__ import annotations

import copy

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from radcommons.dicom.deidentify_stamp import stamp_pixels_checked
from radcommons.dicom.mapping import is_mapped_uid
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.dicom.uids import derive_uid
from radcommons.records.finding import CODES, Severity
from unit.dicom.deid_objects import CT, SECRET, clean, code, ct, deid, mapper, written


def codes(result) -> set[str]:
    return {finding.code for finding in result.findings}


def test_the_input_is_not_changed():
    """De-identification reads its object and leaves it as it was."""
    dataset = ct()
    before = copy.deepcopy(dataset)
    clean(dataset)
    assert dataset == before
    assert dataset.file_meta == before.file_meta


def test_output_is_deterministic():
    """The same object under the same secret gives the same bytes."""
    assert written(clean(ct())) == written(clean(ct()))


def test_no_identity_is_left_in_the_bytes():
    """Names, numbers, places and dates of the patient are nowhere in the file that is written."""
    encoded = written(clean(ct())).upper()
    for trace in (b"QUELLMANN", b"THEOBALD", b"4711", b"ACC998877", b"WALDGRUND", b"OSTRANDER", b"MINA", b"SN-55501",
                  b"19280101", b"RP-778812", b"20200312", b"1234567", b"1.2.3.4", b"S77", b"\x11\0\x10\0"):  # fmt: skip
        assert trace not in encoded, trace


def test_the_clinical_part_stays():
    """What research needs passes, and a description loses the name alone."""
    fresh = clean(ct())
    assert fresh.StudyDescription == "CT Thorax"
    assert fresh.SeriesDescription == "Lung 1.0 B60f"
    assert fresh.ProtocolName == "ThoraxRoutine"
    assert (fresh.Manufacturer, fresh.ManufacturerModelName, fresh.SoftwareVersions) == (
        "SIEMENS",
        "SOMATOM Force",
        "VA44A",
    )
    assert (fresh.KVP, fresh.SliceThickness, fresh.ConvolutionKernel) == (120, 1.0, "B60f")
    assert (fresh.PatientSex, fresh.PatientSize, fresh.PatientWeight, fresh.BodyPartExamined) == (
        "M",
        1.74,
        70,
        "CHEST",
    )
    assert "chest film" in fresh.ImageComments
    assert "Effusion on the left" in fresh.ImageComments
    assert fresh.RequestAttributesSequence[0].RequestedProcedureCodeSequence[0].CodeMeaning == "CT Chest"
    assert list(fresh.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert fresh.StudyTime == "101112"


def test_references_stay_together_at_every_depth():
    """One UID becomes one UID wherever it stands, and UIDs of the standard stay."""
    one, two = clean(ct()), clean(ct())
    assert one.RequestAttributesSequence[0].StudyInstanceUID == one.StudyInstanceUID
    assert one.StudyInstanceUID == two.StudyInstanceUID
    assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID
    reference = one.ReferencedImageSequence[0]
    assert reference.ReferencedSOPClassUID == CT == one.SOPClassUID
    assert reference.ReferencedSOPInstanceUID == mapper().uid("1.2.3.4.3.2")
    assert is_mapped_uid(reference.ReferencedSOPInstanceUID)


def test_instances_numbered_under_the_standards_root_are_mapped():
    """Software that puts its instances under DICOM's own root gains nothing; the standard's own frames stay."""
    dataset = ct()
    dataset.SeriesInstanceUID = "1.2.840.10008.471108.20200312"
    dataset.FrameOfReferenceUID = "1.2.840.10008.1.4.1.1"
    fresh = clean(dataset)
    assert is_mapped_uid(fresh.SeriesInstanceUID)
    assert fresh.FrameOfReferenceUID == "1.2.840.10008.1.4.1.1"


def test_two_patients_share_nothing():
    """No identifying value of one patient's object stands in the other's, and their dates move differently."""
    one = clean(ct())
    two = clean(ct("Zwirner^Ilka", "9000-12", "1.2.3.5"), patient_id="9000-12")
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "StudyDate"):
        assert one[keyword].value != two[keyword].value, keyword


def test_intervals_and_order_of_dates_stay():
    """All dates of a patient move by one number of days, so intervals are exact."""
    fresh = clean(ct())
    shift = mapper().shift_days
    assert -3650 <= shift <= -1
    assert fresh.SeriesDate == fresh.StudyDate < fresh.AcquisitionDate
    assert fresh.AcquisitionDateTime[:8] == fresh.AcquisitionDate
    assert fresh.AcquisitionDateTime[8:] == "101112.5"


def test_other_secrets_give_other_identities():
    """Without the secret nothing can be computed from the patient's number."""
    one, two = clean(ct()), clean(ct(), secret=SECRET[::-1])
    assert one.PatientID != two.PatientID
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert one.AccessionNumber != two.AccessionNumber


def test_stamp_tells_what_was_done_and_no_more():
    """The object states profile, options, dates and equipment; of pixels only what the caller has checked."""
    fresh = clean(ct())
    assert fresh.PatientIdentityRemoved == "YES"
    stated = [item.CodeValue for item in fresh.DeidentificationMethodCodeSequence]
    assert stated == ["113100", "113103", "113104", "113105", "113107", "113108", "113111"]
    assert fresh.LongitudinalTemporalInformationModified == "MODIFIED"
    purpose = fresh.ContributingEquipmentSequence[0].PurposeOfReferenceCodeSequence[0]
    assert (purpose.CodeValue, purpose.CodeMeaning) == ("109104", "De-identifying Equipment")
    assert "BurnedInAnnotation" not in fresh
    stamp_pixels_checked(fresh)
    assert fresh.BurnedInAnnotation == "NO"
    assert "113101" in [item.CodeValue for item in fresh.DeidentificationMethodCodeSequence]
    assert "SourceApplicationEntityTitle" not in fresh.file_meta


def test_basic_profile_removes_dates_and_characteristics():
    """Without options, dates, descriptions, age and sex go, and the object says so."""
    fresh = clean(ct(), profile="basic")
    assert fresh.LongitudinalTemporalInformationModified == "REMOVED"
    for keyword in ("StudyDescription", "SeriesDescription", "PatientAge", "AcquisitionDateTime", "ImageComments"):
        assert not fresh.get(keyword), keyword
    assert "StudyDate" in fresh
    assert not fresh.StudyDate
    assert not fresh.PatientSex
    assert not fresh.AccessionNumber


def test_ricord_keeps_two_descriptions():
    """RICORD keeps study and series description and drops the others."""
    fresh = clean(ct(), profile="ricord")
    assert fresh.SeriesDescription == "Lung 1.0 B60f"
    assert not fresh.get("ImageComments")
    assert not fresh.PatientBirthDate


@pytest.mark.parametrize(("given", "stated"), [("092Y", "090Y"), ("045Y", "045Y"), ("45", "045Y"), ("006M", "006M")])
def test_ages_are_capped(given, stated):
    """An age of ninety years or more becomes 090Y; younger ones stay, repaired where devices wrote them wrongly."""
    dataset = ct()
    dataset["PatientAge"].value = given
    assert clean(dataset).PatientAge == stated


def test_age_comes_from_the_birth_date_before_that_goes():
    """An object with a birth date and no age states the age, capped."""
    dataset = ct()
    del dataset.PatientAge
    dataset.PatientBirthDate = "19800401"
    fresh = clean(dataset)
    assert fresh.PatientAge == "039Y"
    assert not fresh.PatientBirthDate


def test_identity_known_elsewhere_is_found_too():
    """A name that the site knows and the object does not state is removed from its text."""
    dataset = ct()
    dataset.SeriesDescription = "Lung Frau Grützmacher-Öhl Gruetzmacher"
    known = KnownIdentity(names=frozenset({"Grützmacher-Öhl^Edda"}))
    fresh = clean(dataset, known=known)
    assert fresh.SeriesDescription == "Lung"


def test_text_beyond_ascii_is_written_as_unicode():
    """What is left of a text in another character set is declared and written as UTF-8."""
    dataset = ct()
    dataset.SeriesDescription = "Übersicht Thorax"
    fresh = clean(dataset)
    assert fresh.SpecificCharacterSet == "ISO_IR 192"
    assert "Übersicht".encode() in written(fresh)


def test_unknown_sop_class_is_refused():
    """An object whose attributes nobody can name is refused, and no data set comes out."""
    dataset = ct()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.99.99"
    result = deid(dataset)
    assert result.is_refused
    assert result.dataset is None
    assert [(f.code, f.severity) for f in result.findings] == [("unsupported-sop-class", Severity.REFUSAL)]


def test_an_object_without_its_uid_is_refused():
    """An instance that nobody numbered is refused here; whoever has the file derives a UID first."""
    dataset = ct()
    del dataset.SOPInstanceUID
    result = deid(dataset)
    assert result.dataset is None
    assert [(f.code, f.severity) for f in result.findings] == [("uid-missing", Severity.REFUSAL)]


def test_values_that_break_their_representation_are_emptied_with_a_note():
    """A broken date, number or UID neither stops the object nor passes."""
    dataset = ct()
    dataset.add_new("StudyDate", "DA", "Quellmann")
    dataset["SeriesInstanceUID"]._value = "QUELLMANN.1"
    dataset.add_new("Rows", "LO", "Quellmann")
    dataset.add_new("ContentTime", "TM", "ten past")
    result = deid(dataset)
    assert {"value-repaired", "uid-invalid"} <= codes(result)
    assert is_mapped_uid(result.dataset.SeriesInstanceUID)
    assert result.dataset.StudyDate in ("", None)
    assert b"QUELLMANN" not in written(result.dataset).upper()
    assert all(finding.code in CODES for finding in result.findings)
    assert not any("Quellmann" in finding.message + finding.where for finding in result.findings)


def test_flags_and_documents_ask_a_person():
    """Burned-in annotation, recognizable features and encapsulated documents are questions."""
    dataset = ct()
    dataset.BurnedInAnnotation = "YES"
    assert ("identity-flagged", Severity.QUESTION) in {(f.code, f.severity) for f in deid(dataset).findings}
    document = ct()
    document.SOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    document.EncapsulatedDocument = b"%PDF Quellmann "
    result = deid(document)
    assert ("encapsulated-document", Severity.QUESTION) in {(f.code, f.severity) for f in result.findings}
    assert b"QUELLMANN" not in written(result.dataset).upper()


def test_record_says_what_happened_by_path_and_never_by_value():
    """The record names attributes and reasons, and the private ones by tag."""
    result = deid(ct())
    assert result.record["PatientBirthDate"].startswith("emptied")
    assert result.record["RequestAttributesSequence.StudyInstanceUID"].startswith("UID of the object mapped")
    assert result.record["(0011,1001)"] == "removed (private)"
    assert "Quellmann" not in str(dict(result.record))
    assert result.counts["kept"] > 0


def test_structured_content_without_its_option_becomes_dummies():
    """A report keeps its codes and shape under a profile without Clean Structured Content, and no sentence of it."""
    dataset = ct()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "TEXT"
    item.ConceptNameCodeSequence = [code("121071", "DCM", "Finding")]
    item.TextValue = "Herr Quellmann coughs"
    outer = Dataset()
    outer.RelationshipType, outer.ValueType = "CONTAINS", "CONTAINER"
    outer.ContentSequence = Sequence([item])
    dataset.ContentSequence = Sequence([outer])
    fresh = clean(dataset, profile="ricord")
    inner = fresh.ContentSequence[0].ContentSequence[0]
    assert inner.ConceptNameCodeSequence[0].CodeMeaning == "Finding"
    assert inner.TextValue == "REMOVED"


def test_real_headers_come_out_clean(shared_data):
    """Every readable real CT header is de-identified without a refusal, and its UIDs are mapped."""
    from pydicom import dcmread

    files = (
        sorted((shared_data / "ct_open").rglob("*.dcm"))[:5]
        + sorted((shared_data / "ct_covid_ct_md").rglob("*.dcm"))[:5]
    )
    assert len(files) == 10
    for file in files:
        dataset = dcmread(file, stop_before_pixels=True)
        if not dataset.get("SOPInstanceUID"):  # one of the collections was published without
            dataset.SOPInstanceUID = derive_uid(SECRET, file.name)
        fresh = clean(dataset)
        assert is_mapped_uid(fresh.SOPInstanceUID)
        assert fresh.PatientID == fresh.PatientName == mapper().pseudonym
        assert fresh.Rows == dataset.Rows


def test_codes_of_the_standard_and_of_a_site_stay_apart():
    """A method of compression and a true code stay; a number in a code's place becomes a keyed one."""
    dataset = ct()
    dataset.LossyImageCompression, dataset.LossyImageCompressionMethod = "01", "ISO_10918_1"
    dataset.LossyImageCompressionRatio = "10"
    dataset.ProcedureCodeSequence = Sequence(
        [code("39607008", "SCT", "Lung"), code("QV-5518204", "99ABC", "Chest"), code("QV-5518204", "99ABC", "Chest")]
    )
    fresh = clean(dataset)
    assert fresh.LossyImageCompressionMethod == "ISO_10918_1"
    values = [item.CodeValue for item in fresh.ProcedureCodeSequence]
    assert values[0] == "39607008"
    assert values[1] == values[2]
    assert values[1].startswith("LOCAL")
    assert "5518204" not in values[1]

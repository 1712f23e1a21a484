"""What must survive a profile, by SOP Class and place: the useful elements of each kind of object."""

from __future__ import annotations

import pytest

from radcommons.dicom.actions import Op, Rule, rules_for
from radcommons.dicom.profile import load_profile, shipped_profiles
from unit.dicom.test_tables import tag

BASE = "1.2.840.10008.5.1.4.1.1."
LOST = {Op.REMOVE, Op.EMPTY, Op.DUMMY}
EVERYWHERE = """
    ImageType Manufacturer ManufacturerModelName SoftwareVersions SeriesNumber InstanceNumber BodyPartExamined Modality
    Rows Columns BitsStored PhotometricInterpretation PixelRepresentation SOPClassUID SOPInstanceUID StudyInstanceUID
"""
CT = """
    KVP SliceThickness PixelSpacing ConvolutionKernel CTDIvol ExposureTime XRayTubeCurrent Exposure ExposureInuAs
    ReconstructionDiameter SpiralPitchFactor ImagePositionPatient ImageOrientationPatient RescaleSlope RescaleIntercept
    WindowCenter WindowWidth FrameOfReferenceUID ContrastBolusVolume ContrastBolusIngredient FilterType
    ContrastBolusAgentSequence.CodeMeaning CTDIPhantomTypeCodeSequence.CodeValue PatientPosition AcquisitionNumber
    ReferencedImageSequence.ReferencedSOPInstanceUID
"""
MR = """
    EchoTime RepetitionTime MagneticFieldStrength SequenceName ScanningSequence FlipAngle ReceiveCoilName
    ImagingFrequency InversionTime EchoTrainLength RescaleSlope RescaleIntercept DiffusionBValue
    DiffusionGradientOrientation
"""
PET = """
    Units DecayCorrection DecayFactor CorrectedImage FrameReferenceTime
    RadiopharmaceuticalInformationSequence.RadionuclideTotalDose
    RadiopharmaceuticalInformationSequence.RadionuclideHalfLife
    RadiopharmaceuticalInformationSequence.RadionuclideCodeSequence.CodeMeaning
"""
SEG = """
    SegmentSequence.SegmentLabel SegmentSequence.SegmentNumber SegmentSequence.SegmentDescription
    SegmentSequence.SegmentAlgorithmName SegmentSequence.SegmentAlgorithmType SegmentSequence.TrackingUID
    SegmentSequence.SegmentedPropertyCategoryCodeSequence.CodeMeaning
    SegmentSequence.SegmentedPropertyTypeCodeSequence.CodeValue
    SegmentSequence.RecommendedDisplayCIELabValue ContentLabel SegmentationType
    PerFrameFunctionalGroupsSequence.SegmentIdentificationSequence.ReferencedSegmentNumber
    PerFrameFunctionalGroupsSequence.DerivationImageSequence.SourceImageSequence.ReferencedSOPInstanceUID
    SharedFunctionalGroupsSequence.PixelMeasuresSequence.PixelSpacing
    PerFrameFunctionalGroupsSequence.PlanePositionSequence.ImagePositionPatient
"""
ENHANCED_CT = """
    SharedFunctionalGroupsSequence.CTExposureSequence.CTDIvol
    SharedFunctionalGroupsSequence.CTReconstructionSequence.ConvolutionKernel
    SharedFunctionalGroupsSequence.CTXRayDetailsSequence.KVP
    PerFrameFunctionalGroupsSequence.FrameVOILUTSequence.WindowCenter
"""
ENHANCED_MR = """
    SharedFunctionalGroupsSequence.MRTimingAndRelatedParametersSequence.RepetitionTime
    PerFrameFunctionalGroupsSequence.MRDiffusionSequence.DiffusionBValue
    PerFrameFunctionalGroupsSequence.MREchoSequence.EffectiveEchoTime
"""
SR = """
    ContentSequence.ConceptNameCodeSequence.CodeMeaning ContentSequence.MeasuredValueSequence.NumericValue
    ContentSequence.MeasuredValueSequence.MeasurementUnitsCodeSequence.CodeValue
    ContentSequence.ContentSequence.MeasuredValueSequence.NumericValue ContentSequence.ValueType
    ContentSequence.ConceptCodeSequence.CodeMeaning ContentSequence.ReferencedSOPSequence.ReferencedSOPInstanceUID
    CurrentRequestedProcedureEvidenceSequence.ReferencedSeriesSequence.ReferencedSOPSequence.ReferencedSOPInstanceUID
    ContentSequence.ConceptNameCodeSequence.CodingSchemeVersion ContentSequence.ConceptNameCodeSequence.CodingSchemeUID
    ContentSequence.ObservationDateTime ContentSequence.ConceptNameCodeSequence.LongCodeValue
    CompletionFlag VerificationFlag ContentTemplateSequence.TemplateIdentifier
"""
RTSTRUCT = """
    ROIContourSequence.ContourSequence.ContourData ROIContourSequence.ROIDisplayColor
    StructureSetROISequence.ROINumber StructureSetROISequence.ROIGenerationAlgorithm
    RTROIObservationsSequence.RTROIInterpretedType
    ROIContourSequence.ContourSequence.ContourImageSequence.ReferencedSOPInstanceUID
"""
RTPLAN = """
    BeamSequence.BeamName BeamSequence.ControlPointSequence.GantryAngle
    FractionGroupSequence.ReferencedBeamSequence.BeamMeterset
"""
PR = """
    DisplayedAreaSelectionSequence.DisplayedAreaTopLeftHandCorner SoftcopyVOILUTSequence.WindowCenter
    GraphicLayerSequence.GraphicLayer PresentationLUTShape
    ReferencedSeriesSequence.ReferencedImageSequence.ReferencedSOPInstanceUID
"""
GRAPHICS = """
    GraphicAnnotationSequence.GraphicObjectSequence.GraphicData GraphicAnnotationSequence.GraphicLayer
    GraphicAnnotationSequence.GraphicObjectSequence.GraphicType GraphicAnnotationSequence.TextObjectSequence.AnchorPoint
"""
US = "SequenceOfUltrasoundRegions.PhysicalDeltaX SequenceOfUltrasoundRegions.RegionSpatialFormat TransducerType"
DX = "ViewPosition ImagerPixelSpacing DetectorType ExposureIndex PatientOrientation ImageLaterality"
OBJECTS = {
    "2": EVERYWHERE + CT + " EstimatedDoseSaving NumberOfFrames",
    "2.1": ENHANCED_CT, "4": EVERYWHERE + MR, "4.1": ENHANCED_MR, "128": EVERYWHERE + PET,
    "66.4": SEG, "88.11": SR,
    "88.33": SR, "88.34": SR + "ContentSequence.GraphicData", "88.67": SR, "481.3": RTSTRUCT, "481.5": RTPLAN,
    "11.1": PR + GRAPHICS, "6.1": EVERYWHERE + US, "1.1": EVERYWHERE + DX,
    "1.2": DX + " CompressionForce BodyPartThickness",
    "9.1.1": "WaveformSequence.WaveformData WaveformSequence.SamplingFrequency",
}  # fmt: skip
# What the options that each of these profiles has let through, in a CT and in the objects that are about text.
OF_OPTIONS = {
    "PatientSex PatientAge PatientSize PatientWeight EthnicGroup SmokingStatus": (
        "2", {"radcommons", "ricord", "midrc-like", "research-max-utility"}),
    "StudyDescription SeriesDescription StudyDate AcquisitionDate AcquisitionDateTime": (
        "2", {"radcommons", "ricord", "midrc-like", "research-max-utility"}),
    "StudyTime AcquisitionTime": ("2", {"radcommons", "ricord", "research-max-utility"}),
    "ProtocolName ContrastBolusAgent ImageComments DerivationDescription Allergies MedicalAlerts": (
        "2", {"radcommons", "midrc-like", "research-max-utility"}),
    "RequestAttributesSequence.RequestedProcedureDescription PerformedProcedureStepDescription": (
        "2", {"radcommons", "midrc-like", "research-max-utility"}),
    "PregnancyStatus PatientSexNeutered AdditionalPatientHistory": ("2", {"radcommons", "research-max-utility"}),
    "DeviceSerialNumber StationName DetectorID GantryID": ("1.1", {"research-max-utility"}),
    "ImageAndFluoroscopyAreaDoseProduct EntranceDoseInmGy OrganDose": ("1", set(shipped_profiles())),
    "ContentSequence.TextValue": ("88.33", {"radcommons", "midrc-like", "research-max-utility"}),
    "ContentSequence.Date ContentSequence.DateTime": (
        "88.33", {"radcommons", "ricord", "midrc-like", "research-max-utility"}),
    "ContentDescription SegmentSequence.TrackingID": ("66.4", set(shipped_profiles())),
    "StructureSetROISequence.ROIName StructureSetLabel RTROIObservationsSequence.ROIObservationLabel": (
        "481.3", {"radcommons", "midrc-like", "research-max-utility"}),
    "GraphicAnnotationSequence.TextObjectSequence.UnformattedTextValue": (
        "11.1", {"radcommons", "midrc-like", "research-max-utility"}),
}  # fmt: skip


def rule_of(profile: str, sop_class: str, path: str) -> Rule:
    """Return the rule at the end of a path; the sequences on the way must be walked themselves."""
    book = rules_for(load_profile(profile), BASE + sop_class)
    assert book is not None
    *outer, last = path.split(".")
    for keyword in outer:
        rule = book.rule(tag(keyword))
        assert rule.op is Op.ITEMS, (path, keyword, rule.reason)
        book = book.items(tag(keyword))
    return book.rule(tag(last))


@pytest.mark.parametrize("profile", sorted(set(shipped_profiles()) - {"basic", "ricord"}))
@pytest.mark.parametrize("sop_class", sorted(OBJECTS))
def test_what_makes_an_object_useful_survives(profile, sop_class):
    """Every element that an object of this kind is used for passes, at its depth, under each profile for research."""
    lost = [path for path in OBJECTS[sop_class].split() if rule_of(profile, sop_class, path).op in LOST]
    assert lost == []


@pytest.mark.parametrize("profile", ["basic", "ricord"])
@pytest.mark.parametrize("sop_class", ["2", "2.1", "4", "4.1", "66.4", "481.3", "6.1", "1.1"])
def test_geometry_and_acquisition_survive_the_strictest_profiles(profile, sop_class):
    """Images, segmentations and contours stay what they are also without any option but those of descriptions."""
    of_descriptors = {"ContrastBolusIngredient"}
    lost = [path for path in OBJECTS[sop_class].split() if rule_of(profile, sop_class, path).op in LOST]
    assert set(lost) <= of_descriptors


@pytest.mark.parametrize("profile", shipped_profiles())
@pytest.mark.parametrize("paths", OF_OPTIONS)
def test_what_an_option_lets_through_follows_the_profile(profile, paths):
    """An attribute of an option passes under the profiles that have it, and under no other."""
    sop_class, having = OF_OPTIONS[paths]
    for path in paths.split():
        try:
            is_lost = rule_of(profile, sop_class, path).op in LOST
        except AssertionError:
            is_lost = True
        assert is_lost is (profile not in having), (path, profile)

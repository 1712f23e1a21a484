"""Objects that refer to the images of a study: segmentations, reports, contours, presentation states, documents."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.deid.kinds import STORAGE, Study, code, common, item, pdf_of
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

Say = Callable[[str], str]


def _reference(pair: tuple[str, str]) -> Dataset:
    return item(ReferencedSOPClassUID=pair[0], ReferencedSOPInstanceUID=pair[1])


def _evidence(study: Study) -> Sequence:
    series = item(SeriesInstanceUID=study.ct_series, ReferencedSOPSequence=[_reference(one) for one in study.images])
    return Sequence([item(StudyInstanceUID=f"{study.base}.1", ReferencedSeriesSequence=[series])])


def segmentation(study: Study, charset: str, say: Say) -> Dataset:
    """A binary segmentation of the CT with two segments."""
    made = common(study, "SEG", STORAGE + "66.4", 21, charset)
    made.ImageType, made.ContentLabel, made.InstanceNumber = ["DERIVED", "PRIMARY"], "LUNG", "1"
    made.ContentDescription, made.ContentCreatorName = say("Lung opacity"), say("PN")
    made.SegmentationType, made.FrameOfReferenceUID, made.PositionReferenceIndicator = "BINARY", f"{study.base}.9", ""
    made.Rows = made.Columns = 64
    made.SamplesPerPixel, made.PhotometricInterpretation, made.NumberOfFrames = 1, "MONOCHROME2", 2
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 1, 1, 0, 0
    made.LossyImageCompression, made.BurnedInAnnotation = "00", "NO"
    made.ReferencedSeriesSequence = [
        item(SeriesInstanceUID=study.ct_series, ReferencedInstanceSequence=[_reference(one) for one in study.images])
    ]
    made.SegmentSequence = [_segment(number, label, say) for number, label in ((1, "Left lung"), (2, "Opacity"))]
    org = f"{study.base}.8"
    made.DimensionOrganizationSequence = [item(DimensionOrganizationUID=org)]
    made.DimensionIndexSequence = [
        item(DimensionOrganizationUID=org, DimensionIndexPointer=0x0062000B, FunctionalGroupPointer=0x0062000A)
    ]
    made.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[item(SliceThickness="1", PixelSpacing=["0.7", "0.7"])],
            PlaneOrientationSequence=[item(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])],
        )
    ]
    made.PerFrameFunctionalGroupsSequence = [_seg_frame(study, number) for number in (1, 2)]
    made.PixelData = bytes(64 * 64 * 2 // 8)
    return made


def _segment(number: int, label: str, say: Say) -> Dataset:
    return item(
        SegmentNumber=number, SegmentLabel=say(label), SegmentDescription=say("drawn on axial slices"),
        SegmentAlgorithmType="SEMIAUTOMATIC", SegmentAlgorithmName="RegionGrow",
        SegmentedPropertyCategoryCodeSequence=[code("123037004", "SCT", "Anatomical Structure")],
        SegmentedPropertyTypeCodeSequence=[code("39607008", "SCT", "Lung")], TrackingID=say("lesion 1"),
        TrackingUID="1.2.826.0.1.99990.77.1",
    )  # fmt: skip


def _seg_frame(study: Study, number: int) -> Dataset:
    source = _reference(study.images[0])
    source.PurposeOfReferenceCodeSequence = [code("121322", "DCM", "Source image for image processing operation")]
    derivation = item(
        SourceImageSequence=[source],
        DerivationCodeSequence=[code("113076", "DCM", "Segmentation")],
        DerivationDescription="",
    )
    del derivation.DerivationDescription
    return item(
        DerivationImageSequence=[derivation],
        FrameContentSequence=[item(DimensionIndexValues=[number])],
        PlanePositionSequence=[item(ImagePositionPatient=["-170", "-170", str(number)])],
        SegmentIdentificationSequence=[item(ReferencedSegmentNumber=number)],
    )


def _content(kind: str, relation: str, concept: tuple[str, str, str], **values: object) -> Dataset:
    return item(RelationshipType=relation, ValueType=kind, ConceptNameCodeSequence=[code(*concept)], **values)


def report(study: Study, charset: str, say: Say, sop_class: str = "88.33") -> Dataset:
    """A structured report: findings in words and numbers, observers, references."""
    made = common(study, "SR", STORAGE + sop_class, 31 + ord(sop_class[-1]) % 10, charset)
    made.InstanceNumber, made.CompletionFlag, made.VerificationFlag = "1", "COMPLETE", "UNVERIFIED"
    made.ReferencedPerformedProcedureStepSequence, made.PerformedProcedureCodeSequence = [], []
    made.CurrentRequestedProcedureEvidenceSequence = _evidence(study)
    made.ValueType, made.ContinuityOfContent = "CONTAINER", "SEPARATE"
    made.ConceptNameCodeSequence = [code("18748-4", "LN", "Diagnostic imaging report")]
    made.AuthorObserverSequence = [item(ObserverType="PSN", PersonName=say("PN"), InstitutionName=say("PLACE"))]
    del made.AuthorObserverSequence[0].InstitutionName
    unit = code("mm", "UCUM", "millimeter")
    image = _content("IMAGE", "CONTAINS", ("121112", "DCM", "Source of Measurement"))
    image.ReferencedSOPSequence = [_reference(study.images[0])]
    measured = _content("NUM", "CONTAINS", ("103339001", "SCT", "Long axis"))
    measured.MeasuredValueSequence = [item(NumericValue="12.5", MeasurementUnitsCodeSequence=[unit])]
    made.ContentSequence = [
        _content("PNAME", "HAS OBS CONTEXT", ("121008", "DCM", "Person Observer Name"), PersonName=say("PN")),
        _content("TEXT", "HAS OBS CONTEXT", ("121009", "DCM", "Person Observer's Organization Name"), TextValue=say("PLACE")),  # noqa: E501
        _content("UIDREF", "HAS OBS CONTEXT", ("121012", "DCM", "Device Observer UID"), UID="1.2.826.0.1.99990.5.5"),
        _content("TEXT", "CONTAINS", ("121071", "DCM", "Finding"), TextValue=say("NARRATIVE")),
        _content("DATE", "CONTAINS", ("111060", "DCM", "Study Date"), Date=study.day),
        _content("DATETIME", "CONTAINS", ("111526", "DCM", "DateTime Started"), DateTime=study.day + study.time),
        _content("CODE", "CONTAINS", ("121071", "DCM", "Finding"), ConceptCodeSequence=[code("233604007", "SCT", "Pneumonia")]),  # noqa: E501
        measured,
        image,
        _content(
            "CONTAINER", "CONTAINS", ("121070", "DCM", "Findings"), ContinuityOfContent="SEPARATE",
            ContentSequence=[
                _content("TEXT", "CONTAINS", ("121073", "DCM", "Impression"), TextValue=say("NARRATIVE")),
                _content("TEXT", "CONTAINS", ("121106", "DCM", "Comment"), TextValue=say("NARRATIVE")),
            ],
        ),
    ]  # fmt: skip
    return made


def dose_report(study: Study, charset: str, say: Say) -> Dataset:
    """A radiation dose report."""
    made = report(study, charset, say, "88.67")
    made.ConceptNameCodeSequence = [code("113701", "DCM", "X-Ray Radiation Dose Report")]
    made.ContentTemplateSequence = [item(MappingResource="DCMR", TemplateIdentifier="10011")]
    dose = _content("NUM", "CONTAINS", ("113830", "DCM", "Mean CTDIvol"))
    dose.MeasuredValueSequence = [item(NumericValue="5.4", MeasurementUnitsCodeSequence=[code("mGy", "UCUM", "mGy")])]
    made.ContentSequence.append(dose)
    return made


def structure_set(study: Study, charset: str, say: Say) -> Dataset:
    """Contours on the CT."""
    made = common(study, "RTSTRUCT", STORAGE + "481.3", 41, charset)
    made.StructureSetLabel, made.StructureSetName, made.StructureSetDescription = (
        say("LUNGS"),
        say("Lung set"),
        say("DESCRIPTOR"),
    )
    made.StructureSetDate, made.StructureSetTime, made.ApprovalStatus = study.day, study.time, "UNAPPROVED"
    series = item(SeriesInstanceUID=study.ct_series, ContourImageSequence=[_reference(one) for one in study.images])
    referenced = item(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",
        ReferencedSOPInstanceUID=f"{study.base}.1",
        RTReferencedSeriesSequence=[series],
    )
    made.ReferencedFrameOfReferenceSequence = [
        item(FrameOfReferenceUID=f"{study.base}.9", RTReferencedStudySequence=[referenced])
    ]
    made.StructureSetROISequence = [
        item(
            ROINumber="1", ReferencedFrameOfReferenceUID=f"{study.base}.9", ROIName=say("Lung_L"), ROIDescription=say("NARRATIVE"),  # noqa: E501
            ROIGenerationAlgorithm="MANUAL",
        )
    ]  # fmt: skip
    contour = item(
        ContourImageSequence=[_reference(study.images[0])], ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints="3",  # noqa: E501
        ContourData=["0", "0", "0", "10", "0", "0", "10", "10", "0"],
    )  # fmt: skip
    made.ROIContourSequence = [
        item(ReferencedROINumber="1", ROIDisplayColor=["255", "0", "0"], ContourSequence=[contour])
    ]
    made.RTROIObservationsSequence = [
        item(
            ObservationNumber="1", ReferencedROINumber="1", ROIObservationLabel=say("Lung"), RTROIInterpretedType="ORGAN",  # noqa: E501
            ROIInterpreter=say("PN"),
        )
    ]  # fmt: skip
    made.ReviewDate = ""
    del made.ReviewDate
    return made


def presentation(study: Study, charset: str, say: Say) -> Dataset:
    """A greyscale presentation state with text and graphics."""
    made = common(study, "PR", STORAGE + "11.1", 51, charset)
    made.ContentLabel, made.ContentDescription, made.ContentCreatorName = "FINDINGS", say("DESCRIPTOR"), say("PN")
    made.PresentationCreationDate, made.PresentationCreationTime = study.day, study.time
    made.InstanceNumber, made.PresentationLUTShape = "1", "IDENTITY"
    series = item(SeriesInstanceUID=study.ct_series, ReferencedImageSequence=[_reference(one) for one in study.images])
    made.ReferencedSeriesSequence = [series]
    made.DisplayedAreaSelectionSequence = [
        item(
            DisplayedAreaTopLeftHandCorner=[1, 1], DisplayedAreaBottomRightHandCorner=[64, 64],
            PresentationSizeMode="SCALE TO FIT", PresentationPixelSpacing=["0.7", "0.7"],
        )
    ]  # fmt: skip
    made.GraphicLayerSequence = [
        item(GraphicLayer="LAYER1", GraphicLayerOrder="1", GraphicLayerDescription=say("DESCRIPTOR"))
    ]
    graphic = item(
        GraphicAnnotationUnits="PIXEL", GraphicDimensions=2, NumberOfGraphicPoints=2, GraphicData=[1.0, 1.0, 9.0, 9.0],
        GraphicType="POLYLINE", GraphicFilled="N",
    )  # fmt: skip
    text = item(
        BoundingBoxAnnotationUnits="PIXEL", UnformattedTextValue=say("NARRATIVE"), BoundingBoxTopLeftHandCorner=[1.0, 1.0],  # noqa: E501
        BoundingBoxBottomRightHandCorner=[30.0, 9.0], BoundingBoxTextHorizontalJustification="LEFT",
    )  # fmt: skip
    made.GraphicAnnotationSequence = [
        item(GraphicLayer="LAYER1", TextObjectSequence=[text], GraphicObjectSequence=[graphic])
    ]
    return made


def key_objects(study: Study, charset: str, say: Say) -> Dataset:
    """A key object selection."""
    made = common(study, "KO", STORAGE + "88.59", 61, charset)
    made.InstanceNumber, made.ReferencedPerformedProcedureStepSequence = "1", []
    made.CurrentRequestedProcedureEvidenceSequence = _evidence(study)
    made.ValueType, made.ContinuityOfContent = "CONTAINER", "SEPARATE"
    made.ConceptNameCodeSequence = [code("113000", "DCM", "Of Interest")]
    made.ContentTemplateSequence = [item(MappingResource="DCMR", TemplateIdentifier="2010")]
    image = item(RelationshipType="CONTAINS", ValueType="IMAGE", ReferencedSOPSequence=[_reference(study.images[0])])
    words = _content("TEXT", "CONTAINS", ("113012", "DCM", "Key Object Description"), TextValue=say("NARRATIVE"))
    made.ContentSequence = [words, image]
    return made


def document(study: Study, charset: str, say: Say) -> Dataset:
    """A report as PDF."""
    made = common(study, "DOC", STORAGE + "104.1", 71, charset)
    made.ConversionType, made.InstanceNumber, made.BurnedInAnnotation = "WSD", "1", "YES"
    made.DocumentTitle, made.ConceptNameCodeSequence = (
        say("DESCRIPTOR"),
        [code("18748-4", "LN", "Diagnostic imaging report")],
    )
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    content = pdf_of(say("NARRATIVE"), say("Report"))
    made.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    return made


def clinical_document(study: Study, charset: str, say: Say) -> Dataset:
    """A report as CDA."""
    made = common(study, "DOC", STORAGE + "104.2", 72, charset)
    made.ConversionType, made.InstanceNumber, made.BurnedInAnnotation = "WSD", "1", "YES"
    made.DocumentTitle, made.ConceptNameCodeSequence = (
        say("DESCRIPTOR"),
        [code("18748-4", "LN", "Diagnostic imaging report")],
    )
    made.MIMETypeOfEncapsulatedDocument, made.HL7InstanceIdentifier = "text/XML", "1.2.826.0.1.99990.6^7"
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>'
        f"{say('Report')}</title><recordTarget><patientRole><patient><name>{say('NAME')}</name></patient></patientRole>"
        f"</recordTarget><component><structuredBody><component><section><text>{say('NARRATIVE')}</text></section></component>"
        "</structuredBody></component></ClinicalDocument>"
    ).encode()
    made.EncapsulatedDocument = text + b" " * (len(text) % 2)
    return made


DERIVED: dict[str, Callable[[Study, str, Say], Dataset]] = {
    "seg": segmentation,
    "sr": report,
    "sr-basic": lambda study, charset, say: report(study, charset, say, "88.11"),
    "sr-enhanced": lambda study, charset, say: report(study, charset, say, "88.22"),
    "sr-3d": lambda study, charset, say: report(study, charset, say, "88.34"),
    "dose-sr": dose_report,
    "rtstruct": structure_set,
    "pr": presentation,
    "ko": key_objects,
    "pdf": document,
    "cda": clinical_document,
}

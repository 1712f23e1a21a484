"""Objects of the canary set beside images: reports, presentation states, segmentations, structures, documents."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    RTStructureSetStorage,
    SegmentationStorage,
)

from radcommons.synthetic.canary_base import Built, Hidden, base, image

_CT = "1.2.840.10008.5.1.4.1.1.2"


def cases(hidden: Hidden) -> Iterator[Built]:
    """Yield the objects."""
    yield _report(hidden)
    yield _key_objects(hidden)
    yield _presentation(hidden)
    yield _segmentation(hidden)
    yield _structures(hidden)
    yield _document(hidden)


def _derived(hidden: Hidden, study: int, kind: str, modality: str) -> Dataset:
    header = base(hidden, study=study)
    header.SOPClassUID, header.Modality = kind, modality
    header.SeriesDescription = f"{modality} {hidden.family}"
    return header


def _code(value: str, meaning: str, scheme: str = "DCM") -> Sequence:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return Sequence([item])


def _said(relation: str, kind: str, name: Sequence) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType, item.ConceptNameCodeSequence = relation, kind, name
    return item


def _report(hidden: Hidden) -> Built:
    header = _derived(hidden, 31, ComprehensiveSRStorage, "SR")
    header.CompletionFlag, header.VerificationFlag, header.ContentTemplateSequence = (
        "COMPLETE",
        "VERIFIED",
        Sequence([]),
    )
    observer = Dataset()
    observer.VerifyingObserverName, observer.VerifyingOrganization = hidden.doctor_name, hidden.hospital
    observer.VerificationDateTime = "20200315120000"
    header.VerifyingObserverSequence = Sequence([observer])
    header.ValueType, header.ContinuityOfContent = "CONTAINER", "SEPARATE"
    header.ConceptNameCodeSequence = _code("126000", "Imaging Measurement Report")
    person = _said("HAS OBS CONTEXT", "PNAME", _code("121008", "Person Observer Name"))
    person.PersonName = hidden.doctor_name
    subject = _said("HAS OBS CONTEXT", "PNAME", _code("121029", "Subject Name"))
    subject.PersonName = hidden.name
    number = _said("HAS OBS CONTEXT", "TEXT", _code("121030", "Subject ID"))
    number.TextValue = hidden.number
    finding = _said("CONTAINS", "CONTAINER", _code("121070", "Findings"))
    text = _said("CONTAINS", "TEXT", _code("121071", "Finding"))
    text.TextValue = f"Opacities on both sides. {hidden.sentence}"
    born = _said("CONTAINS", "DATE", _code("121031", "Subject Birth Date"))
    born.Date = hidden.birth.strftime("%Y%m%d")
    finding.ContinuityOfContent, finding.ContentSequence = "SEPARATE", Sequence([text, born])
    header.ContentSequence = Sequence([person, subject, number, finding])
    return Built(name="report", tells="patient and observer in a structured report", dataset=header)


def _key_objects(hidden: Hidden) -> Built:
    header = _derived(hidden, 32, KeyObjectSelectionDocumentStorage, "KO")
    header.ValueType, header.ContinuityOfContent = "CONTAINER", "SEPARATE"
    header.ConceptNameCodeSequence = _code("113000", "Of Interest")
    text = _said("CONTAINS", "TEXT", _code("113012", "Key Object Description"))
    text.TextValue = f"show to Dr. {hidden.doctor}: {hidden.sentence}"
    header.ContentSequence = Sequence([text])
    return Built(name="key-objects", tells="patient and physician in a key object note", dataset=header)


def _presentation(hidden: Hidden) -> Built:
    header = _derived(hidden, 33, GrayscaleSoftcopyPresentationStateStorage, "PR")
    header.ContentLabel, header.ContentDescription = "MARKS", f"marks of {hidden.doctor}"
    header.ContentCreatorName = hidden.doctor_name
    header.PresentationCreationDate, header.PresentationCreationTime = "20200315", "121500"
    header.PresentationLUTShape = "IDENTITY"
    text = Dataset()
    text.UnformattedTextValue, text.AnchorPoint, text.AnchorPointVisibility = hidden.sentence, [10, 10], "N"
    text.AnchorPointAnnotationUnits = "PIXEL"
    note = Dataset()
    note.GraphicLayer, note.TextObjectSequence = "LAYER1", Sequence([text])
    header.GraphicAnnotationSequence = Sequence([note])
    layer = Dataset()
    layer.GraphicLayer, layer.GraphicLayerOrder, layer.GraphicLayerDescription = "LAYER1", 1, hidden.family
    header.GraphicLayerSequence = Sequence([layer])
    header.ReferencedSeriesSequence = Sequence([_referenced(hidden, 1)])
    return Built(name="presentation", tells="the identity in the text of a presentation state", dataset=header)


def _referenced(hidden: Hidden, study: int) -> Dataset:
    one, series = Dataset(), Dataset()
    one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = _CT, hidden.uid(study, 1, 1)
    series.SeriesInstanceUID, series.ReferencedImageSequence = hidden.uid(study, 1), Sequence([one])
    return series


def _segmentation(hidden: Hidden) -> Built:
    header = image(hidden, study=34)
    header.SOPClassUID, header.Modality, header.SeriesDescription = (
        SegmentationStorage,
        "SEG",
        f"lesions {hidden.family}",
    )
    header.ImageType, header.SegmentationType = ["DERIVED", "PRIMARY"], "BINARY"
    header.ContentLabel, header.ContentDescription = "LESION", f"by {hidden.doctor}"
    header.ContentCreatorName, header.NumberOfFrames = hidden.doctor_name, 1
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel = 1, f"lesion {hidden.family}"
    segment.SegmentDescription, segment.SegmentAlgorithmType = hidden.sentence, "MANUAL"
    segment.SegmentedPropertyCategoryCodeSequence = _code("49755003", "Morphologically abnormal structure", "SCT")
    segment.SegmentedPropertyTypeCodeSequence = _code("52988006", "Lesion", "SCT")
    header.SegmentSequence = Sequence([segment])
    bits = np.zeros((int(header.Rows), int(header.Columns)), dtype=bool)
    bits[40:60, 40:60] = True
    header.BitsAllocated, header.BitsStored, header.HighBit = 1, 1, 0
    header.PixelData = np.packbits(bits.ravel(), bitorder="little").tobytes()
    header["PixelData"].VR = "OB"
    return Built(name="segmentation", tells="the identity in labels and creator of a segmentation", dataset=header)


def _structures(hidden: Hidden) -> Built:
    header = _derived(hidden, 35, RTStructureSetStorage, "RTSTRUCT")
    header.StructureSetLabel, header.StructureSetName = "PLAN", hidden.family
    header.StructureSetDescription, header.StructureSetDate = hidden.sentence, "20200315"
    region = Dataset()
    region.ROINumber, region.ROIName, region.ROIDescription = 1, f"lung {hidden.family}", hidden.sentence
    region.ReferencedFrameOfReferenceUID, region.ROIGenerationAlgorithm = hidden.uid(1, 9), "MANUAL"
    header.StructureSetROISequence = Sequence([region])
    seen = Dataset()
    seen.ObservationNumber, seen.ReferencedROINumber, seen.ROIInterpreter = 1, 1, hidden.doctor_name
    header.RTROIObservationsSequence = Sequence([seen])
    return Built(name="structures", tells="the identity in names of contours and their author", dataset=header)


def _document(hidden: Hidden) -> Built:
    header = _derived(hidden, 36, EncapsulatedPDFStorage, "DOC")
    header.DocumentTitle, header.BurnedInAnnotation = f"Letter {hidden.family}", "YES"
    header.MIMETypeOfEncapsulatedDocument = "application/pdf"
    text = f"%PDF-1.4\n% {hidden.sentence}\n%%EOF\n".encode("latin-1")
    header.EncapsulatedDocument = text + b"\0" * (len(text) % 2)
    return Built(name="document", tells="a letter about the patient as PDF", dataset=header)

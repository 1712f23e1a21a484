"""Series of invented slices, and the comparison of the two ways in which a header can be cleaned."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from radcommons.dicom.deidentify_stream import CleanedHeader, StreamCleaner
from radcommons.dicom.mapping import KeyedMapper
from radcommons.dicom.profile import load_profile
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.records.errors import UnreadableInstance
from unit.dicom.deid_objects import ct, mapper

NOBODY = KnownIdentity()


def slice_of(number: int, *, syntax: str = ExplicitVRLittleEndian, **changes: object) -> Dataset:
    """Return one slice of a series: what differs is what differs on scanners."""
    dataset = ct()
    dataset.SOPInstanceUID = f"1.2.3.4.3.{number}{7 ** (number % 20)}"
    dataset.InstanceNumber = str(number)
    dataset.AcquisitionTime = dataset.ContentTime = f"1011{number % 60:02d}.{number:06d}"
    dataset.AcquisitionDateTime = f"202003131011{number % 60:02d}.{number:06d}"
    dataset.ImagePositionPatient = ["-150.5", "-150.5", f"{-200.25 + number}"]
    dataset.SliceLocation, dataset.Exposure = f"{-200.25 + number}", str(90 + number)
    dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID = f"1.2.3.4.3.2.{number}"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.add_new(0x00280106, "US", number)
    dataset.add_new(0x00280107, "US", 900 + number)
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    dataset.add_new(0x7FE00010, "OW", bytes(range(number % 8, number % 8 + 8)))
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def file_of(dataset: Dataset) -> bytes:
    """Return a data set as the bytes of a file."""
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


@dataclass(slots=True)
class Both:
    """A cleaner that remembers beside one that does not."""

    profile: str = "radcommons"
    mapper: KeyedMapper = field(default_factory=mapper)
    known: KnownIdentity = NOBODY
    salvages: bool = True
    quick: StreamCleaner = field(init=False)
    careful: StreamCleaner = field(init=False)

    def __post_init__(self) -> None:
        found = load_profile(self.profile)
        self.quick = StreamCleaner(found, salvages=self.salvages)
        self.careful = StreamCleaner(found, salvages=self.salvages, is_remembering=False)

    def __call__(self, file: bytes) -> bytes | str:
        """Return the output of both ways, or the code of the refusal, having compared all that they say."""
        quick, careful = (_told(cleaner, file, self) for cleaner in (self.quick, self.careful))
        assert quick == careful
        return quick[0]

    def all(self, files: Iterable[bytes]) -> list[bytes | str]:
        """Return the outputs of files in a row."""
        return [self(file) for file in files]


def _told(cleaner: StreamCleaner, file: bytes, both: Both) -> tuple[bytes | str, object]:
    source, target = io.BytesIO(file), io.BytesIO()
    try:
        cleaned = cleaner.clean(source, mapper=both.mapper, known=both.known)
        if cleaned.refusal is not None:
            return cleaned.refusal.code, cleaned.findings
        said = _said(cleaned)
        written = cleaned.write(target, source)
    except UnreadableInstance as refused:
        return refused.reason, str(refused)
    assert written.size == len(target.getvalue())
    return target.getvalue(), (said, written.sha256)


def _said(cleaned: CleanedHeader) -> object:
    record, counts = dict(cleaned.record), dict(cleaned.counts)
    uids = (cleaned.study_uid, cleaned.series_uid, cleaned.sop_uid)
    return (
        cleaned.findings,
        record,
        counts,
        cleaned.sop_class,
        uids,
        cleaned.old,
        cleaned.transfer_syntax,
        cleaned.pixel,
    )


def remembered(both: Both, files: Sequence[bytes], monkeypatch) -> list[bool]:
    """Return for each file whether the remembering cleaner did without parsing it."""
    from radcommons.dicom import deidentify_stream

    read, counted = deidentify_stream.read_header, []

    def counting(source, **how):
        counted.append(1)
        return read(source, **how)

    monkeypatch.setattr(deidentify_stream, "read_header", counting)
    found = []
    for file in files:
        counted.clear()
        both.quick.clean(io.BytesIO(file), mapper=both.mapper, known=both.known)
        found.append(not counted)
    return found

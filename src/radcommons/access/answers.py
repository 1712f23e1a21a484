"""The data sets of QIDO-RS answers and of WADO-RS metadata (PS3.18 sections 10.6.3 and 10.4.1.1.2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import orjson
from pydicom.datadict import tag_for_keyword

from radcommons.catalogue.images import EVERYWHERE, InstanceRow, Place, SeriesRow, StudyRow
from radcommons.dicomweb.json import JsonDataset, members, tag_key
from radcommons.dicomweb.query import INSTANCE_FIELDS, SERIES_FIELDS, STUDY_FIELDS, Query


@dataclass(frozen=True, slots=True)
class Urls:
    """The addresses of a DICOMweb root."""

    root: str

    def study(self, uid: str) -> str:
        """Return a study's address."""
        return f"{self.root}/studies/{uid}"

    def series(self, study: str, uid: str) -> str:
        """Return a series' address."""
        return f"{self.study(study)}/series/{uid}"

    def instance(self, one: InstanceRow) -> str:
        """Return an instance's address."""
        series = self.series(one.study_instance_uid, one.series_instance_uid)
        return f"{series}/instances/{one.sop_instance_uid}"


@lru_cache(maxsize=1024)
def _tag(keyword: str) -> str:
    return tag_key(tag_for_keyword(keyword) or 0)


_STUDY_TAGS = frozenset(map(_tag, STUDY_FIELDS)) | {"00080005", "00081030"}
_SERIES_TAGS = frozenset(map(_tag, SERIES_FIELDS)) | {"00080005", "0020000D", "00180015"}
# A search over several series tells of these, one over several studies of them as well (PS3.18 section 10.6.3.3.3).
_OF_SERIES = frozenset({"0020000D", "0020000E", "00080060", "0008103E", "00200011"})
_INSTANCE_TAGS = frozenset(map(_tag, INSTANCE_FIELDS)) | {"00080005"} | _OF_SERIES
_OF_ALL_TAGS = _INSTANCE_TAGS | _STUDY_TAGS


def _chosen(header: JsonDataset, own: frozenset[str], query: Query) -> JsonDataset:
    if query.include_all:
        return dict(header)
    wanted = own | {_tag(keyword.split(".")[0]) for keyword in query.include}
    return {tag: member for tag, member in header.items() if tag in wanted}


def study_answer(row: StudyRow, *, urls: Urls, query: Query) -> JsonDataset:
    """Return a study of a search; absent attributes stand without a value (PS3.18 table 10.6.3-3)."""
    made = members(
        StudyDate=None,
        StudyTime=None,
        AccessionNumber=None,
        InstanceAvailability="ONLINE",
        ModalitiesInStudy=list(row.modalities),
        ReferringPhysicianName=None,
        RetrieveURL=urls.study(row.study_instance_uid),
        PatientName=None,
        PatientID=row.patient,
        PatientBirthDate=None,
        PatientSex=None,
        StudyID=None,
        StudyInstanceUID=row.study_instance_uid,
        NumberOfStudyRelatedSeries=row.series,
        NumberOfStudyRelatedInstances=row.instances,
    )
    return _merged(made, _chosen(row.header, _STUDY_TAGS, query))


def series_answer(row: SeriesRow, *, study: StudyRow | None, urls: Urls, query: Query) -> JsonDataset:
    """Return a series of a search; with `study`, for searches over all studies, its attributes as well."""
    made = members(
        Modality=row.modality,
        RetrieveURL=urls.series(row.study_instance_uid, row.series_instance_uid),
        StudyInstanceUID=row.study_instance_uid,
        SeriesInstanceUID=row.series_instance_uid,
        SeriesNumber=row.number,
        NumberOfSeriesRelatedInstances=row.instances,
    )
    above = study_answer(study, urls=urls, query=query) if study else {}
    return _merged(above | made, _chosen(row.header, _SERIES_TAGS, query))


def instance_answer(
    row: InstanceRow, header: JsonDataset, *, urls: Urls, query: Query, place: Place = EVERYWHERE
) -> JsonDataset:
    """Return an instance of a search below a place."""
    own = _INSTANCE_TAGS if place.study else _OF_ALL_TAGS
    made = members(
        SOPClassUID=row.sop_class_uid,
        SOPInstanceUID=row.sop_instance_uid,
        InstanceAvailability="ONLINE",
        RetrieveURL=urls.instance(row),
        StudyInstanceUID=row.study_instance_uid,
        SeriesInstanceUID=row.series_instance_uid,
        Modality=row.modality,
        InstanceNumber=row.number,
        Rows=row.rows,
        Columns=row.columns,
        NumberOfFrames=row.frames,
        AvailableTransferSyntaxUID=row.transfer_syntax_uid,
    )
    return _merged(made, _chosen(header, own, query))


def instance_text(row: InstanceRow, header: JsonDataset, *, urls: Urls) -> bytes | None:
    """Return what `instance_answer` says where nothing more is asked for, as JSON text, in a tenth of the time.

    None where the catalogue lacks a value: the header may have it in a form of its own.
    """
    number, rows, columns, frames = row.number, row.rows, row.columns, row.frames
    if not row.modality or number is None or rows is None or columns is None or frames is None:
        return None
    charset, bits = header.get("00080005"), header.get("00280100")
    zone, described, numbered = header.get("00080201"), header.get("0008103E"), header.get("00200011")
    quoted = orjson.dumps
    return b"".join(
        (
            b"{",
            b'"00080005":%b,' % quoted(charset) if charset is not None else b"",
            b'"00080016":{"vr":"UI","Value":[%b]},' % quoted(row.sop_class_uid),
            b'"00080018":{"vr":"UI","Value":[%b]},' % quoted(row.sop_instance_uid),
            b'"00080056":{"vr":"CS","Value":["ONLINE"]},',
            b'"00080060":{"vr":"CS","Value":[%b]},' % quoted(row.modality),
            b'"00080201":%b,' % quoted(zone) if zone is not None else b"",
            b'"0008103E":%b,' % quoted(described) if described is not None else b"",
            b'"00081190":{"vr":"UR","Value":[%b]},' % quoted(urls.instance(row)),
            b'"00083002":{"vr":"UI","Value":[%b]},' % quoted(row.transfer_syntax_uid),
            b'"0020000D":{"vr":"UI","Value":[%b]},' % quoted(row.study_instance_uid),
            b'"0020000E":{"vr":"UI","Value":[%b]},' % quoted(row.series_instance_uid),
            b'"00200011":%b,' % quoted(numbered) if numbered is not None else b"",
            b'"00200013":{"vr":"IS","Value":[%d]},' % number,
            b'"00280008":{"vr":"IS","Value":[%d]},' % frames,
            b'"00280010":{"vr":"US","Value":[%d]},' % rows,
            b'"00280011":{"vr":"US","Value":[%d]}' % columns,
            b',"00280100":%b' % quoted(bits) if bits is not None else b"",
            b"}",
        )
    )


def _merged(made: JsonDataset, header: JsonDataset) -> JsonDataset:
    """Return the header's attributes with what the catalogue counted; a header's value fills an empty one."""
    whole = dict(header)
    for tag, member in made.items():
        if "Value" in member or tag not in whole:
            whole[tag] = member
    return dict(sorted(whole.items()))


def metadata(header: JsonDataset, *, urls: Urls) -> JsonDataset:
    """Return an instance's metadata: its whole header, pixel data and large values by reference."""
    return {
        tag: {**member, "BulkDataURI": urls.root + member["BulkDataURI"]} if "BulkDataURI" in member else member
        for tag, member in header.items()
    }

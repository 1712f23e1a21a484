"""Judge one file in a worker process: read it, select it, de-identify it, look into its pixels, keep the result."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import sqlalchemy as sa
from pydicom.dataset import Dataset

from radcommons.dicom.conformance import check
from radcommons.dicom.deidentify import deidentify
from radcommons.dicom.images import image_to_dicom
from radcommons.dicom.pixelread import TextReader
from radcommons.dicom.pixeltext import TextDetector
from radcommons.dicom.profile import Profile, load_profile
from radcommons.dicom.read import Header, read_header
from radcommons.dicom.rewrite import Written, content_digest, write_instance
from radcommons.dicom.sniff import HEAD_BYTES, Kind, sniff
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.platform.policy import load_protocol
from radcommons.records.errors import StorageError, UnreadableInstance
from radcommons.records.finding import Finding, Severity
from radcommons.records.lifecycle import FileState
from radcommons.records.protocol import FactValue, SelectionProtocol, Verdict, decide
from radcommons.site.agreement import Agreement, Examined, in_force, uncovered
from radcommons.site.candidate import Candidate, Instance, Judged
from radcommons.site.crosswalk import (
    Linked,
    PatientKey,
    clinical_under,
    computed,
    find,
    get_or_assign,
    moved_to,
    numbers_of,
)
from radcommons.site.directory import missing_references
from radcommons.site.judge_pixels import PixelTools, look
from radcommons.site.objects import keep_object
from radcommons.site.optout import is_opted_out
from radcommons.site.repair import deriver, patient_key, value_of, with_uids
from radcommons.site.review_looks import look_of
from radcommons.site.select import facts, study_date
from radcommons.site.selection_facts import placed_of
from radcommons.site.store import Store, open_store
from radcommons.site.tables import file
from radcommons.site.tables_beside import table_beside
from radcommons.site.walk import stamp_of

_FLAGGED = ("identity-flagged", "BurnedInAnnotation")
_IGNORED = {
    Kind.CSV: "A table is no image; it is read where images need it.",
    Kind.TEXT: "A text file is no image.",
}


def start_judge(directory: Path, site: str, protocol: str, profile: str, keep: bool = True) -> Judge:
    """Open the store in this process and return the function that judges files (see `Pool`)."""
    store = open_store(directory)
    with store.read() as connection:
        agreement = in_force(connection, store.settings.agreement)
    return Judge(
        store=store,
        keep=keep,
        site=site,
        protocol=load_protocol(protocol),
        profile=load_profile(profile),
        secret=store.mapping_secret(),
        agreement=agreement,
        pixels=PixelTools(
            detector=TextDetector(),
            reader=TextReader(),
            covers=store.settings.pixels == "cover",
            takes_captures=store.settings.captures == "take",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Judges files for one site code under one protocol and one profile; keeps the objects unless it only tries."""

    store: Store
    keep: bool
    site: str
    protocol: SelectionProtocol
    profile: Profile
    secret: bytes
    agreement: Agreement | None
    pixels: PixelTools

    def __call__(self, candidate: Candidate) -> Judged:
        """Return what becomes of a file; whatever it is, it gets an outcome with a reason.

        Raises
        ------
        StorageError
            If the disk is full or the store does not answer: no fault of the file.
        """
        if candidate.refusal is not None:
            return refused(candidate.refusal.code, candidate.refusal.message)
        try:
            with _named_errors():
                return self._judge(candidate)
        except UnreadableInstance as error:
            return refused(error.reason, str(error))
        except MemoryError:
            return refused("undecodable-pixels", "It takes more memory than one worker process may use.")
        except (StorageError, sa.exc.SQLAlchemyError) as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(f"The store does not answer ({type(error).__name__}).") from None
        # This is the job runner: whatever a foreign parser raises ends this file alone. The text may quote values.
        except Exception as error:
            return refused("unreadable", f"It could not be judged ({type(error).__name__}).")

    def _judge(self, candidate: Candidate) -> Judged:
        with candidate.file.open("rb") as source:
            before = stamp_of(candidate.file.stat())
            digest = content_digest(source)
            size = source.tell()
            source.seek(0)
            head = source.read(HEAD_BYTES)
            if self._is_repeated(candidate, digest):
                return Judged(state=FileState.DUPLICATE, code="duplicate", original_digest=digest, size=size)
            judged = self._by_kind(candidate, source, head, digest)
            # What was read may be half of an old and half of a new file: the stamp and the bytes must both still agree.
            if stamp_of(candidate.file.stat()) != before or content_digest(source) != digest:
                message = "The file changed while it was read; add it again when the copy has finished."
                return refused("changed-while-read", message)
        return replace(judged, original_digest=digest, size=size)

    def _is_repeated(self, candidate: Candidate, digest: str) -> bool:
        """Say whether the same bytes are here already under another name; spares the work, the store decides."""
        waiting = (FileState.READY, FileState.HELD, FileState.SUBMITTED)
        query = sa.select(file.c.id).where(
            file.c.original_digest == digest, file.c.path != candidate.path, file.c.state.in_(waiting)
        )
        with self.store.read() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def _by_kind(self, candidate: Candidate, source: BinaryIO, head: bytes, digest: str) -> Judged:
        kind = sniff(head, candidate.path)
        if kind in _IGNORED:
            return Judged(state=FileState.IGNORED, code="not-dicom", reason=_IGNORED[kind])
        if kind in (Kind.JPEG, Kind.PNG):
            return self._image(candidate, source, digest)
        if kind is Kind.OTHER:
            return refused("not-dicom", "It is neither a DICOM object nor an image with its row in a table.")
        header = read_header(source)
        if header.is_directory:
            return _directory(candidate, header)
        return self._object(header, source, digest)

    def _image(self, candidate: Candidate, source: BinaryIO, digest: str) -> Judged:
        table = None if candidate.is_spooled else table_beside(candidate.file)
        row = table.row_for(candidate.file.name) if table else None
        if row is None:
            message = "An image file enters only with its row in a CSV table beside it; no table names it."
            return refused("not-dicom", message)
        converted = image_to_dicom(source, row=row, derive_uid=deriver(self.secret))
        with converted.source:
            judged = self._object(converted.header, converted.source, digest)
        return replace(judged, findings=(*converted.findings, *judged.findings))

    def _object(self, header: Header, source: BinaryIO, digest: str) -> Judged:
        truncated = next((one for one in header.findings if one.severity is Severity.REFUSAL), None)
        if truncated:
            return refused(truncated.code, truncated.message)
        dataset, repairs = with_uids(header, secret=self.secret, original_digest=digest)
        key, nameless = patient_key(dataset, site=self.site)
        with self.store.read() as connection:
            known = self._patient(connection, dataset, key)
            keys = {key, *(numbers_of(connection, known.pseudonym) if known else ())}
            opted_out = is_opted_out(connection, keys, secret=self.secret)
            rows = [entry for one in sorted(keys, key=str) for entry in clinical_under(connection, one)]
        if opted_out:
            return refused("opted-out", "Its patient is on the opt-out list; nothing of this patient is taken.")
        found = facts(header, clinical=rows)
        decision = decide(self.protocol, found)
        notes: tuple[Finding, ...] = (*header.findings, *repairs, *nameless)
        if decision.verdict is Verdict.OUT:
            return self._excluded(dataset, header, key, decision.criteria, notes)
        examined = Examined(
            modality=_word(found["modality"]), age_years=_years(found["age_years"]), study_date=study_date(dataset)
        )
        cover = uncovered(self.agreement, examined)
        if cover is not None and cover.severity is Severity.REFUSAL:
            return refused(cover.code, cover.message)
        notes = notes if cover is None else (*notes, cover)
        objection = next((one for one in check(dataset, header) if one.severity is Severity.REFUSAL), None)
        if objection and objection.code != "not-an-image":
            return refused(objection.code, _with_place(objection))
        linked = known or get_or_assign(self.store, key, secret=self.secret)
        if linked.is_withdrawn:
            message = "Its patient was withdrawn; nothing of this patient is taken again."
            return replace(refused("withdrawn-before", message), instance=self._instance(dataset, header, linked))
        undecided = decision.criteria if decision.verdict is Verdict.UNDECIDED else ()
        notes = (*notes, *_questions(self.protocol, undecided))
        judged = self._deidentified(dataset, header, source, linked, notes)
        return replace(judged, examined=examined, placed=placed_of(dataset, found))

    def _patient(self, connection: sa.Connection, dataset: Dataset, key: PatientKey) -> Linked | None:
        """Return whom the crosswalk knows the object by: a study that the hospital moved is its new patient's."""
        original = value_of(dataset, "StudyInstanceUID")
        mapped = (
            computed(key, secret=self.secret, home=self.store.settings.home)
            .mapper(self.secret, profile=self.profile)
            .uid(original)
        )
        return moved_to(connection, site=self.site, study_uids=(mapped, original)) or find(connection, key)

    def _deidentified(
        self, dataset: Dataset, header: Header, source: BinaryIO, linked: Linked, notes: tuple[Finding, ...]
    ) -> Judged:
        known = KnownIdentity.of(dataset)
        mapper = linked.mapper(self.secret, profile=self.profile)
        done = deidentify(dataset, profile=self.profile, mapper=mapper, known=known)
        if done.dataset is None:
            return refused(done.findings[0].code, _with_place(done.findings[0]))
        seen = look(
            done.dataset, original=header, source=source, tools=self.pixels, profile=self.profile, mapper=mapper
        )
        objection = next((one for one in seen.findings if one.severity is Severity.REFUSAL), None)
        if objection:
            return refused(objection.code, objection.message)
        written = self._keep(done.dataset, seen.header, seen.source)
        # What the header says of writing was answered by looking.
        told = [one for one in done.findings if header.pixel is None or (one.code, one.where) != _FLAGGED]
        findings = (*notes, *told, *seen.findings)
        # The result is asked for its UIDs: a profile may keep them.
        instance = replace(
            self._instance(dataset, header, linked),
            study_uid=value_of(done.dataset, "StudyInstanceUID"),
            series_uid=value_of(done.dataset, "SeriesInstanceUID"),
            sop_uid=value_of(done.dataset, "SOPInstanceUID"),
            transfer_syntax=seen.header.transfer_syntax,
            object_digest=written.sha256,
            object_size=written.size,
        )
        alike = look_of(dataset, done.dataset, transfer_syntax=header.transfer_syntax)
        question = next((one for one in findings if one.severity is Severity.QUESTION), None)
        if question:
            return Judged(
                state=FileState.HELD,
                code=question.code,
                reason=question.message,
                findings=findings,
                instance=instance,
                boxes=seen.boxes,
                look=alike,
            )
        return Judged(state=FileState.READY, findings=findings, instance=instance, boxes=seen.boxes, look=alike)

    def _excluded(
        self, dataset: Dataset, header: Header, key: PatientKey, criteria: tuple[str, ...], notes: tuple[Finding, ...]
    ) -> Judged:
        """Exclude, without giving the patient a place in the crosswalk: what does not leave needs none."""
        says = {criterion.id: criterion.says for criterion in self.protocol.criteria}
        findings = tuple(
            Finding(
                code="criterion-out",
                severity=Severity.NOTE,
                message=f"Criterion '{name}' excludes it: {says[name]}",
                where=name,
            )
            for name in criteria
        )
        return Judged(
            state=FileState.EXCLUDED,
            code="criterion-out",
            reason=findings[0].message,
            findings=(*notes, *findings),
            instance=self._instance(dataset, header, computed(key, secret=self.secret, home=self.store.settings.home)),
        )

    def _instance(self, dataset: Dataset, header: Header, linked: Linked) -> Instance:
        mapped = linked.mapper(self.secret, profile=self.profile).uid
        return Instance(
            pseudonym=linked.pseudonym,
            study_uid=mapped(value_of(dataset, "StudyInstanceUID")),
            series_uid=mapped(value_of(dataset, "SeriesInstanceUID")),
            sop_uid=mapped(value_of(dataset, "SOPInstanceUID")),
            sop_class=value_of(dataset, "SOPClassUID"),
            transfer_syntax=header.transfer_syntax,
            original_study_uid=value_of(dataset, "StudyInstanceUID"),
            study_date=study_date(dataset),
        )

    def _keep(self, dataset: Dataset, header: Header, source: BinaryIO) -> Written:
        """Write the object under its digest, or nowhere where it is only tried."""
        if self.keep:
            return keep_object(self.store, dataset, header=header, source=source)
        with Path(os.devnull).open("wb") as nowhere:
            return write_instance(dataset, header=header, source=source, target=nowhere)


def _word(fact: FactValue) -> str | None:
    return fact if isinstance(fact, str) else None


def _years(fact: FactValue) -> float | None:
    return float(fact) if isinstance(fact, int | float) and not isinstance(fact, bool) else None


def refused(code: str, reason: str) -> Judged:
    """Return the refusal of a file."""
    finding = Finding(code=code, severity=Severity.REFUSAL, message=reason)
    return Judged(state=FileState.REFUSED, code=code, reason=reason, findings=(finding,))


@contextmanager
def _named_errors() -> Iterator[None]:
    """Tell a full disk, which stops everything, from a file that cannot be read, which stops nothing."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(
                "no-disk-space: the disk is full.", mend="Nothing was lost: free some space and run it again."
            ) from None
        raise UnreadableInstance(f"It cannot be read: {error.strerror or 'unknown reason'}.") from None


def _directory(candidate: Candidate, header: Header) -> Judged:
    missing = () if candidate.is_spooled else missing_references(candidate.file, header.dataset)
    findings = tuple(
        Finding(
            code="not-an-image",
            severity=Severity.NOTE,
            message="The DICOMDIR lists a file that is not there.",
            where=name,
        )
        for name in missing
    )
    reason = "A DICOMDIR is a list of files; the files themselves are taken."
    if missing:
        reason += f" {len(missing)} of the files that it lists are not there."
    return Judged(state=FileState.IGNORED, code="not-an-image", reason=reason, findings=findings)


def _questions(protocol: SelectionProtocol, undecided: tuple[str, ...]) -> tuple[Finding, ...]:
    says = {criterion.id: criterion.says for criterion in protocol.criteria}
    return tuple(
        Finding(
            code="criterion-undecided",
            severity=Severity.QUESTION,
            message=f"Criterion '{name}' cannot be decided: {says[name]} Is it so?",
            where=name,
        )
        for name in undecided
    )


def _with_place(finding: Finding) -> str:
    return f"{finding.message} ({finding.where})" if finding.where else finding.message

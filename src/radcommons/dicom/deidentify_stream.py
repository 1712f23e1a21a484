"""De-identification of file after file on encoded bytes: what stayed the same since the last file is not treated again.

One engine's semantics: the first object of a kind goes the careful way (`read_header`, `deidentify`, the encoder of
`rewrite`), and what that made of each element is remembered by its bytes. Of the next object only the elements that
differ are treated, each by the same rules; whatever is irregular, or could change how others are treated, goes the
careful way again. So the output is byte for byte that of the careful way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO

from pydicom.dataset import Dataset

from radcommons.dicom.cleaned import CleanedHeader, Names, names_of
from radcommons.dicom.deidentify import deidentify
from radcommons.dicom.elements import Irregular, Meta, MetaReader, element_at
from radcommons.dicom.headerkind import SERIES, SOP_INSTANCE, STUDY, HeaderKind, Outcome, Remade
from radcommons.dicom.layout import PIXEL_TAGS
from radcommons.dicom.mapping import Mapper
from radcommons.dicom.profile import Profile
from radcommons.dicom.read import Header, PixelSpan, read_header
from radcommons.dicom.rewrite import Encoded, encode_header
from radcommons.dicom.salvage import completed, with_known_class
from radcommons.dicom.text_identity import KnownIdentity
from radcommons.dicom.window import FIRST_HEAD_BYTES, WINDOW_BYTES, Window, pixels_of
from radcommons.records.errors import UnreadableInstance
from radcommons.records.finding import Finding, Severity

MOST_KINDS = 12
# So many kinds of each SOP Class are cleaned both ways once and compared, and after them one in so many.
PROVEN_KINDS, SPOT_CHECK = 3, 8

Mend = Callable[[Header, BinaryIO], tuple[Dataset, tuple[Finding, ...]]]


class StreamCleaner:
    """Cleans the headers of many files with one profile.

    Parameters
    ----------
    profile : Profile
    mend : callable, optional
        Gives UIDs to objects that came without: ``mend(header, source) -> (dataset, findings)``; with no finding the
        data set must be the header's.
    is_remembering : bool
        False takes the careful way for every file.
    salvages : bool
        Write what is left of files that end too early, and objects without a known SOP Class by the definition that
        their modality tells, each with a note; otherwise they are refused.

    Notes
    -----
    PHI: keeps headers of the last few kinds of objects in memory. For one thread.
    """

    def __init__(
        self, profile: Profile, *, mend: Mend | None = None, is_remembering: bool = True, salvages: bool = True
    ) -> None:
        self._profile = profile
        self._mend = mend
        self._window = Window()
        self._metas = MetaReader()
        self._kinds: list[HeaderKind] = []
        self._proofs: Counter[str] = Counter()
        self._head_bytes = FIRST_HEAD_BYTES
        self._is_remembering = is_remembering
        self._salvages = salvages

    def clean(self, source: BinaryIO, *, mapper: Mapper, known: KnownIdentity) -> CleanedHeader:
        """Return the header of one object without the patient's identity.

        Parameters
        ----------
        source : binary file, seekable
            Has to stay as it is until the result was written; the next file may be cleaned first, at some cost.
        mapper : Mapper
            The patient's new identity; the same object for all files of a patient.
        known : KnownIdentity
            What is known of the patient and of those around.

        Raises
        ------
        UnreadableInstance
            If the header cannot be read.

        References
        ----------
        DICOM PS3.15 annex E; ADR 0017.
        """
        turn = self._window.load(source)
        if not self._is_remembering:
            return self._careful(source, mapper, known, None, turn)
        head = self._window.head(self._head_bytes)
        try:
            meta = self._metas.read(head)
        except Irregular:
            return self._careful(source, mapper, known, None, turn)
        for place, kind in enumerate(self._kinds):
            if kind.mapper is mapper and kind.meta_kind == meta.kind and (kind.known is known or kind.known == known):
                remade = kind.remake(head, meta.end)
                found = None if remade is None else self._remembered(kind, remade, source, head, turn)
                if found is None:
                    continue
                if place:
                    self._kinds.insert(0, self._kinds.pop(place))
                return self._proven(kind, found, source) if kind.asks_for_proof else found
        return self._careful(source, mapper, known, meta, turn)

    def _remembered(
        self, kind: HeaderKind, remade: Remade, source: BinaryIO, head: bytes, turn: int
    ) -> CleanedHeader | None:
        first = kind.first
        pixel: PixelSpan | None = None
        if remade.end != self._window.size:
            if len(head) < remade.end + 12:
                head = self._window.head(remade.end + 12)
            try:
                raw = element_at(head, remade.end, implicit=first.header.encoding.implicit)
            except Irregular:
                return None
            if raw.tag not in PIXEL_TAGS:
                return None
            pixel = pixels_of(source, self._window.size, raw)
            if pixel is None:
                return None
        own = first.header.pixel
        if (own is None) is not (pixel is None) or (own and pixel and own.encapsulated is not pixel.encapsulated):
            return None
        return CleanedHeader(
            findings=first.findings,
            record=first.record,
            counts=first.counts,
            sop_class=kind.sop_class,
            study_uid=remade.uids[STUDY],
            series_uid=remade.uids[SERIES],
            sop_uid=remade.uids[SOP_INSTANCE],
            pixel=pixel,
            encoded=Encoded(
                before=remade.before,
                after=first.encoded.after,
                transfer_syntax=first.encoded.transfer_syntax,
                has_small_pixels=first.encoded.has_small_pixels,
            ),
            facts=first.header
            if first.header.pixel == pixel and first.header.size == self._window.size
            else replace(first.header, pixel=pixel, size=self._window.size),
            window=self._window,
            turn=turn,
            cells=kind.cells,
            old_names=lambda: kind.names(head, remade.start, remade.end),
        )

    def _proven(self, kind: HeaderKind, found: CleanedHeader, source: BinaryIO) -> CleanedHeader:
        """Go the careful way as well; where it does not give the same, forget the kind. Later kinds are spot checks."""
        self._proofs[kind.sop_class] += 1
        if self._proofs[kind.sop_class] > PROVEN_KINDS and self._proofs[kind.sop_class] % SPOT_CHECK:
            kind.note_proof()
            return found
        careful = self._careful(source, kind.mapper, kind.known, None, found.turn)
        if careful.encoded == found.encoded and careful.findings == found.findings and careful.record == found.record:
            kind.note_proof()
            return found
        self._kinds.remove(kind)
        return careful

    def _careful(
        self, source: BinaryIO, mapper: Mapper, known: KnownIdentity, meta: Meta | None, turn: int
    ) -> CleanedHeader:
        read = read_header(source, salvages=self._salvages)
        header, filled = completed(read, source) if self._salvages else (read, None)
        if any(one.severity is Severity.REFUSAL for one in header.findings):
            return CleanedHeader(findings=header.findings, facts=header)
        dataset, mended = (header.dataset, ()) if self._mend is None else self._mend(header, source)
        if self._salvages:
            dataset, told = with_known_class(dataset, header)
            mended += told
        findings = (*header.findings, *mended)
        done = deidentify(dataset, profile=self._profile, mapper=mapper, known=known)
        findings += done.findings
        if done.dataset is None:
            return CleanedHeader(findings=findings, facts=header)
        try:
            encoded = encode_header(done.dataset, transfer_syntax=header.transfer_syntax)
        except UnreadableInstance as error:
            refusal = Finding(code=error.reason, severity=Severity.REFUSAL, message=error.what)
            return CleanedHeader(findings=(*findings, refusal), facts=header)
        outcome = Outcome(
            header=header,
            encoded=encoded,
            findings=findings,
            record=done.record,
            counts=done.counts,
            effective=known | KnownIdentity.of(dataset),
        )
        if meta is not None and not mended and header is read:
            self._remember(outcome, source, meta, mapper, known)
        new = names_of(done.dataset)
        return CleanedHeader(
            findings=findings,
            record=done.record,
            counts=done.counts,
            sop_class=str(done.dataset.get("SOPClassUID", "")),
            study_uid=new.study,
            series_uid=new.series,
            sop_uid=new.instance,
            pixel=header.pixel,
            encoded=encoded,
            facts=header,
            window=None if header.is_deflated or header is not read else self._window,
            turn=turn,
            filled=filled,
            old_names=lambda: names_of(dataset),
        )

    def _remember(self, outcome: Outcome, source: BinaryIO, meta: Meta, mapper: Mapper, known: KnownIdentity) -> None:
        """Make this object the first of a kind, if its bytes allow."""
        pixel = outcome.header.pixel
        end = self._window.size if pixel is None else pixel.offset
        if end > self._window.filled or end > WINDOW_BYTES:
            return
        head = self._window.head(end)
        try:
            kind = HeaderKind(outcome, head=head, meta=meta, profile=self._profile, mapper=mapper, known=known)
        except Irregular:
            return
        # What was said of damage behind the pixels holds for this file alone, so it is no example for others.
        own = kind.remake(head, meta.end)
        if own is None or self._remembered(kind, own, source, head, self._window.turn) is None:
            return
        self._head_bytes = max(self._head_bytes, end + end // 8)
        self._kinds.insert(0, kind)
        del self._kinds[MOST_KINDS:]


__all__ = ["CleanedHeader", "Names", "StreamCleaner"]

"""Bring a series from a PACS: C-GET on one association, or C-MOVE to a port of ours (PS3.4 annex C)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext, build_context

from radcommons.platform.durable import disk_full_is_named
from radcommons.records.errors import PeerError
from radcommons.site.pacs import Peer, associated
from radcommons.site.pacs_find import (
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    Hits,
    Image,
    Listed,
    Wanted,
    find_images,
    find_series,
    find_studies,
    find_study,
)

STUDY_ROOT_GET, PATIENT_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3", "1.2.840.10008.5.1.4.1.2.1.3"
STUDY_ROOT_MOVE, PATIENT_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2", "1.2.840.10008.5.1.4.1.2.1.2"
MOST_CONTEXTS = 128  # PS3.8 section 9.3.2.2: odd numbers of one byte
# PS3.4 table B.2-1: we cannot take it; it is not what we asked for.
SUCCESS, OUT_OF_RESOURCES, NOT_ASKED_FOR = 0x0000, 0xA700, 0xA900
_UIDS_A_REQUEST = 200
_SETTLE_S = 3.0

# What a series is in where the peer does not tell its classes.
_BY_MODALITY = {
    "CT": ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1"),
    "CR": ("1.2.840.10008.5.1.4.1.1.1",),
    "DX": ("1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1"),
    "MR": ("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"),
    "PT": ("1.2.840.10008.5.1.4.1.1.128",),
    "US": ("1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1"),
}
_ELSE = ("1.2.840.10008.5.1.4.1.1.7",)  # secondary capture, which any modality writes
_UNCOMPRESSED = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2")

# What takes each object that comes: its file, its class and UID as the command names them. Returns a status.
Take = Callable[[Path, str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A series, or some instances of it, to be brought."""

    study_uid: str
    series_uid: str
    patient_id: str = ""
    modality: str = ""
    images: tuple[Image, ...] = ()
    # Only these; empty is the whole series.
    sop_uids: tuple[str, ...] = ()
    # Which way of proposing transfer syntaxes; see `storage_contexts`.
    proposal: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What the peer said at the end: sub-operations done and failed, and its last status."""

    status: int
    completed: int = 0
    failed: int = 0
    warned: int = 0


@dataclass(slots=True)
class Landing:
    """Where C-MOVE delivers: an AE title and who waits for which study, so that nothing else is taken there."""

    aet: str
    _takers: dict[str, tuple[str, Take]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    last: float = 0.0
    problems: list[OSError] = field(default_factory=list)

    def expect(self, series_uid: str, study_uid: str, take: Take) -> None:
        """Say that a series is on its way."""
        with self._lock:
            self._takers[series_uid] = (study_uid, take)

    def done(self, series_uid: str) -> None:
        """Say that no more of a series is expected."""
        with self._lock:
            self._takers.pop(series_uid, None)

    def taker(self, study_uid: str, series_uid: str) -> Take | None:
        """Return who waits for an object, None when nobody asked for it."""
        self.last = time.monotonic()
        with self._lock:
            exact = self._takers.get(series_uid)
            if exact and exact[0] == study_uid:
                return exact[1]
            # Of our own study, though not of the series: whoever asked for the study refuses and counts it.
            return next((take for _, take in self._takers.values()), None)


@dataclass(slots=True)
class DimsePacs:
    """A PACS that speaks DIMSE; not to be shared between threads: each has associations of its own.

    Parameters
    ----------
    peer : Peer
    landing : Landing or None
        Where C-MOVE delivers; None where only C-GET is possible.
    way : str
        "get", "move" or "" for what the peer offers, C-GET first.
    """

    peer: Peer
    landing: Landing | None = None
    way: str = ""
    _stack: ExitStack = field(default_factory=ExitStack)
    _query: Association | None = None

    def close(self) -> None:
        """Release what is open."""
        self._query = None
        self._stack.close()

    def _finder(self) -> Association:
        if self._query is None or not self._query.is_established:
            self._stack = ExitStack()
            contexts = [build_context(model) for model in (STUDY_ROOT_FIND, PATIENT_ROOT_FIND)]
            self._query = self._stack.enter_context(associated(self.peer, contexts))
        return self._query

    def studies(self, wanted: Wanted, *, limit: int) -> Hits:
        """See `find_studies`."""
        return find_studies(self._finder(), self.peer, wanted, limit=limit)

    def study(self, study_uid: str) -> Listed | None:
        """See `find_study`."""
        return find_study(self._finder(), self.peer, study_uid)

    def series(self, study_uid: str) -> tuple[Listed, ...]:
        """See `find_series`."""
        return find_series(self._finder(), self.peer, study_uid)

    def images(self, study_uid: str, series_uid: str) -> tuple[Image, ...]:
        """See `find_images`."""
        return find_images(self._finder(), self.peer, study_uid, series_uid)

    def bring(self, asked: Asked, take: Take) -> Brought:
        """Bring a series; each object goes through `take` before it is acknowledged.

        Raises
        ------
        PeerError
            If the peer goes away, or offers no way to retrieve. What was taken before stays taken.
        """
        self.close()  # one association at a time: a peer counts them, and an idle one costs as well
        if self.way != "move":
            found = self._get(asked, take)
            if found is not None:
                self.way = "get"
                return found
        if self.landing is None or self.way == "get":
            raise PeerError(
                f"{self.peer} offers no C-GET.", mend="Give --listen PORT and name our AE title at the PACS: C-MOVE."
            )
        self.way = "move"
        return self._move(asked, take, self.landing)

    def _get(self, asked: Asked, take: Take) -> Brought | None:
        """Return None when the peer offers no C-GET at all."""
        classes = storage_classes(asked)
        models = [build_context(model) for model in (STUDY_ROOT_GET, PATIENT_ROOT_GET)]
        storage = list(
            islice(storage_contexts(classes, asked.images, proposal=asked.proposal), MOST_CONTEXTS - len(models))
        )
        served = sorted({context.abstract_syntax or "" for context in storage})

        problems: list[OSError] = []

        def on_store(event: Any) -> int:
            return _told(event, take, problems)

        handlers = [(evt.EVT_C_STORE, on_store)]
        with associated(self.peer, [*models, *storage], handlers=handlers, serves=served) as association:
            accepted = {context.abstract_syntax for context in association.accepted_contexts}
            model = next((one for one in (STUDY_ROOT_GET, PATIENT_ROOT_GET) if one in accepted), None)
            if model is None:
                return None
            results = [
                self._last(association.send_c_get(identifier, model))
                for identifier in identifiers(asked, is_patient_root=model == PATIENT_ROOT_GET)
            ]
        raise_first(problems)
        return added(results)

    def _move(self, asked: Asked, take: Take, landing: Landing) -> Brought:
        contexts = [build_context(model) for model in (STUDY_ROOT_MOVE, PATIENT_ROOT_MOVE)]
        landing.expect(asked.series_uid, asked.study_uid, take)
        try:
            with associated(self.peer, contexts) as association:
                accepted = {context.abstract_syntax for context in association.accepted_contexts}
                model = next((one for one in (STUDY_ROOT_MOVE, PATIENT_ROOT_MOVE) if one in accepted), None)
                if model is None:
                    raise PeerError(f"{self.peer} offers neither C-GET nor C-MOVE.")
                results = [
                    self._last(association.send_c_move(identifier, landing.aet, model))
                    for identifier in identifiers(asked, is_patient_root=model == PATIENT_ROOT_MOVE)
                ]
            # Some peers answer before their last object has arrived.
            until = time.monotonic() + _SETTLE_S
            while time.monotonic() < until and time.monotonic() - landing.last < _SETTLE_S / 6:
                time.sleep(0.05)
        finally:
            landing.done(asked.series_uid)
        raise_first(landing.problems)
        return added(results)

    def _last(self, answers: Iterable[tuple[Dataset, Dataset | None]]) -> Brought:
        status = Dataset()
        for status, _ in answers:
            if "Status" not in status:
                raise PeerError(f"{self.peer} went away while it sent a series.")
        if status.Status == 0xA801:
            raise PeerError(
                f"{self.peer} does not know our AE title as a place to send to.", mend="Name it there (C-MOVE)."
            )
        return Brought(
            status=int(status.Status),
            completed=int(status.get("NumberOfCompletedSuboperations") or 0),
            failed=int(status.get("NumberOfFailedSuboperations") or 0),
            warned=int(status.get("NumberOfWarningSuboperations") or 0),
        )


def take_event(event: Any, take: Take) -> int:
    """Hand a received object to `take`, as a file that is closed and now `take`'s to move or remove.

    Raises
    ------
    OSError
        If it could not be written, the disk being full.
    """
    request = event.request
    partial = request._dataset_file  # flushed by nobody else before this handler runs, and left behind by C-GET
    if partial is not None:
        partial.close()
        if partial.problem is not None:
            raise partial.problem
    return take(Path(event.dataset_path), str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID))


def _told(event: Any, take: Take, problems: list[OSError]) -> int:
    try:
        return take_event(event, take)
    except OSError as error:
        problems.append(error)
        return OUT_OF_RESOURCES


def raise_first(problems: list[OSError]) -> None:
    """Say that the disk is full, or what else kept an object from being written.

    Raises
    ------
    StorageError
        If it was full.
    OSError
    """
    if problems:
        with disk_full_is_named("the inbox"):
            raise problems[0]


def added(results: Sequence[Brought]) -> Brought:
    """Return several answers as one; its status is the first that is no success."""
    return Brought(
        status=next((one.status for one in results if one.status), SUCCESS),
        completed=sum(one.completed for one in results),
        failed=sum(one.failed for one in results),
        warned=sum(one.warned for one in results),
    )


def identifiers(asked: Asked, *, is_patient_root: bool) -> Iterator[Dataset]:
    """Yield what C-GET and C-MOVE are asked with: the series, or lists of its instances (PS3.4 section C.4.3.1.3)."""
    lists: list[Sequence[str]] = [()]
    if asked.sop_uids:
        lists = [
            asked.sop_uids[start : start + _UIDS_A_REQUEST] for start in range(0, len(asked.sop_uids), _UIDS_A_REQUEST)
        ]
    for sop_uids in lists:
        identifier = Dataset()
        identifier.QueryRetrieveLevel = "IMAGE" if sop_uids else "SERIES"
        if is_patient_root:
            identifier.PatientID = asked.patient_id
        identifier.StudyInstanceUID, identifier.SeriesInstanceUID = asked.study_uid, asked.series_uid
        if sop_uids:
            identifier.SOPInstanceUID = list(sop_uids)
        yield identifier


def storage_classes(asked: Asked) -> tuple[str, ...]:
    """Return the SOP Classes to propose: those that the peer named, else those that the modality writes."""
    named = dict.fromkeys(image.sop_class for image in asked.images if image.sop_class)
    if named:
        return tuple(named)
    guessed = _BY_MODALITY.get(asked.modality, tuple(one for several in _BY_MODALITY.values() for one in several))
    return (*guessed, *_ELSE)


def storage_contexts(
    classes: Sequence[str], images: Sequence[Image], *, proposal: int = 0
) -> Iterator[PresentationContext]:
    """Yield the contexts to propose for storage, in one of three ways.

    A peer chooses one syntax of a context and may not decode, so

    0. uncompressed syntaxes stand in one context, and each compressed one in a context of its own: a peer that looks
       for a context by class and syntax finds the right one for each object;
    1. all stand in one context, compressed first: a peer that looks by class alone chooses what it prefers;
    2. compressed ones stand alone: such a peer, for objects that it did not send the other ways.
    """
    known = [syntax for image in images for syntax in image.transfer_syntaxes]
    compressed = [one for one in dict.fromkeys((*known, *_USUAL)) if one not in _UNCOMPRESSED]
    if proposal == 1:
        for sop_class in classes:
            yield build_context(sop_class, [*compressed, *_UNCOMPRESSED])
        return
    for sop_class in classes if proposal == 0 else ():
        yield build_context(sop_class, list(_UNCOMPRESSED))
    for syntax in compressed:
        for sop_class in classes:
            yield build_context(sop_class, [syntax])


PROPOSALS = 3


# In the order in which archives hold them; the rest of the standard's follows while there is room.
_USUAL = list(
    dict.fromkeys(
        (
            "1.2.840.10008.1.2.4.70",
            "1.2.840.10008.1.2.4.90",
            "1.2.840.10008.1.2.4.80",
            "1.2.840.10008.1.2.5",
            "1.2.840.10008.1.2.4.91",
            "1.2.840.10008.1.2.4.50",
            "1.2.840.10008.1.2.4.51",
            "1.2.840.10008.1.2.4.57",
            "1.2.840.10008.1.2.4.81",
            "1.2.840.10008.1.2.1.99",
            *AllTransferSyntaxes,
        )
    )
)

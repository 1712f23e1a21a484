"""Bring one series, again and again until it is whole, gone, or the peer has had every chance."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from radcommons.records.errors import PeerError
from radcommons.site.fetch_find import PERMANENT, Pacs, Patience, Task
from radcommons.site.fetch_pace import Throttle
from radcommons.site.fetch_report import SeriesOutcome
from radcommons.site.fetch_state import COMPLETE, FAILED, MOVED, PARTIAL, Came, came
from radcommons.site.fetch_take import Settler, Taker
from radcommons.site.pacs_find import Image
from radcommons.site.pacs_get import PROPOSALS, Asked
from radcommons.site.store import Store


@dataclass(slots=True, kw_only=True)
class Bringer:
    """Brings series over one connection to a peer; each thread has one of its own."""

    store: Store
    pacs: Pacs
    settler: Settler
    throttle: Throttle
    parts: Path
    patience: Patience
    counted: Callable[[int], None] = lambda _: None
    _ask_for_all: bool = field(default=False, init=False)

    def bring(self, task: Task) -> SeriesOutcome:
        """Return what came of a series. What arrives counts when it is durable.

        Raises
        ------
        PeerError
            Only of the kind that no repeat mends, such as an AE title that the peer does not know.
        StorageError
            If the disk is full; what came before stays.
        """
        progress = _Progress()
        attempt = 0
        while attempt < self.patience.tries and not self.patience.stop.is_set():
            before = progress.got
            try:
                state = self._once(task, progress)
                if state:
                    return self._outcome(task, progress, state)
                progress.code = ""
            except PeerError as error:
                self.settler.drain()
                self.pacs.close()
                progress.code = error.code
                if error.code in PERMANENT:
                    raise
            # A peer that closes after every tenth object still brings a series to its end.
            attempt = 0 if progress.got > before else attempt + bool(progress.code)
            if not progress.code and progress.got == before:
                # It answered and gave nothing: it may hold what is left in a syntax that it found no context for.
                progress.proposal += 1
                if progress.proposal >= PROPOSALS:
                    break
                continue
            if progress.got == before:
                self.patience.pause(attempt)
        return self._outcome(task, progress, self._unfinished(task, progress))

    def _once(self, task: Task, progress: _Progress) -> str:
        """Ask once for what misses; return a final state, or nothing when it may be worth another question."""
        study_uid, series_uid = task.study.study_uid, task.series.series_uid
        progress.images = self.pacs.images(study_uid, series_uid)
        here = came(self.store, study_uid, series_uid)
        missing = tuple(image for image in progress.images if image.sop_uid not in here.sop_uids)
        if progress.images and not missing:
            return COMPLETE
        if not progress.images and (self.pacs.study(study_uid) is None or not task.series.count):
            return MOVED
        is_part = bool(progress.images) and len(missing) < len(progress.images) and not self._ask_for_all
        asked = Asked(
            study_uid=study_uid,
            series_uid=series_uid,
            patient_id=task.study.patient_id,
            modality=str(task.series.header.get("Modality") or "").upper(),
            images=missing,
            sop_uids=tuple(image.sop_uid for image in missing) if is_part else (),
            proposal=progress.proposal,
        )
        taker = Taker(asked, self.settler, self.throttle, self.parts, self.counted)
        try:
            self.pacs.bring(asked, taker)
        finally:
            progress.count(taker)
        self.settler.drain()
        if is_part and not taker.got:
            self._ask_for_all = (
                True  # it may not know lists of instances: then the series, and what is here comes again
            )
            progress.got += 1
        here = came(self.store, study_uid, series_uid)
        return COMPLETE if self._is_whole(task, progress, here) else ""

    def _is_whole(self, task: Task, progress: _Progress, here: Came) -> bool:
        if progress.images:
            return all(image.sop_uid in here.sop_uids for image in progress.images)
        return bool(here.sop_uids) and len(here.sop_uids) >= (task.series.count or 0)

    def _unfinished(self, task: Task, progress: _Progress) -> str:
        """Tell a peer that fails from a study that is there no more or has become another patient's."""
        with suppress(PeerError):
            now = self.pacs.study(task.study.study_uid)
            if now is None or (now.patient_id and now.patient_id != task.study.patient_id):
                return MOVED
        here = came(self.store, task.study.study_uid, task.series.series_uid)
        return PARTIAL if here.sop_uids and not progress.code else FAILED

    def _outcome(self, task: Task, progress: _Progress, state: str) -> SeriesOutcome:
        here = came(self.store, task.study.study_uid, task.series.series_uid)
        expected = len(progress.images) or task.series.count
        return SeriesOutcome(
            state=state,
            code=progress.code if state in (FAILED, PARTIAL) else "",
            expected=expected,
            here=len(here.sop_uids),
            new=progress.new,
            size=progress.size,
            strangers=progress.strangers,
            differing=here.differing,
        )


@dataclass(slots=True)
class _Progress:
    images: tuple[Image, ...] = ()
    got: int = 0
    new: int = 0
    size: int = 0
    strangers: int = 0
    code: str = ""
    proposal: int = 0

    def count(self, taker: Taker) -> None:
        self.got += taker.got
        self.new += taker.got
        self.size += taker.size
        self.strangers += taker.strangers

"""The pixels before and after with the regions in them; a person adds or removes some, and they are cleaned again."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from PIL import Image
from pydicom.uid import UID

from radcommons.dicom.deidentify_stamp import stamp_pixels_checked
from radcommons.dicom.frames import iter_frames
from radcommons.dicom.hidden import look_beside
from radcommons.dicom.pixelcover import cover
from radcommons.dicom.pixeltext import TextBox
from radcommons.dicom.render import render
from radcommons.records.errors import NotFound, UnreadableInstance, UsageError
from radcommons.records.finding import Finding, Severity
from radcommons.records.lifecycle import FileState
from radcommons.site.judge_pixels import cover_held
from radcommons.site.objects import keep_object
from radcommons.site.record import write_findings
from radcommons.site.repair import value_of
from radcommons.site.review_decide import Reviewer, mark_wrong
from radcommons.site.review_original import Row, deidentified_again, open_object, open_original, row_of, with_names
from radcommons.site.review_sample import open_round_of_file
from radcommons.site.store import Change, Store
from radcommons.site.tables import file
from radcommons.site.tables_pixels import pixel_box

LONGER_SIDE, SMALL_SIDE = 1280, 320
_KEPT_PICTURES = 128
BY_HAND = "hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A region of a frame, and whether the object that lies here has it covered."""

    id: int
    frame: int
    x: int
    y: int
    width: int
    height: int
    kind: str
    is_covered: bool


def regions(store: Store, number: int) -> list[Region]:
    """Return the regions of a file's frames, as they were found or drawn."""
    query = sa.select(pixel_box).where(pixel_box.c.file == number).order_by(pixel_box.c.frame, pixel_box.c.id)
    names = ("id", "frame", "x", "y", "width", "height", "kind", "is_covered")
    with store.read() as connection:
        return [Region(**{name: getattr(row, name) for name in names}) for row in connection.execute(query)]


@dataclass(slots=True)
class Pictures:
    """Frames as pictures for the browser; the latest stay in memory, none is written anywhere."""

    store: Store
    _kept: OrderedDict[tuple[str, int], bytes] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def after(self, number: int, *, frame: int) -> bytes:
        """Return a frame of the object that leaves, as JPEG.

        Raises
        ------
        NotFound
            If it has none, or no such frame, or nobody can decode it.
        """
        row = row_of(self.store, number)
        return self._picture(row, frame, is_before=False)

    def before(self, number: int, *, frame: int) -> bytes:
        """Return the same frame of the original, as JPEG.

        Raises
        ------
        NotFound
            Also if the original is not where it was added from.
        """
        return self._picture(row_of(self.store, number), frame, is_before=True)

    def small(self, number: int) -> bytes:
        """Return the first frame of the object that leaves, small.

        Raises
        ------
        NotFound
            As `after`.
        """
        with Image.open(io.BytesIO(self.after(number, frame=0))) as opened:
            opened.thumbnail((SMALL_SIDE, SMALL_SIDE), Image.Resampling.LANCZOS)
            out = io.BytesIO()
            opened.save(out, "JPEG", quality=85)
        return out.getvalue()

    def _picture(self, row: Row, frame: int, *, is_before: bool) -> bytes:
        key = (f"{is_before}{row.original_digest if is_before else row.object_digest}", frame)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = self._rendered(row, frame, is_before=is_before)
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > _KEPT_PICTURES:
                self._kept.popitem(last=False)
        return made

    def _rendered(self, row: Row, frame: int, *, is_before: bool) -> bytes:
        opening = open_original(self.store, row) if is_before else open_object(self.store, row)
        with opening as opened:
            if opened is None:
                raise NotFound("The original is not where it was added from.")
            try:
                picture = next(iter_frames(opened.source, opened.header, indices=[frame]))
                return render(picture, opened.header.dataset, size=LONGER_SIDE, kind="jpeg")
            except UnreadableInstance:
                raise NotFound("There is no picture of this frame.") from None


def clean_again(
    store: Store, number: int, *, covers: Collection[int], adds: Sequence[tuple[int, TextBox]], reviewer: Reviewer
) -> int:
    """Cover in a file's pixels what a person chose, and nothing else; return how many regions are covered now.

    Parameters
    ----------
    number : int
        A file that is ready or held, and in no submission.
    covers : collection of int
        Of the regions that are known, those that shall be covered.
    adds : sequence of (int, TextBox)
        Frame from 0 and region, drawn by hand.
    reviewer : Reviewer

    Raises
    ------
    NotFound
        If a covered region shall be seen again, and the original is not where it was added from.
    UsageError
        If a region lies outside of the picture, or the file cannot be changed any more.
    UnreadableInstance
        If the frames cannot be decoded.

    Notes
    -----
    In a sample of a group it counts as found wrong: what the program did to the group was not enough. So the study is
    held, and the sample enlarged. PHI: regions alone stand in the trail.
    """
    row = row_of(store, number)
    if row.state not in (FileState.READY, FileState.HELD) or row.submission is not None:
        raise UsageError("Its pixels cannot be changed any more.", mend="Withdraw it, or send a corrected version.")
    known = regions(store, number)
    shown_again = [one for one in known if one.is_covered and one.id not in covers]
    fresh = [(one.frame, _box(one)) for one in known if one.id in covers and not one.is_covered]
    if not shown_again and not fresh and not adds:
        _drop(store, number, covers, reviewer)
        return sum(one.is_covered for one in known)
    with store.read() as connection:
        found = open_round_of_file(connection, number)
    if found is not None:
        mark_wrong(store, number, found=found, reviewer=reviewer)
    if shown_again:
        stays = [(one.frame, _box(one)) for one in known if one.is_covered and one.id in covers]
        made = _remade(store, row, [*stays, *fresh, *adds])
    else:
        made = _covered(store, row, [*fresh, *adds])
    with store.change() as change:
        _write(change, row, made, covers=covers, adds=adds, reviewer=reviewer)
    return len(covers) + len(adds)


def _box(one: Region) -> TextBox:
    return TextBox(x=one.x, y=one.y, width=one.width, height=one.height, score=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    digest: str
    size: int
    transfer_syntax: str
    sop_uid: str
    findings: tuple[Finding, ...]


def _covered(store: Store, row: Row, boxes: Sequence[tuple[int, TextBox]]) -> _Made:
    written, done = cover_held(store, str(row.object_digest), boxes)
    syntax = done.pixels.transfer_syntax if done.pixels is not None else str(row.transfer_syntax)
    return _Made(
        digest=written.sha256,
        size=written.size,
        transfer_syntax=syntax,
        sop_uid=str(row.sop_uid),
        findings=done.findings,
    )


def _remade(store: Store, row: Row, boxes: Sequence[tuple[int, TextBox]]) -> _Made:
    """Make the object anew from the original, with exactly these regions covered."""
    with open_original(store, row) as opened:
        again = None if opened is None else deidentified_again(store, with_names(store, opened.header, row), row)
        if opened is None or again is None or again.done.dataset is None:
            raise NotFound("What is covered can only be shown again from the original, and that is not here any more.")
        dataset, header, source = again.done.dataset, opened.header, opened.source
        hidden = look_beside(source, header)
        if hidden.pixels is not None:
            hidden.pixels.apply_to(dataset)
            header, source = hidden.pixels.header(header), hidden.pixels.source
        done = cover(source, header, boxes)
        if done.pixels is not None:
            done.pixels.apply_to(dataset)
            header, source = done.pixels.header(header), done.pixels.source
            if again.profile.keeps_uids:  # PS3.3 C.7.6.1.1.2: other pixel values are another object
                dataset.SOPInstanceUID = UID(again.mapper.uid(f"{dataset.SOPInstanceUID}/cleaned"))
        stamp_pixels_checked(dataset)
        written = keep_object(store, dataset, header=header, source=source)
        return _Made(
            digest=written.sha256,
            size=written.size,
            transfer_syntax=header.transfer_syntax,
            sop_uid=value_of(dataset, "SOPInstanceUID"),
            findings=(*hidden.findings, *done.findings),
        )


def _drop(store: Store, number: int, covers: Collection[int], reviewer: Reviewer) -> None:
    """Forget regions that a person found to be no writing, where nothing was covered yet."""
    gone = (pixel_box.c.file == number, pixel_box.c.is_covered.is_(False), pixel_box.c.id.not_in(list(covers)))
    with store.change() as change:
        done = change.connection.execute(pixel_box.delete().where(*gone))
        if done.rowcount:
            change.tell("review.regions-dropped", subject=f"file:{number}", actor=reviewer.told_as, count=done.rowcount)


def _write(
    change: Change,
    row: Row,
    made: _Made,
    *,
    covers: Collection[int],
    adds: Sequence[tuple[int, TextBox]],
    reviewer: Reviewer,
) -> None:
    connection = change.connection
    mine = (file.c.id == row.id, file.c.object_digest == row.object_digest, file.c.submission.is_(None))
    values = {
        "object_digest": made.digest,
        "object_size": made.size,
        "transfer_syntax": made.transfer_syntax,
        "sop_uid": made.sop_uid,
    }
    if not connection.execute(file.update().where(*mine).values(**values)).rowcount:
        raise UsageError("Somebody changed its pixels a moment ago.", mend="Look at it again.")
    known = (pixel_box.c.file == row.id, pixel_box.c.id.in_(list(covers)))
    connection.execute(pixel_box.delete().where(pixel_box.c.file == row.id, pixel_box.c.id.not_in(list(covers))))
    connection.execute(pixel_box.update().where(*known).values(is_covered=True))
    drawn = [
        {
            "file": row.id,
            "frame": frame,
            "x": box.x,
            "y": box.y,
            "width": box.width,
            "height": box.height,
            "kind": BY_HAND,
            "is_covered": True,
        }
        for frame, box in adds
    ]
    if drawn:
        connection.execute(pixel_box.insert(), drawn)
    number = int(str(row.id))
    write_findings(change, number, [one for one in made.findings if one.severity is Severity.NOTE])
    change.tell(
        "review.cleaned-again",
        subject=f"file:{number}",
        actor=reviewer.told_as,
        covered=len(covers) + len(adds),
        by_hand=len(adds),
    )

"""Pictures of instances for people: rendered on request, kept in memory for a short while."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import BoundedSemaphore

import sqlalchemy as sa

from radcommons.access.memory import Memory
from radcommons.catalogue import thumbnails
from radcommons.catalogue.images import InstanceRow
from radcommons.dicom.frames import iter_frames
from radcommons.dicom.read import read_header
from radcommons.dicom.render import render, shrunk
from radcommons.dicomweb.errors import QueryError
from radcommons.platform.objects import Objects, object_key
from radcommons.records.errors import NotFound

# Windows by name as radiologists choose them, (center, width) in HU.
WINDOWS: dict[str, tuple[float, float]] = {"lung": (-600, 1500), "soft": (40, 400), "bone": (400, 1800)}
_KEPT_BYTES = 64 << 20
_RENDERING = BoundedSemaphore(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How to show an instance.

    Parameters
    ----------
    frame : int
        From 0.
    size : int or None
        The longer side at most.
    window : (center, width) or None
        None: the instance's own or a fitting one.
    kind : {"jpeg", "png"}
    quality : int
        Of a JPEG, 1 to 100.
    region : (left, top, width, height) or None
        The part of the frame to show, in its pixels.
    """

    frame: int = 0
    size: int | None = None
    window: tuple[float, float] | None = None
    kind: str = "jpeg"
    quality: int = 85
    region: tuple[int, int, int, int] | None = None


class Pictures:
    """A bounded memory of rendered pictures."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._memory = Memory(_KEPT_BYTES, clock=clock)

    def picture(self, instance: InstanceRow, look: Look, *, objects: Objects) -> bytes:
        """Return a picture of an instance.

        Raises
        ------
        NotFound
            If the instance has no such frame.
        UnreadableInstance
            If its pixels cannot be decoded.
        """
        found = self.kept(instance, look)
        if found is None:
            found = _render(instance, look, objects=objects)
            self._memory.keep((instance.digest, look), found)
        return found

    def small(self, instance: InstanceRow, look: Look, *, engine: sa.Engine, objects: Objects) -> bytes | None:
        """Return a picture made of the thumbnail that is kept; None where it asks for another. Raises as above."""
        if look.size is None or look.size > thumbnails.SIDE or look != Look(frame=look.frame, size=look.size):
            return None
        with _RENDERING:
            found = thumbnails.kept(engine, instance) or thumbnails.make(engine, instance, objects=objects)
        found = shrunk(found, size=look.size)
        self._memory.keep((instance.digest, look), found)
        return found

    def kept(self, instance: InstanceRow, look: Look) -> bytes | None:
        """Return a picture that was made lately, None where it would have to be made."""
        return self._memory.get((instance.digest, look))

    def forget(self, digests: frozenset[str]) -> None:
        """Drop the pictures of instances."""
        self._memory.forget(lambda key: isinstance(key, tuple) and key[0] in digests)


def _render(instance: InstanceRow, look: Look, *, objects: Objects) -> bytes:
    if instance.frames is None or not 0 <= look.frame < instance.frames:
        raise NotFound("The instance has no such frame.")
    # Decoding takes a core and the memory of a frame: more at once would only wait for each other.
    with _RENDERING, objects.open(object_key(instance.digest)) as source:
        header = read_header(source)
        frame = next(iter_frames(source, header, indices=[look.frame]))
        if look.region is not None:
            left, top, width, height = look.region
            frame = frame[top : top + height, left : left + width]
            if not frame.size:
                raise QueryError("The parameter viewport names a region outside of the image.")
        return render(frame, header.dataset, window=look.window, size=look.size, kind=look.kind, quality=look.quality)

"""Pictures of instances for people: rendered on request, kept in memory for a short while."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock

from radcommons.catalogue.images import InstanceRow
from radcommons.dicom.frames import iter_frames
from radcommons.dicom.read import read_header
from radcommons.dicom.render import render
from radcommons.platform.objects import Objects, object_key
from radcommons.records.errors import NotFound

# Windows by name as radiologists choose them, (center, width) in HU.
WINDOWS: dict[str, tuple[float, float]] = {"lung": (-600, 1500), "soft": (40, 400), "bone": (400, 1800)}
_KEPT_BYTES = 64 << 20
# A withdrawn instance is refused before the cache is asked; its picture leaves memory within this time.
_KEPT_S = 600.0
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
    """

    frame: int = 0
    size: int | None = None
    window: tuple[float, float] | None = None
    kind: str = "jpeg"


class Pictures:
    """A bounded memory of rendered pictures."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._held: OrderedDict[tuple[str, Look], tuple[float, bytes]] = OrderedDict()
        self._bytes = 0

    def picture(self, instance: InstanceRow, look: Look, *, objects: Objects) -> bytes:
        """Return a picture of an instance.

        Raises
        ------
        NotFound
            If the instance has no such frame.
        UnreadableInstance
            If its pixels cannot be decoded.
        """
        key = (instance.digest, look)
        found = self._get(key)
        if found is None:
            found = _render(instance, look, objects=objects)
            self._keep(key, found)
        return found

    def forget(self, digests: frozenset[str]) -> None:
        """Drop the pictures of instances."""
        with self._lock:
            for key in [key for key in self._held if key[0] in digests]:
                self._drop(key)

    def _get(self, key: tuple[str, Look]) -> bytes | None:
        with self._lock:
            self._expire()
            held = self._held.get(key)
            return held[1] if held else None

    def _keep(self, key: tuple[str, Look], picture: bytes) -> None:
        with self._lock:
            if key in self._held:
                return
            self._held[key] = (self._clock(), picture)
            self._bytes += len(picture)
            while self._bytes > _KEPT_BYTES:
                self._drop(next(iter(self._held)))

    def _expire(self) -> None:
        while self._held:
            key, (since, _) = next(iter(self._held.items()))
            if self._clock() - since < _KEPT_S:
                return
            self._drop(key)

    def _drop(self, key: tuple[str, Look]) -> None:
        self._bytes -= len(self._held.pop(key)[1])


def _render(instance: InstanceRow, look: Look, *, objects: Objects) -> bytes:
    if instance.frames is None or not 0 <= look.frame < instance.frames:
        raise NotFound("The instance has no such frame.")
    # Decoding takes a core and the memory of a frame: more at once would only wait for each other.
    with _RENDERING, objects.open(object_key(instance.digest)) as source:
        header = read_header(source)
        frame = next(iter_frames(source, header, indices=[look.frame]))
        return render(frame, header.dataset, window=look.window, size=look.size, kind=look.kind)

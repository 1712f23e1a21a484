"""The canary set: invented cases with one invented identity hidden in every place that leaked somewhere before.

A hub makes the set from a seed of its own, a gateway puts it through its real pipeline, and whatever comes out is
searched for what was hidden. The same seed gives the same bytes, so the hub keeps nothing but the seed.
"""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from radcommons.synthetic import canary_derived, canary_images
from radcommons.synthetic.canary_base import Built, Hidden
from radcommons.synthetic.instances import encode, file_meta

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One file of the set.

    Parameters
    ----------
    name : str
        Names the case in reports.
    tells : str
        What is hidden where, in words.
    path : str
        Where it lies in the set; some paths carry identity.
    content : bytes
    must_come : bool
        An ordinary image with a clean picture: a gateway that lets none of these out has shown nothing.
    writing : ndarray of bool or None
        Where the letters of the patient's name stand in the picture.
    """

    name: str
    tells: str
    path: str
    content: bytes
    must_come: bool
    writing: Mask | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CanarySet:
    """All cases, and what must not be found in what comes out of a gateway: {value: what it is}."""

    cases: tuple[Case, ...]
    hidden: dict[str, str]

    def zipped(self) -> bytes:
        """Return the set as a ZIP archive, the same bytes each time."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for case in self.cases:
                archive.writestr(zipfile.ZipInfo(case.path, (2020, 3, 15, 12, 0, 0)), case.content)
        return out.getvalue()


_BUILDERS: tuple[Callable[[Hidden], Iterator[Built]], ...] = (canary_images.cases, canary_derived.cases)


def canary_set(seed: int) -> CanarySet:
    """Return the set of a seed."""
    hidden = Hidden.of(random.Random(seed))  # noqa: S311  (the seed is the secret, not the generator)
    built = [one for builder in _BUILDERS for one in builder(hidden)]
    cases = tuple(_case(number, one, hidden) for number, one in enumerate(built, start=1))
    return CanarySet(cases=cases, hidden=hidden.values())


def _case(number: int, built: Built, hidden: Hidden) -> Case:
    dataset = built.dataset
    dataset.InstanceNumber = number
    return Case(
        name=f"{number:02d}-{built.name}",
        tells=built.tells,
        path=built.path or f"set/IM{number:04d}",
        content=_bytes(dataset, built, hidden),
        must_come=built.must_come,
        writing=built.writing,
    )


def _bytes(dataset: Dataset, built: Built, hidden: Hidden) -> bytes:
    if "PixelData" in dataset and built.syntax != ExplicitVRLittleEndian:
        encode(dataset, built.syntax)
    else:
        dataset.file_meta = file_meta(dataset, built.syntax)
    dataset.preamble = hidden.in_preamble if built.marks_preamble else b"\0" * 128
    if built.after is not None:
        built.after(dataset)
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()

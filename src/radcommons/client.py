"""The commons from Python: datasets and releases, their studies and series, a series as an array.

    from radcommons.client import Hub

    hub = Hub("https://commons.example.org", folder="data")
    release = hub.release("covid-chest-1")
    for series in release.series(modality="CT"):
        volume = series.open()
        print(series.patient, volume.array.shape, volume.spacing_mm)

A series is downloaded when it is opened, into the layout of `radcommons get`, so that both go on where the other
stopped and `radcommons verify` checks it. Every digest is checked; what was withdrawn is not there.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Generic, TypeVar

from radcommons.access.copying import GOOD, WITHDRAWN, Wanted, copy
from radcommons.access.fetch import Documents, read_documents, write_documents
from radcommons.access.holding import TABLE
from radcommons.access.hubclient import HubClient, hub_address
from radcommons.access.source import Source, resolve
from radcommons.dicom.volume import Volume, read_volume
from radcommons.records.clinical import ClinicalRow
from radcommons.records.errors import IntegrityError, PeerError, UsageError, Withdrawn

__all__ = ["Dataset", "Hub", "Release", "ReleaseSummary", "Series", "SeriesDataset", "Study", "Volume"]

T = TypeVar("T")
_FACTS = ("patient", "study_instance_uid", "series_instance_uid", "modality")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A named line of releases."""

    name: str
    title: str
    tier: str
    steward: str
    releases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSummary:
    """What is public of a release. `is_open` says whether its images are for whoever asks."""

    id: str
    dataset: str
    title: str
    tier: str
    created_at: str
    license: str
    citation: str
    counts: dict[str, int]
    withdrawn: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub, as one person sees it.

    Parameters
    ----------
    url : str
    token : str, optional
        By default that of RADCOMMONS_TOKEN. It goes to this hub alone, and stands in no text form.
    folder : Path or str
        Where downloads lie, each release in a folder of its own name.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    folder: Path | str = "."

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", hub_address(self.url))
        object.__setattr__(self, "token", self.token or os.environ.get("RADCOMMONS_TOKEN"))

    def client(self) -> HubClient:
        """Return a new connection; close it after use."""
        return HubClient(self.url, token=self.token)

    def _asked(self, path: str) -> Any:
        with self.client() as client:
            return json.loads(client.get(path))

    def datasets(self) -> list[Dataset]:
        """Return the datasets. Raises PeerError."""
        names = [one for one in Dataset.__slots__ if one != "releases"]
        return [
            Dataset(releases=tuple(row["releases"]), **{name: row[name] for name in names})
            for row in self._asked("/api/v1/datasets")["datasets"]
        ]

    def releases(self, dataset: str | None = None) -> list[ReleaseSummary]:
        """Return the releases, the newest first; those of one dataset where it is named. Raises PeerError."""
        rows = self._asked("/api/v1/releases")["releases"]
        return [
            ReleaseSummary(
                license=str(row["terms"]["license"]),
                **{name: row[name] for name in ReleaseSummary.__slots__ if name != "license"},
            )
            for row in rows
            if dataset in (None, row["dataset"])
        ]

    def release(self, identifier: str) -> Release:
        """Return a release by its name or address: manifest and feed are fetched and checked, no image yet.

        Raises
        ------
        SignInRequired, NotPermitted, NotFound, PeerError
        IntegrityError
            If a signature or the feed does not agree, or the hub's key is not the one of the first download.
        """
        return self._opened(resolve(identifier, hub=self.url))

    def cohort(self, table: str) -> Release:
        """Return what a cohort's page or a table of files names (``manifest.csv``); nobody signed it.

        Raises
        ------
        DocumentError
            If the table does not fit, or a path in it would leave the folder.
        """
        return self._opened(resolve(table, hub=self.url, has_token=True))

    def _opened(self, source: Source) -> Release:
        if source.hub != self.url:
            raise UsageError("The address is one of another hub.", mend="Make a Hub with that address.")
        folder = Path(self.folder) / source.release.removesuffix(".csv")
        with self.client() as client:
            documents = read_documents(client, source, folder=folder)
        write_documents(folder, documents)
        return Release(self, folder, documents)


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a release; its files come when they are asked for."""

    patient: str
    study_instance_uid: str
    series_instance_uid: str
    modality: str
    files: tuple[Wanted, ...] = field(repr=False)
    folder: Path = field(repr=False)
    hub: Hub = field(repr=False)

    def __len__(self) -> int:
        """Return the number of instances."""
        return len(self.files)

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(one.size for one in self.files)

    def fetch(self, *, jobs: int = 8) -> list[Path]:
        """Download what is missing and return the files; each has the digest that the manifest names.

        Raises
        ------
        Withdrawn
            If an instance was taken back meanwhile.
        SignInRequired, NotPermitted, PeerError, StorageError
        """
        with self.hub.client() as client:
            copied = copy(self.files, client=client, folder=self.folder, jobs=min(jobs, len(self.files)))
        outcomes = dict(copied.outcomes)
        if WITHDRAWN in outcomes.values():
            raise Withdrawn("An instance of this series was withdrawn.", mend="Leave the series out.")
        failed = [outcome for outcome in outcomes.values() if outcome not in GOOD]
        if failed:
            raise PeerError(f"{len(failed)} files did not come ({failed[0]}).", mend="Try again: the others are kept.")
        return [self.folder / one.path for one in self.files]

    def open(self) -> Volume:
        """Return the series as one array with its place in the patient. Raises what `fetch` and `read_volume` do."""
        return read_volume(self.fetch())


@dataclass(frozen=True, slots=True)
class Study:
    """One study of a release."""

    patient: str
    study_instance_uid: str
    series: tuple[Series, ...]
    clinical: tuple[ClinicalRow, ...] = field(repr=False, default=())


class Release:
    """A release, or what a cohort names: its series and studies, without those that were withdrawn.

    Parameters
    ----------
    hub : Hub
    folder : Path
        Where its files lie.
    documents : Documents
        The manifest and the feed, checked.
    """

    def __init__(self, hub: Hub, folder: Path, documents: Documents) -> None:
        self.id, self.folder, self._documents = documents.name, folder, documents
        gone = documents.gone
        rows = [(facts, one) for facts, one in _facts(documents) if one.digest not in gone]
        rows.sort(key=lambda row: row[0][:3])
        self._series = tuple(
            Series(patient, study, series, modality, tuple(one for _, one in some), folder, hub)
            for (patient, study, series, modality), some in groupby(rows, key=lambda row: row[0])
        )

    def __repr__(self) -> str:
        return f"Release({self.id!r}, {len(self._series)} series)"

    @property
    def citation(self) -> str:
        """How to cite it; empty for a cohort, whose releases are cited."""
        return self._documents.release.citation if self._documents.release else ""

    @property
    def clinical(self) -> tuple[ClinicalRow, ...]:
        """The clinical rows; a cohort's are in its releases."""
        return self._documents.release.clinical if self._documents.release else ()

    def series(self, *, modality: str | None = None, patients: Iterable[str] | None = None) -> list[Series]:
        """Return the series in the order of patient, study and series; narrowed where asked."""
        wanted = None if patients is None else frozenset(patients)
        return [
            one
            for one in self._series
            if modality in (None, one.modality) and (wanted is None or one.patient in wanted)
        ]

    def studies(self) -> Iterator[Study]:
        """Yield the studies in the order of patient and study."""
        for (patient, uid), some in groupby(self._series, key=lambda one: (one.patient, one.study_instance_uid)):
            rows = tuple(row for row in self.clinical if row.patient == patient)
            yield Study(patient, uid, tuple(some), rows)

    def fetch(self, *, jobs: int = 8) -> None:
        """Download everything that is missing. Raises what `Series.fetch` does, and IntegrityError."""
        files = [one for series in self._series for one in series.files]
        if not files:
            return
        with self._series[0].hub.client() as client:
            copied = copy(files, client=client, folder=self.folder, jobs=jobs)
        failed = sum(outcome not in GOOD for _, outcome in copied.outcomes)
        if failed:
            raise IntegrityError(f"{failed} files did not come as the manifest names them.", mend="Try again.")


def _facts(documents: Documents) -> Iterator[tuple[tuple[str, str, str, str], Wanted]]:
    """Yield (patient, study, series, modality) with each file."""
    if documents.release is not None:
        for item, one in zip(documents.release.items, documents.files, strict=True):
            yield (item.patient, item.study_instance_uid, item.series_instance_uid, item.modality), one
        return
    content = dict(documents.contents)[TABLE].decode("utf-8-sig")
    for row, one in zip(csv.DictReader(io.StringIO(content)), documents.files, strict=True):
        patient, study, series, modality = (row.get(name) or "" for name in _FACTS)
        yield (patient, study, series, modality), one


def _whole(series: Series, volume: Volume) -> tuple[Volume, Series]:
    return volume, series


class SeriesDataset(Generic[T]):
    """Series as a map-style dataset, as `torch.utils.data.DataLoader` takes it; torch itself is not needed.

    Parameters
    ----------
    series : sequence of Series
    make : callable, optional
        Called with (series, volume) and returns the sample; by default (volume, series). Give a function of a module,
        not a lambda, where workers are processes of their own.

    Notes
    -----
    A sample is downloaded at its first use and read from the folder afterwards.
    """

    def __init__(self, series: Sequence[Series], make: Callable[[Series, Volume], T] | None = None) -> None:
        self._series = tuple(series)
        self._make: Callable[[Series, Volume], Any] = make or _whole

    def __len__(self) -> int:
        """Return the number of series."""
        return len(self._series)

    def __getitem__(self, index: int) -> T:
        """Return one sample. Raises IndexError, and what `Series.open` does."""
        one = self._series[index]
        sample: T = self._make(one, one.open())
        return sample

"""A folder of synthetic patients as hospitals would export them, with what a receiver ought to find in it."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from radcommons.synthetic.clinical import ClinicalRow, row_for, write_table
from radcommons.synthetic.export import SeriesTask, Written, write_series
from radcommons.synthetic.headers import StudyPlan, age_on, uid
from radcommons.synthetic.identity import Hospital, Person, hospital_for, person_for
from radcommons.synthetic.recipes import RECIPES, CtSeries, Recipe

_README = "Export of the radiology archive. Images are below, one folder for each patient. Invented; no such patient.\n"
_KEPT_OF_BROKEN = 0.6
_HEALED = 0.45


@dataclass(frozen=True, slots=True)
class SyntheticPatient:
    """One patient of a collection, and what a protocol should decide.

    Parameters
    ----------
    site, patient_id : str
    role : {'positive', 'negative', 'minor', 'unknown'}
        See `recipes.Recipe`.
    age_years : int
        At the first study.
    studies, instances : int
        Usable ones; the duplicate and the broken file are not among them.
    """

    site: str
    patient_id: str
    role: str
    age_years: int
    studies: int
    instances: int


@dataclass(frozen=True, slots=True)
class Collection:
    """What was written, and what a receiver ought to find under the protocol `any-imaging`.

    Parameters
    ----------
    root : Path
        Holds one folder for each site.
    sites : tuple of str
    people : tuple of SyntheticPatient
    seen : int
        Files after unpacking archives, of every kind: `usable + held + duplicate + broken + ignored`.
    usable : int
        Distinct image instances that read and carry no text in their pixels.
    held, duplicate, broken, ignored : int
        Text in pixels; the same bytes again; cut short; no image object at all.
    size_bytes : int
        On disk.
    canaries : frozenset of str
        Every invented identity string in headers, pixels, tables and folder names; none may leave a site.
    original_uids : frozenset of str
        Every study, series, frame of reference and instance UID; none may leave a site.
    """

    root: Path
    sites: tuple[str, ...]
    people: tuple[SyntheticPatient, ...]
    seen: int
    usable: int
    held: int
    duplicate: int
    broken: int
    ignored: int
    studies: int
    size_bytes: int
    canaries: frozenset[str]
    original_uids: frozenset[str]
    held_files: tuple[Path, ...]
    broken_files: tuple[Path, ...]
    duplicate_files: tuple[Path, ...]

    @property
    def patients(self) -> int:
        """Number of patients."""
        return len(self.people)

    @property
    def instances(self) -> int:
        """Distinct readable instances: usable and held."""
        return self.usable + self.held

    def folder(self, site: str) -> Path:
        """Return the export of one site."""
        return self.root / site

    def clinical(self, site: str) -> Path:
        """Return the clinical table of one site."""
        return self.root / site / "clinical.csv"


@dataclass(frozen=True, slots=True)
class _Case:
    number: int
    site: str
    recipe: Recipe
    person: Person
    row: ClinicalRow | None
    folder: Path
    tasks: tuple[SeriesTask, ...]


def write_collection(
    target: Path,
    *,
    seed: int = 2020,
    patients: int = 12,
    sites: Sequence[str] = ("ALFA", "BRAVO"),
    slices: int | None = None,
    jobs: int | None = None,
) -> Collection:
    """Write the exports of several hospitals under `target`.

    Parameters
    ----------
    target : Path
        Made when missing; a folder for each site is written into it.
    seed : int
        Same seed and arguments, same bytes.
    patients : int
        The patients take the rows of `recipes.RECIPES` in turn, and the sites in turn.
    sites : sequence of str
        Site codes.
    slices : int, optional
        Most slices of any CT series: a small number makes a small collection quickly.
    jobs : int, optional
        Processes; by default one for each processor, at most four. 1 works in this process.

    Returns
    -------
    Collection
    """
    hospitals = {site: hospital_for(site, number) for number, site in enumerate(sites)}
    cases = [_case(target, number, sites[number % len(sites)], hospitals, seed, slices) for number in range(patients)]
    tasks = [task for case in cases for task in case.tasks]
    written = _run(tasks, jobs)
    duplicates = [_duplicate(written[0], target / sites[0])] if written else []
    broken = [path for task in tasks if task.broken is not None for path in [task.broken]]
    for path in broken:
        _cut(path)
    for site in sites:
        write_table(_made(target / site) / "clinical.csv", [c.row for c in cases if c.site == site and c.row])
        (target / site / "README.txt").write_text(_README, encoding="utf-8")
    for case in cases:
        if case.recipe.zipped:
            _zip(case.folder)
    return _collection(target, tuple(sites), hospitals.values(), cases, written, duplicates, broken)


def _case(target: Path, number: int, site: str, hospitals: dict[str, Hospital], seed: int, slices: int | None) -> _Case:
    recipe = RECIPES[number % len(RECIPES)]
    random = np.random.default_rng([seed, number, 37])
    first = datetime(2020, 3, 9, 8, 0, tzinfo=UTC) + timedelta(
        days=int(random.integers(0, 300)), minutes=int(random.integers(600))
    )
    person = person_for(
        seed=seed,
        number=number,
        culture=recipe.culture,
        sex=recipe.sex,
        age_years=recipe.age_years,
        on=first.date(),
        visits=len(recipe.visits),
    )
    by_name = list(hospitals).index(site) % 2 == 1
    name = f"{person.plain_family}_{person.plain_given}" if by_name else person.patient_id
    folder = target / site / ("EXPORT" if by_name else "DICOM") / name
    tasks = _tasks(folder, recipe, person, hospitals[site], first, seed=seed, number=number, slices=slices)
    if number == min(1, len(hospitals) - 1):
        tasks[0] = replace(tasks[0], with_broken=True)
    row = row_for(person, recipe, on=first.date(), seed=seed, number=number)
    return _Case(number, site, recipe, person, row, folder, tuple(tasks))


def _tasks(
    folder: Path,
    recipe: Recipe,
    person: Person,
    hospital: Hospital,
    first: datetime,
    *,
    seed: int,
    number: int,
    slices: int | None,
) -> list[SeriesTask]:
    tasks: list[SeriesTask] = []
    earlier = ""
    for order, visit in enumerate(recipe.visits):
        key = f"{seed}-{number}-{order}"
        study = StudyPlan(
            key=key,
            study_uid=uid(key, "study"),
            frame_of_reference_uid=uid(key, "frame"),
            at=first + timedelta(days=visit.days_later),
            accession=person.accessions[order],
            description="CT Thorax" if isinstance(visit.series[0], CtSeries) else "XR Thorax",
            earlier_study_uid=earlier,
        )
        earlier = study.study_uid
        for index, series in enumerate(visit.series, start=1):
            if isinstance(series, CtSeries) and slices is not None:
                series = replace(series, slices=min(series.slices, slices))
            task = SeriesTask(
                folder=folder / f"{study.at:%Y%m%d}" / f"SE{index:06d}",
                seed=seed * 100 + number,
                recipe=recipe,
                visit=visit,
                series=series,
                number=index,
                person=person,
                hospital=hospital,
                study=study,
                healed=_HEALED if visit.days_later else 1.0,
            )
            tasks.append(task)
    return tasks


def _run(tasks: list[SeriesTask], jobs: int | None) -> list[Written]:
    workers = min(4, os.cpu_count() or 1) if jobs is None else jobs
    if workers <= 1 or len(tasks) < 2:
        return [write_series(task) for task in tasks]
    order = sorted(range(len(tasks)), key=lambda number: -tasks[number].weight)
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = {number: pool.submit(write_series, tasks[number]) for number in order}
        return [running[number].result() for number in range(len(tasks))]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _duplicate(first: Written, site: Path) -> Path:
    place = _made(site / "DICOM" / "again") / "IMG0001.dcm"
    shutil.copyfile(first.paths[len(first.paths) // 2], place)
    return place


def _cut(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * _KEPT_OF_BROKEN)])


def _zip(folder: Path) -> None:
    """Pack the folder into an archive beside it, with fixed times so that the bytes are the same each time."""
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(str(path.relative_to(folder.parent)), (2020, 4, 1, 0, 0, 0))
                archive.writestr(entry, path.read_bytes())
    shutil.rmtree(folder)


def _collection(
    target: Path,
    sites: tuple[str, ...],
    hospitals: Iterable[Hospital],
    cases: list[_Case],
    written: list[Written],
    duplicates: list[Path],
    broken: list[Path],
) -> Collection:
    held = [path for part in written for path in part.held]
    usable = sum(len(part.paths) for part in written) - len(held)
    ignored = 2 * len(sites)
    by_case = _instances_by_case(cases, written)
    people = tuple(_summary(case, count) for case, count in zip(cases, by_case, strict=True))
    staff = {word for hospital in hospitals for word in hospital.canaries}
    return Collection(
        root=target,
        sites=sites,
        people=people,
        seen=usable + len(held) + len(duplicates) + len(broken) + ignored,
        usable=usable,
        held=len(held),
        duplicate=len(duplicates),
        broken=len(broken),
        ignored=ignored,
        studies=sum(person.studies for person in people),
        size_bytes=sum(path.stat().st_size for path in target.rglob("*") if path.is_file()),
        canaries=frozenset(word for case in cases for word in case.person.canaries) | staff | _folded(staff),
        original_uids=frozenset(value for part in written for value in part.uids),
        held_files=tuple(held),
        broken_files=tuple(broken),
        duplicate_files=tuple(duplicates),
    )


def _folded(words: Iterable[str]) -> frozenset[str]:
    """Return the words as they are written where the character set has no accents."""
    return frozenset(unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode() for word in words)


def _instances_by_case(cases: list[_Case], written: list[Written]) -> list[int]:
    counts, position = [], 0
    for case in cases:
        mine = written[position : position + len(case.tasks)]
        counts.append(sum(len(part.paths) for part in mine))
        position += len(case.tasks)
    return counts


def _summary(case: _Case, instances: int) -> SyntheticPatient:
    return SyntheticPatient(
        site=case.site,
        patient_id=case.person.patient_id,
        role=case.recipe.role,
        age_years=age_on(case.person.birth, case.tasks[0].study.at.date()),
        studies=len(case.recipe.visits),
        instances=instances,
    )

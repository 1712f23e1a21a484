"""Writing one series of a synthetic study to disk: the unit of work of a process."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID

from radcommons.synthetic.headers import StudyPlan, identity_header, series_header, uid
from radcommons.synthetic.identity import Hospital, Person
from radcommons.synthetic.instances import ct_instances, encode, film_instance
from radcommons.synthetic.phantom import make_phantom
from radcommons.synthetic.radiograph import project
from radcommons.synthetic.recipes import CtSeries, Film, Recipe, Visit
from radcommons.synthetic.vendors import VENDORS, Vendor


@dataclass(frozen=True, slots=True)
class SeriesTask:
    """Everything that a process needs to write one series.

    Parameters
    ----------
    folder : Path
    seed : int
        Of the patient's body: two series of one patient show one chest.
    healed : float
        Share of the disease that is still there at this visit.
    with_broken : bool
        Whether one more file is written that the caller will cut short.
    """

    folder: Path
    seed: int
    recipe: Recipe
    visit: Visit
    series: CtSeries | Film
    number: int
    person: Person
    hospital: Hospital
    study: StudyPlan
    healed: float = 1.0
    with_broken: bool = False

    @property
    def broken(self) -> Path | None:
        """The file that will be cut short."""
        return self.folder / "IM999999" if self.with_broken else None

    @property
    def weight(self) -> float:
        """How long the task takes, about, in slices of 256 pixels."""
        return self.series.slices * (self.series.size_px / 256) ** 2 if isinstance(self.series, CtSeries) else 60


@dataclass(frozen=True, slots=True)
class Written:
    """The files of one series.

    Parameters
    ----------
    paths : tuple of Path
        Readable instances.
    held : tuple of Path
        Those of them with a patient's name in the pixels.
    uids : frozenset of str
    """

    paths: tuple[Path, ...]
    held: tuple[Path, ...]
    uids: frozenset[str]


def write_series(task: SeriesTask) -> Written:
    """Write the files of one series and return where they are."""
    task.folder.mkdir(parents=True, exist_ok=True)
    vendor = VENDORS[task.visit.vendor]
    shared = identity_header(task.person, task.hospital, vendor, task.study, number=2 + task.seed % 7)
    shared.update(series_header(task.study, number=task.number, description=_words(task.series)))
    paths: list[Path] = []
    uids = {task.study.study_uid, str(shared.SeriesInstanceUID)}
    for number, instance in enumerate(_instances(task, shared, vendor), start=1):
        uids.add(str(instance.SOPInstanceUID))
        paths.append(task.folder / f"IM{number:06d}")
        _save(instance, task.visit.syntax, paths[-1])
        if number == 1 and task.broken is not None:
            _save_extra(instance, task.broken)
    if "FrameOfReferenceUID" in shared:
        uids.add(task.study.frame_of_reference_uid)
    marked = isinstance(task.series, Film) and task.series.text_in_pixels
    return Written(paths=tuple(paths), held=tuple(paths) if marked else (), uids=frozenset(uids))


def _words(series: CtSeries | Film) -> str:
    if isinstance(series, Film):
        return f"Thorax {series.view}"
    return f"Thorax {series.thickness_mm:g} {'Lung' if series.sharp else 'Body'}"


def _instances(task: SeriesTask, shared: Dataset, vendor: Vendor) -> Iterator[Dataset]:
    recipe, series = task.recipe, task.series
    extent, dense = recipe.extent * task.healed, recipe.dense * task.healed
    if isinstance(series, Film):
        person = task.person
        lines = (f"{person.plain_family} {person.plain_given}", f"{person.birth:%d.%m.%Y}  {person.patient_id}")
        film = project(
            task.seed,
            sex=recipe.sex,
            age_years=recipe.age_years,
            view=series.view,
            photometric=series.photometric,
            extent=extent,
            dense=dense,
            marker="R" if task.seed % 3 == 0 else "L",
            burned_in=lines if series.text_in_pixels else (),
        )
        instance = film_instance(shared, film, vendor, number=1, at=task.study.at)
        if series.text_in_pixels:
            instance.BurnedInAnnotation = "YES"
        yield instance
        return
    phantom = make_phantom(
        task.seed,
        sex=recipe.sex,
        age_years=recipe.age_years,
        slices=series.slices,
        size_px=series.size_px,
        slice_mm=series.between_mm,
        extent=extent,
        dense=dense,
        enhanced=series.enhanced,
        noise_hu=28.0 if series.sharp else 13.0,
    )
    shared.FrameOfReferenceUID = task.study.frame_of_reference_uid
    yield from ct_instances(
        shared,
        phantom,
        vendor,
        kernel=vendor.kernels[int(series.sharp)],
        thickness_mm=series.thickness_mm,
        at=task.study.at,
        enhanced=series.enhanced,
    )


def _save(instance: Dataset, syntax: UID, path: Path) -> None:
    encode(instance, syntax)
    instance.save_as(path, enforce_file_format=True)


def _save_extra(instance: Dataset, path: Path) -> None:
    extra = copy.copy(instance)
    extra.InstanceNumber = 999
    extra.SOPInstanceUID = uid(instance.SOPInstanceUID, "broken")
    extra.file_meta = copy.deepcopy(instance.file_meta)
    extra.file_meta.MediaStorageSOPInstanceUID = extra.SOPInstanceUID
    extra.save_as(path, enforce_file_format=True)

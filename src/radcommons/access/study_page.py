"""What the study pages show: cards of a list, and one series slice by slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from pydicom.uid import UID

from radcommons.access.answers import Urls
from radcommons.access.overview import UNKNOWN, age_text, modality_name, sex_name
from radcommons.access.preview import WINDOWS
from radcommons.catalogue.images import InstanceRow, SeriesRow, StudyRow
from radcommons.ui.filters import in_bytes, plural

# A slice on the study page: large enough for a look, small enough for a slow line.
_SIDE = 768
_WINDOW_NAMES = {"lung": "Lung", "soft": "Soft tissue", "bone": "Bone"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyCard:
    """One study in a list."""

    uid: str
    title: str
    line: str
    mark: str
    image: str
    site: str
    size: str
    badges: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link of the study page: text, address, and whether it is what is shown."""

    text: str
    href: str
    is_current: bool = False
    image: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """One series on the screen; `number` and the lengths count from 1. `sources` are the pictures in their order."""

    series: tuple[Link, ...]
    title: str
    sources: tuple[str, ...]
    number: int
    previous: str
    next: str
    windows: tuple[Link, ...]
    hidden: tuple[tuple[str, str], ...]

    @property
    def image(self) -> str:
        """Return the picture that is shown first."""
        return self.sources[self.number - 1]


def study_title(row: StudyRow) -> str:
    """Return what a study is called: its description, else its modalities."""
    if row.description:
        return row.description
    return " and ".join(map(modality_name, row.modalities)) or "Study"


def person_line(row: StudyRow) -> str:
    """Return sex and age in a line."""
    sex = sex_name(row.patient_sex)
    parts = [sex if sex != UNKNOWN else "", age_text(row.patient_age)]
    return ", ".join(part for part in parts if part) or "Sex and age not recorded"


def clinical_badges(row: StudyRow, clinical: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Return (text, tone) of a study's clinical row: test result, ICU, ventilation."""
    told = _clinical_of(row, clinical)
    made: list[tuple[str, str]] = []
    result = told.get("test_result")
    if result not in (None, "Not Reported"):
        method = told.get("test_method")
        named = "" if method in (None, "Not Reported") else f"{method} "
        made.append((f"{named}{str(result).lower()}", {"Positive": "bad", "Negative": "good"}.get(str(result), "")))
    made += [(text, "warn") for key, text in (("icu", "ICU"), ("ventilation", "Ventilated")) if told.get(key)]
    return tuple(made)


def _clinical_of(row: StudyRow, clinical: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    own = [one for one in clinical if one["patient"] == row.patient]
    exact = [one for one in own if one.get("study_instance_uid") == row.study_instance_uid]
    general = [one for one in own if one.get("study_instance_uid") is None]
    return next(iter(exact + general), {})


def study_cards(
    rows: Sequence[StudyRow],
    middles: Sequence[InstanceRow],
    *,
    root: str,
    clinical: Sequence[Mapping[str, Any]],
) -> list[StudyCard]:
    """Return the cards of studies, each with the picture of its middle instance."""
    pictures = {one.study_instance_uid: one for one in middles}
    urls = Urls(root)
    made = []
    for row in rows:
        one = pictures.get(row.study_instance_uid)
        made.append(
            StudyCard(
                uid=row.study_instance_uid,
                title=study_title(row),
                line=person_line(row),
                mark=f"{'/'.join(row.modalities) or '–'} · {plural(row.instances, 'image')}",
                image=f"{urls.instance(one)}/thumbnail?viewport=400,400" if one else "",
                site=row.site,
                size=in_bytes(row.bytes),
                badges=clinical_badges(row, clinical),
            )
        )
    return made


def study_facts(row: StudyRow, clinical: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Return what the study page tells beside the pictures."""
    told = _clinical_of(row, clinical)
    days = told.get("days_from_test_to_study")
    outcome = told.get("outcome")
    return (
        ("Patient", row.patient),
        ("Sex", sex_name(row.patient_sex)),
        ("Age", age_text(row.patient_age) or UNKNOWN),
        ("Site", row.site),
        ("Modalities", ", ".join(map(modality_name, row.modalities))),
        ("Series", str(row.series)),
        ("Images", f"{row.instances:,}"),
        ("Size", in_bytes(row.bytes)),
        ("Test to study", f"{plural(days, 'day')}" if isinstance(days, int) else ""),
        ("Outcome", str(outcome) if outcome not in (None, "Not Reported") else ""),
    )


_SERIES_FACTS = (
    ("Body part", "00180015"),
    ("Manufacturer", "00080070"),
    ("Model", "00081090"),
    ("Slice thickness, mm", "00180050"),
    ("Pixel spacing, mm", "00280030"),
    ("Kernel", "00181210"),
    ("Tube voltage, kV", "00180060"),
    ("View", "00185101"),
    ("Contrast", "00180010"),
)


def series_facts(
    one: SeriesRow, instances: Sequence[InstanceRow], header: Mapping[str, Any]
) -> tuple[tuple[str, str], ...]:
    """Return what the series page tells beside the header: what does not differ from slice to slice."""
    sizes = sorted({(image.rows, image.columns) for image in instances if image.rows and image.columns})
    syntaxes = sorted({image.transfer_syntax_uid for image in instances})
    return (
        ("Modality", modality_name(one.modality or "")),
        ("Number", "" if one.number is None else str(one.number)),
        ("Images", f"{len(instances):,}"),
        ("Size", in_bytes(sum(image.size for image in instances))),
        ("Rows × columns", ", ".join(f"{rows} × {columns}" for rows, columns in sizes[:3])),
        *((name, _told(header, tag)) for name, tag in _SERIES_FACTS),
        ("Transfer syntax", ", ".join(UID(uid).name for uid in syntaxes)),
    )


def _told(header: Mapping[str, Any], tag: str) -> str:
    values = header.get(tag, {}).get("Value", ())
    return " × ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in values if one is not None)


def film_of(
    series: Sequence[SeriesRow],
    instances: Sequence[InstanceRow],
    *,
    root: str,
    path: str,
    release: str,
    chosen: str,
    number: str,
    window: str,
    within: str = "",
) -> Film | None:
    """Return the film of a study; None where nothing of it is an image.

    Parameters
    ----------
    series, instances
        Of the study, as the scope shows them.
    root : str
        Of DICOMweb, for pictures.
    path, release : str
        Of the page, for its links.
    chosen : str
        The series to show; the longest one by default.
    number : str
        Which slice, from 1; the middle one by default.
    window : str
        A key of `WINDOWS`, for CT.
    within : str
        The query of explore that led here; the links keep it.
    """
    urls = Urls(root)
    images: dict[str, list[InstanceRow]] = {}
    for one in instances:
        if one.frames:
            images.setdefault(one.series_instance_uid, []).append(one)
    shown = [one for one in series if one.series_instance_uid in images]
    if not shown:
        return None
    current = next(
        (one for one in shown if one.series_instance_uid == chosen),
        max(shown, key=lambda one: len(images[one.series_instance_uid])),
    )
    is_ct = current.modality == "CT"
    window = window if is_ct and window in WINDOWS else ("lung" if is_ct else "")
    sources = _sources(images[current.series_instance_uid], urls, window)
    position = (
        min(max(int(number), 1), len(sources)) if number.isdecimal() and len(number) < 7 else len(sources) // 2 + 1
    )

    fixed = [(name, value) for name, value in (("release", release), ("within", within)) if value]

    def link(series_uid: str, **more: str | int) -> str:
        kept = {name: value for name, value in fixed} | {"series": series_uid} | more
        return f"{path}?{urlencode(kept)}"

    own = current.series_instance_uid
    keep = {"window": window} if window else {}
    return Film(
        series=tuple(_series_link(one, images, own, urls, link(one.series_instance_uid)) for one in shown),
        title=_series_title(current),
        sources=sources,
        number=position,
        previous=link(own, slice=max(position - 1, 1), **keep),
        next=link(own, slice=min(position + 1, len(sources)), **keep),
        windows=tuple(
            Link(text=text, href=link(own, slice=position, window=name), is_current=name == window)
            for name, text in _WINDOW_NAMES.items()
        )
        if is_ct
        else (),
        hidden=(*fixed, ("series", own), *keep.items()),
    )


def _sources(instances: Sequence[InstanceRow], urls: Urls, window: str) -> tuple[str, ...]:
    center_width = f"&window={WINDOWS[window][0]:g},{WINDOWS[window][1]:g}" if window else ""
    return tuple(
        f"{urls.instance(one)}/frames/{frame + 1}/rendered?viewport={_SIDE},{_SIDE}{center_width}"
        for one in instances
        for frame in range(one.frames or 0)
    )


def _series_title(one: SeriesRow) -> str:
    return one.description or (f"Series {one.number}" if one.number is not None else "Series")


def _series_link(
    one: SeriesRow, images: Mapping[str, Sequence[InstanceRow]], current: str, urls: Urls, href: str
) -> Link:
    own = images[one.series_instance_uid]
    return Link(
        text=_series_title(one),
        href=href,
        is_current=one.series_instance_uid == current,
        image=f"{urls.instance(own[len(own) // 2])}/thumbnail?viewport=160,160",
        more=f"{one.modality or '–'} · {plural(sum(image.frames or 0 for image in own), 'image')}",
    )

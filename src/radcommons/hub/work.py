"""What a worker process does: open an object, judge it, say what was found. Imported by name in the worker."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from radcommons.dicom.pixeltext import TextDetector
from radcommons.dicom.profile import Profile, load_profile
from radcommons.hub.judge import Expected, Judged, judge
from radcommons.platform.objects import Objects, object_key, open_objects
from radcommons.records.errors import NotFound
from radcommons.records.finding import CODES, Finding, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One object to judge, where it lies, and the name or file of the profile that it is said to have gone through."""

    objects_url: str
    expected: Expected
    profile: str | None


@lru_cache(maxsize=4)
def _objects(url: str) -> Objects:
    return open_objects(url)


@lru_cache(maxsize=1)
def _detector() -> TextDetector:
    return TextDetector()


@lru_cache(maxsize=16)
def _profile(name: str | None) -> Profile | None:
    return load_profile(name) if name else None


def judge_task(task: Task) -> Judged:
    """Judge one object."""
    try:
        with _objects(task.objects_url).open(object_key(task.expected.digest)) as source:
            return judge(source, expected=task.expected, detector=_detector(), profile=_profile(task.profile))
    except NotFound:
        return _unjudged(task, "bad-digest", Severity.REFUSAL)


def killed(task: Task) -> Judged:
    """Return what is said of an object whose worker died: a person looks at it."""
    return _unjudged(task, "undecodable-pixels", Severity.QUESTION)


def _unjudged(task: Task, code: str, severity: Severity) -> Judged:
    finding = Finding(code=code, severity=severity, message=CODES[code])
    return Judged(digest=task.expected.digest, reading=None, findings=(finding,))

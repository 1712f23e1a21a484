"""What a worker process does: open an object, judge it, say what was found. Imported by name in the worker."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from radcommons.dicom.profile import Profile, load_profile
from radcommons.hub.judged import Expected, Judged
from radcommons.platform.objects import Objects, object_key, open_objects
from radcommons.records.errors import NotFound, StorageError
from radcommons.records.finding import CODES, Finding, Severity

if TYPE_CHECKING:
    from radcommons.dicom.pixelread import TextReader
    from radcommons.dicom.pixeltext import TextDetector

# What reads pixels is imported where it is used: a hub's first answer does not wait for it.
JUDGING = "radcommons.hub.judge"


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
    from radcommons.dicom.pixeltext import TextDetector

    return TextDetector()


@lru_cache(maxsize=1)
def _reader() -> TextReader:
    from radcommons.dicom.pixelread import TextReader

    return TextReader()


@lru_cache(maxsize=16)
def _profile(name: str | None) -> Profile | None:
    return load_profile(name) if name else None


def start_judging(environment: Mapping[str, str]) -> Callable[[Task], Judged]:
    """Return what a worker does (see `Pool`); `environment` leads it to an S3 store."""
    # Workers are forked from a server that keeps the environment of its own start.
    os.environ.update(environment)
    return judge_task


def store_environment() -> dict[str, str]:
    """Return the variables of this process that lead to an S3 store."""
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def judge_task(task: Task) -> Judged:
    """Judge one object.

    Raises
    ------
    StorageError
        If the store does not answer: the step is tried again.
    """
    from radcommons.hub.judge import judge

    try:
        with _objects(task.objects_url).open(object_key(task.expected.digest)) as source:
            return judge(
                source,
                expected=task.expected,
                detector=_detector(),
                reader=_reader(),
                profile=_profile(task.profile),
            )
    except NotFound:
        return _unjudged(task, "bad-digest", Severity.REFUSAL)
    except OSError as error:
        raise StorageError(f"The object store does not answer ({type(error).__name__}).") from None


def lost(task: Task, _was_slow: bool) -> Judged:
    """Return what is said of an object whose worker died or took too long: a person looks at it."""
    return _unjudged(task, "undecodable-pixels", Severity.QUESTION)


def _unjudged(task: Task, code: str, severity: Severity) -> Judged:
    finding = Finding(code=code, severity=severity, message=CODES[code])
    return Judged(digest=task.expected.digest, reading=None, findings=(finding,))

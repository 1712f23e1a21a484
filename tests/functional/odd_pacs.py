"""A PACS that misbehaves: it answers what was not asked, sends other studies, closes in mid-study, forgets studies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
)

_KEYS = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}


@dataclass
class OddPacs:
    """What it holds and how it errs.

    Parameters
    ----------
    held : list of Dataset
    ignores : set of str
        Keys that it does not look at.
    sends_instead : list of Dataset
        Sent in answer to every C-GET, whatever was asked.
    closes_after : int
        Objects after which it aborts the association.
    forgets_on_get : bool
        It loses everything when the first C-GET comes.
    invented : int
        So many more studies that it claims to have.
    """

    held: list[Dataset]
    ignores: set[str] = field(default_factory=set)
    sends_instead: list[Dataset] = field(default_factory=list)
    closes_after: int = 0
    forgets_on_get: bool = False
    invented: int = 0
    sent: int = 0
    answered: int = 0
    asked_for: list[list[str]] = field(default_factory=list)
    port: int = 0

    def _matching(self, identifier: Dataset) -> list[Dataset]:
        asked = {
            keyword: identifier.get(keyword)
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "AccessionNumber", "PatientID")
            if identifier.get(keyword) and keyword not in self.ignores
        }
        return [one for one in self.held if all(_fits(one.get(name), value) for name, value in asked.items())]

    def on_find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        """Answer with what matches, or with more."""
        level = event.identifier.QueryRetrieveLevel
        found = {one.get(_KEYS[level]): one for one in self._matching(event.identifier)}
        for one in found.values():
            yield 0xFF00, _answer(event.identifier, one)
        for number in range(self.invented if level == "STUDY" else 0):
            if event.is_cancelled:
                yield 0xFE00, None
                return
            self.answered += 1
            claimed = _answer(event.identifier, self.held[0])
            claimed.StudyInstanceUID = f"1.2.3.{number}"
            yield 0xFF00, claimed

    def on_get(self, event: Any) -> Iterator[Any]:
        """Send what was asked for, or something else, or not to the end."""
        self.asked_for.append(_listed(event.identifier.get("SOPInstanceUID")))
        if self.forgets_on_get:
            self.held = []
        objects = self.sends_instead or self._matching(event.identifier)
        yield len(objects)
        for count, one in enumerate(objects, start=1):
            self.sent += 1
            yield 0xFF00, one
            if self.closes_after and count == self.closes_after:
                event.assoc.abort()
                return


def _listed(value: Any) -> list[str]:
    return [str(value)] if isinstance(value, str) else [str(one) for one in value or ()]


def _fits(value: Any, asked: Any) -> bool:
    return str(value) in _listed(asked)


def _answer(identifier: Dataset, one: Dataset) -> Dataset:
    answer = Dataset()
    answer.QueryRetrieveLevel = identifier.QueryRetrieveLevel
    for element in identifier:
        if element.keyword and element.keyword in one:
            setattr(answer, element.keyword, one.get(element.keyword))
    return answer


@contextmanager
def odd_pacs(held: Sequence[Dataset], **errs: Any) -> Iterator[OddPacs]:
    """Run it on this machine."""
    pacs = OddPacs(list(held), **errs)
    for one in (*pacs.held, *pacs.sends_instead):
        one.ensure_file_meta()
        one.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    ae = AE("PACS")
    ae.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
    ae.add_supported_context(StudyRootQueryRetrieveInformationModelGet)
    ae.add_supported_context(CTImageStorage, scu_role=True, scp_role=True)
    handlers: Any = [(evt.EVT_C_FIND, pacs.on_find), (evt.EVT_C_GET, pacs.on_get)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    pacs.port = int(server.server_address[1])
    try:
        yield pacs
    finally:
        server.shutdown()
        server.server_close()

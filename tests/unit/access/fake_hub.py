"""A small real HTTP server that speaks the hub's download contract, with faults on request."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from radcommons.platform.keys import SigningKey
from radcommons.records.documents import canonical, digest, plain
from radcommons.records.release import Counts, FeedEntry, Release, ReleaseItem
from radcommons.records.terms import Terms, Tier

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


@dataclass
class FakeHub:
    """One release of invented bytes. `faults` maps a digest to answers that come before the good one."""

    key: SigningKey = field(default_factory=SigningKey.create)
    contents: dict[str, bytes] = field(default_factory=dict)
    items: list[ReleaseItem] = field(default_factory=list)
    feed: list[FeedEntry] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=dict)
    ranges: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    store_tokens: set[str | None] = field(default_factory=set)
    store_status: list[int] = field(default_factory=list)  # what the store answers before it gives the bytes
    url: str = ""

    def add(self, content: bytes, number: int) -> ReleaseItem:
        item = ReleaseItem(
            digest=hashlib.sha256(content).hexdigest(),
            size=len(content),
            sop_class_uid=CT,
            transfer_syntax_uid=EXPLICIT,
            modality="CT",
            site="ALFA",
            patient="ALFA-AAAAAAAAAA",
            study_instance_uid="2.25.1",
            series_instance_uid="2.25.2",
            sop_instance_uid=f"2.25.3.{number}",
        )
        self.contents[item.digest] = content
        self.items.append(item)
        return item

    @property
    def release(self) -> Release:
        size = sum(item.size for item in self.items)
        return Release(
            schema="radcommons/release/v1",
            id="chest-1",
            dataset="chest",
            number=1,
            title="Invented",
            tier=Tier.OPEN,
            steward="Nobody",
            created_at="2026-11-22T10:00:00Z",
            terms=Terms(license="CC-BY-4.0"),
            citation="Invented.",
            counts=Counts(patients=1, studies=1, series=1, instances=len(self.items), bytes=size, sites=1),
            submissions=(),
            items=tuple(self.items),
        )

    def tell(self, event: str, *, digests: tuple[str, ...] = ()) -> None:
        previous = digest(self.feed[-1]) if self.feed else None
        self.feed.append(
            FeedEntry(
                schema="radcommons/feed-entry/v1",
                dataset="chest",
                sequence=len(self.feed) + 1,
                previous=previous,
                at="2026-11-22T10:00:00Z",
                event=event,  # type: ignore[arg-type]
                release="chest-1",
                digests=digests,
            )
        )

    def document(self, path: str) -> bytes | None:
        if path == "/api/v1/keys":
            public = base64.b64encode(self.key.public_key).decode()
            return json.dumps(
                {"keys": [{"key_id": self.key.key_id, "algorithm": "Ed25519", "public_key": public}]}
            ).encode()
        if path == "/api/v1/releases/chest-1/manifest.json":
            return canonical(self.release)
        if path == "/api/v1/releases/chest-1/manifest.json.sig":
            return json.dumps(plain(self.key.sign(canonical(self.release)))).encode()
        if path == "/api/v1/datasets/chest/feed":
            return json.dumps({"dataset": "chest", "entries": [self.key.seal(one) for one in self.feed]}).encode()
        return None


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def _send(self, status: int, body: bytes, *, told: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if told is None else told))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        hub, name = self.hub, self.path.partition("?")[0].rsplit("/", 1)[-1]
        if self.path.startswith("/store/"):  # another host as far as a client can tell: localhost, not 127.0.0.1
            hub.store_tokens.add(self.headers.get("Authorization"))
            if hub.store_status:
                self._send(hub.store_status.pop(), b"")
            else:
                self._instance(hub.contents[name], "")
            return
        hub.requests.append(self.path)
        hub.tokens.add(self.headers.get("Authorization"))
        document = hub.document(self.path)
        if document is not None:
            self._send(200, document)
        elif name not in hub.contents:
            self._send(404, b'{"detail": "No such thing.", "code": "not-found"}')
        else:
            self._instance(hub.contents[name], (hub.faults.get(name) or [""]).pop(0))

    def _instance(self, content: bytes, fault: str) -> None:
        asked = self.headers.get("Range")
        if asked:
            self.hub.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if fault == "busy":
            self._send(503, b"")
        elif fault == "gone":
            self._send(410, b'{"detail": "Withdrawn.", "code": "withdrawn"}')
        elif fault == "ended":
            self._send(403, b'{"detail": "The grant is over.", "code": "not-permitted"}')
        elif fault.startswith("elsewhere"):
            self.send_response(307)
            self.send_header("Location", fault.partition(" ")[2] + self.path.rsplit("/", 1)[-1] + "?signed=1")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault == "cut":
            self._send(200, content[: len(content) // 2], told=len(content))
            self.close_connection = True
        elif fault == "wrong":
            self._send(200, bytes(len(content)))
        elif fault == "whole":
            self._send(200, content)
        else:
            self._send(206 if asked else 200, content[start:])

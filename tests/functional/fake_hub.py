"""A hub in memory that speaks the contract of the site's road, and drops the line when told to. For tests alone."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from radcommons.platform.clock import instant
from radcommons.platform.keys import SigningKey, verify
from radcommons.records.documents import digest, items_digest, unseal
from radcommons.records.submission import Receipt, Submission, Withdrawal


class FakeHub:
    """Holds announced submissions and stored bytes; `lose` is the chance that a request or its answer is lost."""

    def __init__(self, *, lose: float = 0.0, seed: int = 1) -> None:
        self.key = SigningKey.create()
        self.sites: dict[str, bytes] = {}
        self.submissions: dict[str, Submission] = {}
        self.stored: dict[str, int] = Counter()
        self.withdrawals: list[Withdrawal] = []
        self.lose = lose
        self.requests: Counter[str] = Counter()
        self.forge_receipt = False
        # What a submission that is whole becomes: "curated" once a curator decided.
        self.state = "received"
        # Its clock, when it is not that of this machine.
        self.date = ""
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeHub:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(hub) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None: ...

            def _body(self) -> bytes:
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            def _answer(self) -> None:
                body = self._body()
                with hub._lock:
                    before, after = (hub._chance.random() < hub.lose / 2 for _ in range(2))
                    status, members = (503, {}) if before else hub.answer(self.command, self.path, body, self.headers)
                if after:
                    self.close_connection = True
                    return
                content = json.dumps(members).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def date_time_string(self, timestamp: float | None = None) -> str:
                return hub.date or super().date_time_string(timestamp)

            do_GET = do_POST = _answer  # noqa: N815

        return Handler

    def answer(self, method: str, path: str, body: bytes, headers: Any) -> tuple[int, dict[str, Any]]:
        """Return status and members of an answer."""
        self.requests[f"{method} {path.split('/')[1]}"] += 1
        if headers.get("Authorization") != "Bearer good":
            return 401, {"code": "sign-in-required", "detail": "No valid token."}
        if found := re.fullmatch(r"/api/v1/sites/(\w+)/key", path):
            key = base64.b64decode(json.loads(body)["public_key"])
            if self.sites.setdefault(found[1], key) != key:
                return 409, {"code": "conflict", "detail": "Another key is known."}
            public = base64.b64encode(self.key.public_key).decode()
            return 200, {"site": found[1], "hub": {"key_id": self.key.key_id, "public_key": public}, "datasets": []}
        if (method, path) == ("GET", "/api/v1/submissions"):
            listed = [{**self._summary(one), "site": record.site} for one, record in self.submissions.items()]
            return 200, {"submissions": listed}
        if path == "/api/v1/submissions":
            return self._announce(body)
        if path == "/dicomweb/studies":
            return self._store(body, headers["Content-Type"])
        if path == "/api/v1/withdrawals":
            record, signature, message = unseal(Withdrawal, body)
            verify(signature, message=message, public_key=self.sites[record.site])
            self.withdrawals.append(record)
            return 200, {"instances": 0, "releases": []}
        if found := re.fullmatch(r"/api/v1/submissions/(\w+)(/receipt)?", path):
            return self._receipt(found[1]) if found[2] else (200, self._summary(found[1]))
        return 404, {}

    def _announce(self, body: bytes) -> tuple[int, dict[str, Any]]:
        record, signature, message = unseal(Submission, body)
        verify(signature, message=message, public_key=self.sites[record.site])
        identifier = digest(record)
        is_new = identifier not in self.submissions
        self.submissions[identifier] = record
        return 201 if is_new else 200, self._summary(identifier)

    def _store(self, body: bytes, content_type: str) -> tuple[int, dict[str, Any]]:
        boundary = content_type.split("boundary=")[1].encode()
        for part in body.split(b"--" + boundary)[1:-1]:
            content = part.partition(b"\r\n\r\n")[2][:-2]
            assert content[128:132] == b"DICM"
            self.stored[hashlib.sha256(content).hexdigest()] += 1
        return 200, {}

    def _summary(self, identifier: str) -> dict[str, Any]:
        record = self.submissions[identifier]
        missing = [item.digest for item in record.items if item.digest not in self.stored]
        state = "announced" if missing else self.state
        return {"id": identifier, "state": state, "items": len(record.items), "missing": missing, "refused": []}

    def _receipt(self, identifier: str) -> tuple[int, dict[str, Any]]:
        record = self.submissions[identifier]
        if self._summary(identifier)["missing"]:
            return 409, {"code": "not-complete", "detail": "Bytes are missing."}
        receipt = Receipt(
            schema="radcommons/receipt/v1",
            submission=identifier,
            site=record.site,
            received_at=instant(),
            instances=len(record.items),
            bytes=sum(item.size for item in record.items),
            items_digest=items_digest([item.digest for item in record.items]),
        )
        key = SigningKey.create() if self.forge_receipt else self.key
        return 200, key.seal(receipt)

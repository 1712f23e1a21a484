"""Every version of an object in a bucket that keeps versions: listed and deleted, since a plain delete only hides them.

The store's own client does not know versions, so these two requests are signed here.

References
----------
AWS Signature Version 4; Amazon S3 API, ListObjectVersions and DeleteObject.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import httpx

from radcommons.records.errors import StorageError

_EMPTY = hashlib.sha256(b"").hexdigest()
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Bucket:
    """Where a bucket is and who asks; its secret appears in no text form."""

    name: str
    base: str
    region: str
    access_key: str
    secret_key: str
    session_token: str

    @classmethod
    def of_environment(cls, name: str) -> Bucket | None:
        """Return the bucket as the AWS_* variables lead to it, None where they hold no credentials."""
        found = os.environ.get
        access, secret = found("AWS_ACCESS_KEY_ID", ""), found("AWS_SECRET_ACCESS_KEY", "")
        if not (access and secret):
            return None
        region = found("AWS_REGION") or found("AWS_DEFAULT_REGION") or "us-east-1"
        endpoint = found("AWS_ENDPOINT_URL_S3") or found("AWS_ENDPOINT_URL") or found("AWS_ENDPOINT") or ""
        base = f"{endpoint.rstrip('/')}/{name}" if endpoint else f"https://{name}.s3.{region}.amazonaws.com"
        return cls(
            name=name,
            base=base,
            region=region,
            access_key=access,
            secret_key=secret,
            session_token=found("AWS_SESSION_TOKEN", ""),
        )


def delete_versions(bucket: Bucket, key: str) -> int:
    """Delete every version of an object, and the marks that hid them; return how many there were.

    Raises
    ------
    StorageError
        If the store does not do so; nothing is said of the key.
    """
    count = 0
    with httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as client:
        for version in list(_versions(client, bucket, key)):
            _ask(client, bucket, "DELETE", key, {"versionId": version})
            count += 1
    return count


def _versions(client: httpx.Client, bucket: Bucket, key: str) -> Iterator[str]:
    """Yield the versions of a key; one of an object that was stored before versions were kept is called ``null``."""
    after: dict[str, str] = {}
    while True:
        body = _ask(client, bucket, "GET", "", {"versions": "", "prefix": key, **after})
        # From the coalition's own store; the parser expands no external entity.
        root = ET.fromstring(body)  # noqa: S314
        named = {child.tag.rpartition("}")[2]: (child.text or "") for child in root if not len(child)}
        for child in root:
            members = {one.tag.rpartition("}")[2]: (one.text or "") for one in child}
            if child.tag.rpartition("}")[2] in ("Version", "DeleteMarker") and members.get("Key") == key:
                yield members["VersionId"]
        if named.get("IsTruncated") != "true":
            return
        after = {"key-marker": named["NextKeyMarker"], "version-id-marker": named["NextVersionIdMarker"]}


def _ask(client: httpx.Client, bucket: Bucket, method: str, key: str, query: dict[str, str]) -> bytes:
    parts = urlsplit(bucket.base)
    path = quote(f"{parts.path}/{key}" if key or parts.path == "" else parts.path, safe="/-_.~")
    text = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(query.items()))
    headers = _signed(bucket, method, host=parts.netloc, path=path, query=text)
    try:
        answer = client.request(method, f"{parts.scheme}://{parts.netloc}{path}?{text}", headers=headers)
    except httpx.HTTPError as error:
        raise StorageError(f"The object store does not answer ({type(error).__name__}).") from None
    if answer.status_code not in (200, 204, 404):
        raise StorageError(f"The object store does not delete versions (status {answer.status_code}).")
    return answer.content


def _signed(bucket: Bucket, method: str, *, host: str, path: str, query: str) -> dict[str, str]:
    at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": host, "x-amz-content-sha256": _EMPTY, "x-amz-date": at}
    if bucket.session_token:
        headers["x-amz-security-token"] = bucket.session_token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = "\n".join((method, path, query, lines, names, _EMPTY))
    scope = f"{at[:8]}/{bucket.region}/s3/aws4_request"
    said = "\n".join(("AWS4-HMAC-SHA256", at, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{bucket.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, said.encode(), "sha256").hex()
    named = f"Credential={bucket.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {named}"}

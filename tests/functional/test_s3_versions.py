"""A bucket that keeps versions: a withdrawal leaves none of them behind."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from radcommons.platform.objects import object_key, open_objects, sealed_key
from radcommons.platform.s3versions import Bucket, delete_versions
from radcommons.records.errors import StorageError
from radcommons.testing.servers import BUCKET

pytestmark = [pytest.mark.production, pytest.mark.slow]
_KEEP = '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>{}</Status></VersioningConfiguration>'


def _set(status: str) -> None:
    url = f"{os.environ['AWS_ENDPOINT_URL']}/{BUCKET}?versioning"
    assert httpx.put(url, content=_KEEP.format(status), trust_env=False).status_code == 200


def _listed(prefix: str) -> str:
    url = f"{os.environ['AWS_ENDPOINT_URL']}/{BUCKET}"
    return httpx.get(url, params={"versions": "", "prefix": prefix}, trust_env=False).text


def test_no_version_is_left(s3_url: str, tmp_path: Path) -> None:
    """Stored twice, sealed and deleted: neither a version nor a mark remains; its neighbour keeps its own."""
    prefix = s3_url.partition(f"{BUCKET}/")[2]
    _set("Enabled")
    try:
        objects = open_objects(s3_url)
        digest, other = "a" * 64, "a" * 63 + "b"
        for number, one in enumerate((digest, digest, other)):
            source = tmp_path / str(number)
            source.write_bytes(b"x" * (number + 1))
            httpx.put(
                f"{os.environ['AWS_ENDPOINT_URL']}/{BUCKET}/{prefix}/{object_key(one)}",
                content=source.read_bytes(),
                trust_env=False,
            )
        assert _listed(f"{prefix}/{object_key(digest)}").count("<Version>") == 2
        objects.move(object_key(digest), sealed_key(digest))
        assert "<VersionId>" not in _listed(f"{prefix}/{object_key(digest)}")
        assert objects.size(sealed_key(digest)) == 2
        objects.delete(sealed_key(digest))
        assert "<VersionId>" not in _listed(f"{prefix}/{sealed_key(digest)}")
        assert objects.size(object_key(other)) == 3
        assert _listed(f"{prefix}/{object_key(other)}").count("<Version>") == 1
    finally:
        _set("Suspended")


def test_without_credentials_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A role of the machine gives none to sign with: a rule of the bucket has to end old versions then."""
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    assert Bucket.of_environment("x") is None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    bucket = Bucket.of_environment("x")
    assert bucket is not None
    assert "s3cret" not in repr(bucket)
    with pytest.raises(StorageError):
        delete_versions(bucket, "k")

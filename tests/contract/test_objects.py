"""Each object store keeps what every object store must."""

from __future__ import annotations

from pathlib import Path

import pytest

from radcommons.platform.objects import FileObjects, Objects, open_objects
from radcommons.testing.objects import ObjectsTests


class TestFileObjects(ObjectsTests):
    """Local files."""

    @pytest.fixture
    def objects(self, tmp_path: Path) -> Objects:
        """Return an empty store."""
        return FileObjects(tmp_path / "objects")


@pytest.mark.production
class TestS3Objects(ObjectsTests):
    """A real S3 server."""

    @pytest.fixture
    def objects(self, s3_url: str, tmp_path: Path) -> Objects:
        """Return an empty store: a prefix of its own."""
        return open_objects(f"{s3_url}/{tmp_path.name}")

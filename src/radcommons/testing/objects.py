"""What every object store must keep; one test class for each adapter inherits it."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from radcommons.platform.objects import Objects, object_key
from radcommons.records.errors import NotFound

CONTENT = bytes(range(256)) * 64


class ObjectsTests:
    """Subclass it and give a fixture `objects`: an empty store."""

    @pytest.fixture
    def objects(self) -> Objects:
        """Return an empty store."""
        raise NotImplementedError

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        """Return a file to store."""
        path = tmp_path / "source"
        path.write_bytes(CONTENT)
        return path

    def test_what_was_put_is_there(self, objects: Objects, source: Path) -> None:
        """Size, chunks and the reader give exactly the bytes that were put."""
        objects.put_file("a/one", source)
        assert objects.size("a/one") == len(CONTENT)
        assert b"".join(objects.chunks("a/one")) == CONTENT
        with objects.open("a/one") as reader:
            assert reader.read(5) == CONTENT[:5]
            assert isinstance(reader.read(1), bytes)
            assert reader.seek(-7, io.SEEK_END) == len(CONTENT) - 7
            assert reader.read() == CONTENT[-7:]

    def test_range(self, objects: Objects, source: Path) -> None:
        """A range is half open and may reach past the end."""
        objects.put_file("a/two", source)
        assert b"".join(objects.chunks("a/two", start=10, end=20)) == CONTENT[10:20]
        assert b"".join(objects.chunks("a/two", start=len(CONTENT) - 3, end=len(CONTENT) + 9)) == CONTENT[-3:]

    def test_objects_never_change(self, objects: Objects, source: Path, tmp_path: Path) -> None:
        """A second put under the same key leaves the first bytes, and removing the source takes nothing away."""
        objects.put_file("a/three", source)
        other = tmp_path / "other"
        other.write_bytes(b"other")
        objects.put_file("a/three", other)
        source.unlink()
        assert b"".join(objects.chunks("a/three")) == CONTENT

    def test_bytes_are_stored_as_files_are(self, objects: Objects, source: Path) -> None:
        """What lies in memory needs no file; a second put of the same leaves it whole, and one cut off is mended."""
        for content in (CONTENT, memoryview(CONTENT)[5:-5], b""):
            key = f"bytes/{len(content)}"
            for _ in range(2):
                objects.put_files([(key, content)])
                assert b"".join(objects.chunks(key)) == content
        path = objects.local_path(f"bytes/{len(CONTENT)}")
        if path is not None:
            path.write_bytes(CONTENT[:100])
            objects.put_file(f"bytes/{len(CONTENT)}", CONTENT)
            assert path.read_bytes() == CONTENT

    def test_keys(self, objects: Objects, source: Path) -> None:
        """All keys below a prefix are told, and no other."""
        for key in ("kept/aa/one", "kept/bb/two", "keptnot/three"):
            objects.put_file(key, source)
        assert sorted(objects.keys("kept/")) == ["kept/aa/one", "kept/bb/two"]
        assert list(objects.keys("nothing/")) == []

    def test_absent(self, objects: Objects) -> None:
        """What is absent has no size, cannot be read, and may be removed."""
        assert objects.size("a/none") is None
        objects.delete("a/none")
        with pytest.raises(NotFound):
            objects.open("a/none")
        with pytest.raises(NotFound):
            list(objects.chunks("a/none"))

    def test_removed(self, objects: Objects, source: Path) -> None:
        """What was removed is absent and may be put again."""
        objects.put_file("a/four", source)
        objects.delete("a/four")
        assert objects.size("a/four") is None
        objects.put_file("a/four", source)
        assert objects.size("a/four") == len(CONTENT)

    def test_many_at_once(self, objects: Objects, tmp_path: Path) -> None:
        """Several files are stored together, those that are there already among them."""
        sources = []
        for number in range(20):
            path = tmp_path / str(number)
            path.write_bytes(b"%d" % number * 1000)
            sources.append((object_key(hashlib.sha256(path.read_bytes()).hexdigest()), path))
        objects.put_file(*sources[3])
        objects.put_files(sources)
        for key, path in sources:
            assert b"".join(objects.chunks(key)) == path.read_bytes()

    def test_large(self, objects: Objects, tmp_path: Path) -> None:
        """An object of more than one part arrives whole."""
        path = tmp_path / "large"
        path.write_bytes(b"0123456789abcdef" * (1 << 20))
        objects.put_file("a/large", path)
        running = hashlib.sha256()
        for chunk in objects.chunks("a/large"):
            running.update(chunk)
        assert running.hexdigest() == hashlib.sha256(path.read_bytes()).hexdigest()

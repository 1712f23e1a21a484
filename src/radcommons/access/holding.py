"""A downloaded release on a researcher's disk: where its files lie and what they say."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from radcommons.platform.durable import write_file
from radcommons.platform.keys import key_id, verify
from radcommons.records.documents import canonical, digest, parse, unseal
from radcommons.records.errors import DocumentError, IntegrityError, NotFound, UsageError
from radcommons.records.release import FeedEntry, Release
from radcommons.records.submission import Signature

MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
TABLE = "manifest.csv"
FEED = "feed.json"
OWN = ".radcommons"
KEYS = f"{OWN}/hub-keys.json"
FEEDS = f"{OWN}/feeds"
# The manifest names a file's bytes, so a part that did not arrive whole is never taken for the file.
PART = ".part"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The hub's keys as they were pinned at the first download, and the hub's address."""

    hub: str
    keys: dict[str, bytes]

    def check(self, signature: Signature, *, message: bytes) -> None:
        """Check a signature by one of the pinned keys.

        Raises
        ------
        IntegrityError
            If the key is not pinned, or the signature does not agree.
        """
        key = self.keys.get(signature.key_id)
        if key is None:
            raise IntegrityError(
                f"Key {signature.key_id} signed this, and it is none of the hub's keys that were pinned.",
                mend="Ask the coalition for its public key and give it with --key-file.",
            )
        verify(signature, message=message, public_key=key)


def read_keys(content: bytes) -> dict[str, bytes]:
    """Return {key id: raw key} of a key file: the hub's ``/api/v1/keys``, one base64 line, or 32 raw bytes.

    Raises
    ------
    DocumentError
        If it is none of them.
    """
    try:
        if len(content) == 32:
            raw = [content]
        elif content.lstrip()[:1] == b"{":
            entries = json.loads(content)["keys"]
            raw = [base64.b64decode(entry["public_key"], validate=True) for entry in entries]
        else:
            raw = [base64.b64decode(content.strip(), validate=True)]
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise DocumentError("The key file holds no public key.") from None
    if not raw or any(len(key) != 32 for key in raw):
        raise DocumentError("An Ed25519 public key has 32 bytes; the key file's has not.")
    return {key_id(key): key for key in raw}


def pin(folder: Path, trust: Trust) -> None:
    """Write the hub's keys beside the download."""
    keys = [{"key_id": name, "public_key": base64.b64encode(key).decode()} for name, key in sorted(trust.keys.items())]
    content = json.dumps({"hub": trust.hub, "keys": keys}, indent=2) + "\n"
    write_file(folder / KEYS, content.encode(), mode=0o644)


def pinned(folder: Path) -> Trust | None:
    """Return what was pinned, None before the first download.

    Raises
    ------
    DocumentError
        If the file does not read.
    """
    path = folder / KEYS
    if not path.exists():
        return None
    content = path.read_bytes()
    keys = read_keys(content)
    return Trust(hub=str(json.loads(content).get("hub", "")), keys=keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A release's manifest as bytes and as a value, with its signature."""

    content: bytes
    signature: Signature
    release: Release


def read_manifest(content: bytes, signature: bytes, *, trust: Trust) -> Manifest:
    """Return a manifest whose signature agrees.

    Raises
    ------
    IntegrityError, DocumentError
    """
    signed = parse(Signature, signature)
    trust.check(signed, message=content)
    release = parse(Release, content)
    if canonical(release) != content:
        raise DocumentError("The manifest is not in its canonical form.", mend="Download it again.")
    return Manifest(content=content, signature=signed, release=release)


def held_manifest(folder: Path, *, trust: Trust) -> Manifest:
    """Return the manifest in a folder. Raises NotFound, IntegrityError, DocumentError."""
    try:
        content, signature = (folder / MANIFEST).read_bytes(), (folder / SIGNATURE).read_bytes()
    except FileNotFoundError:
        raise NotFound("This folder holds no release: its manifest or signature is missing.") from None
    return read_manifest(content, signature, trust=trust)


def read_feed(content: bytes, *, dataset: str, trust: Trust) -> tuple[FeedEntry, ...]:
    """Return the entries of a dataset's feed after checking each signature and the chain between them.

    Raises
    ------
    IntegrityError
        If an entry is signed by another key, or does not follow from the one before.
    DocumentError
    """
    try:
        sealed = json.loads(content)["entries"]
    except (ValueError, KeyError, TypeError):
        raise DocumentError("The feed is no JSON document of this form.") from None
    entries: list[FeedEntry] = []
    previous: str | None = None
    for number, one in enumerate(sealed, start=1):
        entry, signature, message = unseal(FeedEntry, one)
        trust.check(signature, message=message)
        if (entry.dataset, entry.sequence, entry.previous) != (dataset, number, previous):
            raise IntegrityError(
                f"Entry {number} of the feed does not follow from the one before.",
                mend="Ask the coalition: an entry was removed or changed.",
            )
        previous = digest(entry)
        entries.append(entry)
    return tuple(entries)


def same_history(held: tuple[FeedEntry, ...], fetched: tuple[FeedEntry, ...]) -> None:
    """Check that a feed was only appended to since it was last seen.

    Raises
    ------
    IntegrityError
    """
    if fetched[: len(held)] != held:
        raise IntegrityError("The feed no longer holds what it held before.", mend="Ask the coalition what happened.")


def withdrawn_digests(entries: tuple[FeedEntry, ...]) -> frozenset[str]:
    """Return the digests that the feed takes back."""
    return frozenset(one for entry in entries if entry.event == "withdrawn" for one in entry.digests)


def file_digest(path: Path) -> str:
    """Return the SHA-256 digest of a file; memory: one buffer."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def other_files(folder: Path, paths: set[str]) -> Iterator[str]:
    """Yield the files of a folder that are neither one of `paths` nor the client's, by their relative path."""
    known = paths | {MANIFEST, SIGNATURE, TABLE, FEED}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        partial = name.endswith(PART) and name.removesuffix(PART) in known
        if name not in known and not partial and not name.startswith(f"{OWN}/") and not path.is_dir():
            yield name


def check_folder(folder: Path, release: Release) -> None:
    """Refuse to mix two releases in one folder.

    Raises
    ------
    UsageError
    """
    path = folder / MANIFEST
    if not path.exists():
        if (folder / TABLE).exists():
            raise UsageError("The folder holds what a table named.", mend="Give a folder of its own with --to.")
        return
    try:
        held = str(json.loads(path.read_bytes()).get("id"))
    except (ValueError, AttributeError):
        held = ""
    if held != release.id:
        raise UsageError("The folder holds another release.", mend="Give a folder of its own with --to.")

"""The search for planted identity in what a de-identifier wrote: by element at every depth, and in the bytes.

Shares no code with the program: its own folding, its own walk, its own decoding.
"""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
from pydicom._uid_dict import UID_dictionary
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

SHORT = 4
PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
CODECS = ("utf-8", "latin-1", "iso8859-2", "iso8859-5", "iso8859-6", "iso8859-7", "iso8859-8", "gb18030", "iso2022_jp",
          "euc_kr", "iso2022_kr", "utf-16-le", "utf-16-be", "shift_jis")  # fmt: skip


def folded(text: str) -> str:
    """Return a text in small letters without accents, spaces and marks."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if letter.isalnum())


@dataclass(slots=True)
class Leak:
    """One place of one output that still holds an identity."""

    file: str
    where: str
    token: str
    kind: str


@dataclass(slots=True)
class Search:
    """What to look for in the outputs of one patient."""

    tokens: dict[str, str]
    shapes: dict[str, str] = field(init=False)
    words: dict[str, str] = field(init=False)
    encoded: dict[bytes, str] = field(init=False)

    def __post_init__(self) -> None:
        self.shapes, self.words, self.encoded = {}, {}, {}
        for token in self.tokens:
            shape = folded(token)
            wide = any(ord(letter) > 0x2E80 for letter in shape)
            if len(shape) >= SHORT + 1 or (wide and len(shape) > 1):
                self.shapes[shape] = token
                if len(shape.encode()) > SHORT:
                    self.encoded |= dict.fromkeys(_encodings(token), token)
            elif len(shape) > 1:
                self.words[shape] = token

    def in_text(self, text: str) -> set[str]:
        """Return the tokens in a text."""
        if not text:
            return set()
        shape = folded(text)
        found = {token for form, token in self.shapes.items() if form in shape}
        if self.words:
            words = {folded(word) for word in re.findall(r"[^\W\d_]+", text)}
            found |= {token for form, token in self.words.items() if form in words}
        return found

    def in_bytes(self, content: bytes) -> set[str]:
        """Return the tokens in bytes, in any encoding, inflated where that can be."""
        found: set[str] = set()
        for piece in (content, *_inflated(content)):
            # case folding of bytes reaches ASCII alone; the encodings hold both cases
            found |= {token for encoded, token in self.encoded.items() if encoded in piece}
            lowered = piece.lower()
            found |= {token for encoded, token in self.encoded.items() if encoded.lower() in lowered}
        return found


def _encodings(token: str) -> Iterator[bytes]:
    for text in {token, token.upper(), token.lower()}:
        for codec in CODECS:
            try:
                encoded = text.encode(codec)
            except UnicodeEncodeError:
                continue
            if codec == "iso2022_jp":
                encoded = re.sub(rb"\x1b[($][BJ@]", b"", encoded) if not text.isascii() else encoded
            # ideographs of two bytes without their escapes are too short to be found by chance alone
            if len(encoded) > SHORT:
                yield encoded


def _inflated(content: bytes) -> Iterator[bytes]:
    for start in re.finditer(rb"stream\r?\n", content):
        try:
            yield zlib.decompressobj().decompress(content[start.end() :])
        except zlib.error:
            continue


def texts(dataset: Dataset, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every value that can be read as text, with its path."""
    for element in _elements(dataset):
        where = f"{path}{element.tag.group:04X}{element.tag.element:04X}"
        value: Any = element.value
        if element.VR == "SQ":
            for number, one in enumerate(value):
                yield from texts(one, f"{where}[{number}].")
        elif element.tag in PIXELS or (element.VR == "UI" and str(value) in UID_dictionary):
            continue  # numbers, which read as letters spell anything; the search of the bytes reaches them
        elif isinstance(value, bytes):
            if len(value) < 1 << 16:
                for codec in ("latin-1", "utf-8", "utf-16-le"):
                    yield where, value.decode(codec, "ignore")
        elif isinstance(value, list | pydicom.multival.MultiValue):
            yield where, "\\".join(map(str, value))
        elif value is not None:
            yield where, str(value)


def _elements(dataset: Dataset) -> Iterator[Any]:
    for tag in list(dataset.keys()):
        try:
            yield dataset[tag]
        except Exception:
            continue


def read(path: Path) -> Dataset | None:
    """Return an output as a data set, or None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pydicom.dcmread(path, force=True)
            return found if len(found) else None
    except Exception:
        return None


def body_of(path: Path) -> bytes:
    """Return a file's bytes, inflated where it is deflated."""
    content = path.read_bytes()
    found = read(path)
    if found is not None and found.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        start = content.find(b"1.2.840.10008.1.2.1.99")
        for offset in range(start, min(start + 400, len(content))):
            try:
                return content + zlib.decompressobj(-zlib.MAX_WBITS).decompress(content[offset:])
            except zlib.error:
                continue
    return content


def leaks_in(path: Path, search: Search, roots: list[str], name: str = "") -> list[Leak]:
    """Return every identity that a file still holds; places are told by tag, bytes outside elements as `bytes`."""
    found: list[Leak] = []
    seen: set[str] = set()
    dataset = read(path)
    if dataset is not None:
        for part in (dataset, dataset.file_meta):
            for where, text in texts(part):
                for token in search.in_text(text):
                    seen.add(token)
                    found.append(Leak(name or path.name, where, token, search.tokens[token]))
                if any(root in text for root in roots):
                    found.append(Leak(name or path.name, where, "UID", "uid"))
    content = body_of(path)
    found += [
        Leak(name or path.name, "bytes", token, search.tokens[token]) for token in search.in_bytes(content) - seen
    ]
    found += [Leak(name, "file name", token, search.tokens[token]) for token in search.in_text(name)]
    return list({(leak.file, leak.where, leak.kind): leak for leak in found}.values())


def match(outputs: list[Path]) -> dict[int, Path]:
    """Return outputs by the instance number, which is different for every object of the corpus."""
    found: dict[int, Path] = {}
    for path in outputs:
        dataset = read(path)
        number = str(dataset.get("InstanceNumber", "")) if dataset is not None else ""
        if number.isdigit():
            found[int(number)] = path
    return found


def search_all(folder: Path, listing: dict[str, Any]) -> tuple[list[Leak], dict[int, Path]]:
    """Return all leaks under a folder, and the outputs by instance number."""
    outputs = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    by_number = match(outputs)
    numbers = {path: number for number, path in by_number.items()}
    patient_of = {one["number"]: one["patient"] for one in listing["files"]}
    searches = [Search(tokens) for tokens in listing["patients"]]
    everyone = Search({token: kind for tokens in listing["patients"] for token, kind in tokens.items()})
    leaks: list[Leak] = []
    for path in outputs:
        patient = patient_of.get(numbers.get(path, -1))
        search = everyone if patient is None else searches[patient]
        leaks += leaks_in(path, search, listing["roots"], str(path.relative_to(folder)))
    return leaks, by_number


def as_stream(content: bytes) -> io.BytesIO:
    """Return bytes as a file."""
    return io.BytesIO(content)

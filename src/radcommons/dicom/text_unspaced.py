"""Chinese, Japanese and Korean text: what is not made of known terms may be a name, and goes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from radcommons.dicom._tables import vocabulary

RUN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff々ー]+")
TERMS = frozenset(term for words in (vocabulary.HAN, vocabulary.KANA, vocabulary.HANGUL) for term in words.split())
LONGEST = max(map(len, TERMS))
# Beyond this many single characters in a row, each of which is a word, the run is not held for grammar.
MOST_SINGLES = 2


def foreign_runs(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of characters of unspaced scripts that no term covers."""
    for found in RUN.finditer(text):
        for start, end in _foreign(found[0]):
            yield found.start() + start, found.start() + end


@lru_cache(maxsize=4096)
def _foreign(run: str) -> tuple[tuple[int, int], ...]:
    solid = _covered(run)
    found: list[tuple[int, int]] = []
    position = 0
    while position < len(run):
        if solid[position]:
            position += 1
            continue
        end = position
        while end < len(run) and not solid[end]:
            end += 1
        piece = run[position:end]
        if len(piece) > MOST_SINGLES or not all(letter in TERMS for letter in piece):
            found.append((position, end))
        position = end
    return tuple(found)


def _covered(run: str) -> list[bool]:
    """Mark the characters that belong to a term of two characters and more, the longest first."""
    solid = [False] * len(run)
    position = 0
    while position < len(run):
        for length in range(min(LONGEST, len(run) - position), 1, -1):
            if run[position : position + length] in TERMS:
                solid[position : position + length] = [True] * length
                position += length
                break
        else:
            position += 1
    return solid

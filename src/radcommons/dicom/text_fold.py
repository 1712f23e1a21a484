"""Spellings of one word brought to one form, so that Müller, MUELLER and muller are found as the same name."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

WORD = re.compile(r"[^\W_]+")
# Latin letters and those of another script are two runs, also where no space parts them: a name after 患者.
_LATIN = "A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
LETTERS_ONLY = re.compile(rf"[{_LATIN}]+|(?:[^\W\d_{_LATIN}])+")
_LETTERS = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ŋ": "n",
    # Cyrillic, after the passport scheme of ICAO Doc 9303
    "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "e", "є": "ie", "ж": "zh", "з": "z", "и": "i",
    "і": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t",
    "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "ie", "ы": "y", "ь": "",
    "э": "e", "ю": "iu", "я": "ia",
    # Greek, after ISO 843
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l",
    "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f",
    "χ": "ch", "ψ": "ps", "ω": "o",
}  # fmt: skip
_TABLE = str.maketrans(_LETTERS)
_DIGRAPHS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})


def fold(text: str) -> str:
    """Return a text in lower case Latin letters without accents, as far as simple tables can."""
    if text.isascii():
        return text.lower()
    return _plain(unicodedata.normalize("NFC", text).casefold())


def _plain(lowered: str) -> str:
    # й is и with a breve when taken apart, so the tables go first and the accents after
    return unaccented(lowered.translate(_TABLE)).translate(_TABLE)


def unaccented(text: str) -> str:
    """Return a text without its combining marks."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


@lru_cache(maxsize=16384)
def keys(word: str) -> frozenset[str]:
    """Return the forms under which one word is known: plain, and with ä written ae.

    A form of more than four letters also stands with its oe, ue and ae drawn together, because a name that arrives as
    Mueller may be typed Muller elsewhere.
    """
    if word.isascii():
        found = {word.lower()}
    else:
        lowered = unicodedata.normalize("NFC", word).casefold()
        found = {_plain(lowered), _plain(lowered.translate(_DIGRAPHS))}
    found |= {re.sub("([aou])e", r"\1", form) for form in found if len(form) > 4}
    return frozenset(found)


def is_unspaced_script(text: str) -> bool:
    """Say whether a text has letters of a script that does not part words by spaces (Chinese, Japanese, Korean)."""
    return any(
        "\u3040" <= letter <= "\u30ff" or "\u3400" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7af"
        for letter in text
    )

"""Words that stand beside names: titles, kin and tasks before them, particles and initials around them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from radcommons.dicom.lexicon import is_clinical, is_core, is_listed_name
from radcommons.dicom.text_fold import LETTERS_ONLY, fold

# What follows one of these is a name, whatever word it is.
_TITLES = (
    r"dr|drs|prof|professor|doctor|mrs|mr|ms|miss|sir|herrn?|frau|hr|fr|mme|mlle|monsieur|madame|señora?|sra?|srta|don|doña|sig|"
    r"sig\.ra|signora?|dott|dott\.ssa|dra|mudr|dipl|lek|pan[ií]?|pd|oa|oä|ca|chefarzt|oberarzt|oberärztin|schwester|pfleger|"
    r"sister|nurse|rn|г-н|г-жа|д-р|доктор|врач|проф|κ|κα|δρ|د|دكتور|السيد|السيدة|دكتورة|ד\"ר|מר|גב'|פרופ"
)
_JOINTS = r"(?:(?:med|dent|univ|habil|phil|prof|dr|h\.c|rer|nat|md)\b\.?[\s,-]*)*"
_PARTICLES = r"(?:(?:van|von|vom|zu|zur|zum|der|den|de|del|della|di|da|dos|das|do|la|le|el|al|bin|ibn|ben|bint|abu|mac|mc|st|ten|ter)[\s-]+){0,3}"  # noqa: E501
# These are no names even right after a title.
_NO_NAMES = r"(?:and|or|for|to|the|is|was|has|had|at|of|in|on|by|will|who|und|ist|war|hat|für|fuer|et|est|y|e|es|called|phoned|informed|notified|aware|requests?|requested)\b"  # noqa: E501
TITLED = re.compile(
    rf"(?<![^\W_])(?:{_TITLES})(?![^\W\d_])\.?[\s,:]{{1,2}}{_JOINTS}(?:[^\W\d_]\.\s*){{0,2}}(?!{_NO_NAMES}){_PARTICLES}"
    r"(?:[^\W\d_](?:[^\W\d_]|['’-](?=[^\W\d_]))+|[^\W\d_](?![^\W\d_])\.?)",
    re.IGNORECASE,
)
SUFFIXED = re.compile(r"[^\W\d_][\w'’-]+(?:様|さん|先生|殿|医師|氏|女士|小姐|大夫|医生|선생님|선생|님|씨)")
# Kin, tasks and words of speech; a capitalised word that is both a name and an English word is a name after them.
_BEFORE = """
wife husband daughter son mother father sister brother spouse partner niece nephew aunt uncle cousin friend neighbor
neighbour caregiver guardian carer grandson granddaughter grandmother grandfather parent tochter sohn ehefrau ehemann
mutter vater bruder betreuer betreuerin fille fils epouse epoux mari mere pere soeur frere hija hijo esposa esposo
marido madre padre hermana hermano figlia figlio moglie marito sorella fratello filha filho mae pai tech technologist
technician radiographer operator by attending named aka alias nee genannt cc attn name pt patient patientin paciente
paziente signed with phoned called told informed notified asked from for per via an von durch por par da ref refdr
"""
BEFORE = frozenset(_BEFORE.split())
TASKS = frozenset(
    [
        "tech",
        "technologist",
        "technician",
        "radiographer",
        "operator",
        "by",
        "attending",
        "signed",
        "ref",
        "refdr",
        "initials",
        "mtra",
        "mta",
    ]
)
LONGEST_INITIALS = 4
# Clinical words that are also frequent names of people; their capital form is a name beside one.
_EITHER = """
long may april june august carina hart stern stark lange klein gross grosse groot grande grand campos cortes bauch lobo
lobos beat clear field fields hand short small low lower sharp wall ward page price power prior read reason ring star
stone su sunday way will weeks grey gray lang large major mayor cote clement clements close cam jan mar li lo ho he hu
long chin pan pai kim min mae dan van ben an le la les da do de moore block bone day early fan floor foot good key kidney
lot made mac male man mans mass meer new noble norma nova palm para paz post rain rose said shade she stack su tage te
tomo trace true uma una unique una weeks black brown white green king young bishop cook hope grace faith joy art
"""  # noqa: E501
EITHER = frozenset(_EITHER.split())
# Listed as somebody's name somewhere, and yet clinical beside any name.
_SURE = """
lung bone bones brain colon kidney kopf leber magen bauch cabeza thorax chest dose doppler echo oral central general
genesis philips glass male min max mass masse tomo axis vena zona deep delta alpha corona canal cord end endo median
media constant basic back case par age agent date doctor over post prior series set side trace spine neck head hip knee
foot hand part parts per op lobe stent stern valves wall water line major minor low lower zero norma november august
"""
SURE = frozenset(_SURE.split())
PARTICLES = frozenset(
    [
        "van",
        "von",
        "vom",
        "zu",
        "zur",
        "zum",
        "der",
        "den",
        "de",
        "del",
        "della",
        "di",
        "da",
        "dos",
        "das",
        "do",
        "la",
        "le",
        "el",
        "al",
        "bin",
        "ibn",
        "ben",
        "bint",
        "abu",
        "mac",
        "mc",
        "ter",
        "ten",
    ]
)
SIDES = frozenset("LRlr")
# Titles in small letters, and modalities, contrast agents or places of the body in capitals.
MODALITIES = frozenset({"MR", "MS", "CA", "PD", "OA", "FR", "HR"})
_NEAR = re.compile(r"[\s.,^'’_\-&/]{1,3}|")


def titled(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of titles with the name behind them."""
    yield from (found.span() for found in TITLED.finditer(text) if not _is_modality(found[0]))
    yield from (found.span() for found in SUFFIXED.finditer(text))


def _is_modality(titled_name: str) -> bool:
    """Say whether the title is none: MR Software, CA CHEST."""
    title, *_, name = LETTERS_ONLY.findall(titled_name)
    return title in MODALITIES and "." not in titled_name and is_core(name) and fold(name) not in EITHER


def beside(text: str, removed: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return initials, particles and name-like words right beside words that go.

    Parameters
    ----------
    text : str
    removed : iterable of (start, end)
        Places of names that are taken out.
    """
    words = [found.span() for found in LETTERS_ONLY.finditer(text)]
    gone = [any(a < end and start < b for a, b in removed) for start, end in words]
    found: list[tuple[int, int]] = []
    for step in (1, -1):
        order = range(len(words)) if step == 1 else range(len(words) - 1, -1, -1)
        for index in order:
            near = index - step
            if gone[index] or not 0 <= near < len(words) or not gone[near]:
                continue
            left, right = sorted((words[index], words[near]))
            between = text[left[1] : right[0]]
            if _NEAR.fullmatch(between) and _goes_along(text, words[index], words[near], between):
                gone[index] = True
                start, end = words[index]
                found.append((start, end + (end - start == 1 and text[end : end + 1] == ".")))
    return found + _after_kin(text, words, gone)


def _goes_along(text: str, word: tuple[int, int], name: tuple[int, int], between: str) -> bool:
    start, end = word
    this, that = text[start:end], text[name[0] : name[1]]
    if end - start == 1:
        # R and L are sides, unless a full stop or a comma makes them initials
        is_initial = "," in between or text[end : end + 1] == "." or "." in between
        return this.isupper() and (this not in SIDES or is_initial) and "-" not in between
    folded = fold(this)
    if folded in PARTICLES:
        # van stands before a name, Van may also follow one
        return between.strip() in ("", "-", "'", "’") and (start < name[0] or (this[0].isupper() and that[0].isupper()))
    if between.strip() not in ("", ",", "^", "-") or not (this[0].isupper() and that[0].isupper()):
        return False
    # in capitals throughout a word says less of itself than Real behind Dionisia
    if folded in EITHER:
        return True
    # a plain word written as a name beside a name: Wanting Duanmu
    return (
        this.istitle()
        and that.istitle()
        and folded not in SURE
        and (is_listed_name(this) or (is_clinical(this) and not is_core(this)))
    )


def _after_kin(text: str, words: list[tuple[int, int]], gone: list[bool]) -> list[tuple[int, int]]:
    found = []
    for index in range(1, len(words)):
        start, end = words[index]
        before = text[words[index - 1][0] : words[index - 1][1]]
        between = text[words[index - 1][1] : start]
        is_named = fold(before) in BEFORE or fold(before).rstrip("s") in BEFORE
        is_name = _is_either(text[start:end]) or (fold(before) in TASKS and _is_initials(text[start:end]))
        if not gone[index] and is_named and between.strip() in ("", ":", ".") and is_name:
            found.append((start, end))
    return found


def _is_initials(word: str) -> bool:
    return word.isupper() and 2 <= len(word) <= LONGEST_INITIALS and not is_core(word)


def _is_either(word: str) -> bool:
    return len(word) > 2 and word[0].isupper() and not word.isupper() and fold(word) in EITHER


def listed_pairs(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of two listed names beside each other: in a device's own words one alone may be a model."""
    words = [found.span() for found in LETTERS_ONLY.finditer(text)]
    for left, right in zip(words, words[1:], strict=False):  # noqa: RUF007
        pair = text[left[0] : left[1]], text[right[0] : right[1]]
        is_near = text[left[1] : right[0]].strip() in ("", ",", "^", ".")
        if is_near and all(len(word) > 1 and is_listed_name(word) and not is_core(word) for word in pair):
            yield left[0], right[1]

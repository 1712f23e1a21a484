"""Cleaning of a clinical document (HL7 CDA): its people are masked, its narrative is cleaned, and nothing else passes.

The document is built anew of what is allowed, so an element that nobody thought of is left behind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol
from xml.etree import ElementTree
from xml.parsers import expat

NAMESPACE = "urn:hl7-org:v3"
ROOT = "ClinicalDocument"
DEEPEST = 40
TEMPLATE = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*)){3,}")
CODE = re.compile(r"[A-Za-z0-9.-]{1,20}")
LANGUAGE = re.compile(r"[a-z]{2}(?:-[A-Z]{2})?")
TYPE_ID = {"root": "2.16.840.1.113883.1.3", "extension": "POCD_HD000040"}
CONFIDENTIALITY = "2.16.840.1.113883.5.25"
MASKED = {"nullFlavor": "MSK"}
BLOCKS = frozenset({"list", "table", "thead", "tbody", "tfoot", "tr"})
TEXTS = frozenset({"paragraph", "item", "td", "th", "caption"})
BREAKS = frozenset({"br", *TEXTS, *BLOCKS})


class Texts(Protocol):
    """How texts, codes, identifiers and times of a document are treated."""

    def words(self, text: str) -> str:
        """Return sentences without identity."""

    def is_free(self, code: str) -> bool:
        """Say whether a code holds nothing known of the patient."""

    def uid(self, original: str) -> str:
        """Return the UID in place of another one."""

    def time(self, value: str) -> str | None:
        """Return a time moved as the patient's times are, or None."""


class _NoDocument(ValueError):
    """The bytes are no document that can be cleaned."""


@dataclass(slots=True)
class Node:
    """An element as read: its name in the namespace of CDA, or an empty one, and what stands in it in order."""

    name: str
    attributes: dict[str, str]
    content: list[Node | str] = field(default_factory=list)

    def children(self, name: str) -> Iterator[Node]:
        """Yield the elements of a name."""
        yield from (one for one in self.content if isinstance(one, Node) and one.name == name)


def parse(content: bytes) -> Node | None:
    """Return the root of a document; None if it is no XML, declares a document type, nests too deep or is no CDA."""
    stack = [Node("", {})]
    parser = expat.ParserCreate(namespace_separator="}")

    def start(name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition("}")
        node = Node(local if space == NAMESPACE else "", attributes)
        if len(stack) > DEEPEST:
            raise _NoDocument
        stack[-1].content.append(node)
        stack.append(node)

    def refuse(*_: object) -> None:
        raise _NoDocument

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: stack.pop()
    parser.CharacterDataHandler = lambda text: stack[-1].content.append(text)
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content.rstrip(b" \0"), True)
    except (expat.ExpatError, ValueError):  # what it says may quote the document
        return None
    return next(stack[0].children(ROOT), None)


def clean_document(content: bytes, texts: Texts) -> bytes | None:
    """Return a clinical document without people, places and identifiers, in UTF-8.

    Parameters
    ----------
    content : bytes
        The stored document, with or without padding.
    texts : Texts

    Returns
    -------
    bytes or None
        None if it cannot be cleaned: no CDA, or its body is another format.  Kept are the kind of the document and of
        its sections, titles, times (moved) and the narrative (cleaned, without inline marks).  Coded entries and
        multimedia are left out, and who must be named is masked.

    References
    ----------
    HL7 CDA Release 2, sections 4.2 (header) and 4.3 (body); DICOM PS3.3, Encapsulated CDA IOD.
    """
    source = parse(content)
    if source is None:
        return None
    bodies = [body for component in source.children("component") for body in component.children("structuredBody")]
    body = ElementTree.Element("structuredBody")
    for one in bodies:
        _sections(one, body, texts)
    if not len(body):
        return None
    fresh = _header(source, texts)
    ElementTree.SubElement(fresh, "component").append(body)
    written: bytes = ElementTree.tostring(fresh, encoding="utf-8", xml_declaration=True)
    return written


def _header(source: Node, texts: Texts) -> ElementTree.Element:
    fresh = ElementTree.Element(ROOT, {"xmlns": NAMESPACE})
    ElementTree.SubElement(fresh, "typeId", TYPE_ID)
    _templates(source, fresh, texts)
    first = next(source.children("id"), Node("id", {}))
    original = f"{first.attributes.get('root', '')} {first.attributes.get('extension', '')}".strip()
    ElementTree.SubElement(fresh, "id", {"root": texts.uid(original)} if original else MASKED)
    _code(source, fresh, texts)
    _title(source, fresh, texts)
    when = next(source.children("effectiveTime"), Node("", {})).attributes.get("value", "")
    moved = texts.time(when) if when else None
    ElementTree.SubElement(fresh, "effectiveTime", {"value": moved} if moved else MASKED)
    ElementTree.SubElement(fresh, "confidentialityCode", {"code": "N", "codeSystem": CONFIDENTIALITY})
    language = next(source.children("languageCode"), Node("", {})).attributes.get("code", "")
    if LANGUAGE.fullmatch(language):
        ElementTree.SubElement(fresh, "languageCode", {"code": language})
    _masked_people(fresh)
    return fresh


def _masked_people(fresh: ElementTree.Element) -> None:
    """Write the people that the schema asks for, and say of each that he is masked."""
    target = ElementTree.SubElement(ElementTree.SubElement(fresh, "recordTarget"), "patientRole")
    ElementTree.SubElement(target, "id", MASKED)
    author = ElementTree.SubElement(fresh, "author")
    ElementTree.SubElement(author, "time", MASKED)
    ElementTree.SubElement(ElementTree.SubElement(author, "assignedAuthor"), "id", MASKED)
    holder = ElementTree.SubElement(ElementTree.SubElement(fresh, "custodian"), "assignedCustodian")
    ElementTree.SubElement(ElementTree.SubElement(holder, "representedCustodianOrganization"), "id", MASKED)


def _templates(source: Node, fresh: ElementTree.Element, texts: Texts) -> None:
    for node in source.children("templateId"):
        root = node.attributes.get("root", "")
        if TEMPLATE.fullmatch(root) and texts.is_free(root):
            ElementTree.SubElement(fresh, "templateId", {"root": root})


def _code(source: Node, fresh: ElementTree.Element, texts: Texts) -> None:
    for node in list(source.children("code"))[:1]:
        value, system = node.attributes.get("code", ""), node.attributes.get("codeSystem", "")
        if CODE.fullmatch(value) and TEMPLATE.fullmatch(system) and texts.is_free(value) and texts.is_free(system):
            shown = texts.words(node.attributes.get("displayName", ""))
            said = {"code": value, "codeSystem": system} | ({"displayName": shown} if shown else {})
            ElementTree.SubElement(fresh, "code", said)


def _title(source: Node, fresh: ElementTree.Element, texts: Texts) -> None:
    for node in list(source.children("title"))[:1]:
        ElementTree.SubElement(fresh, "title").text = texts.words(_flat(node))


def _sections(source: Node, fresh: ElementTree.Element, texts: Texts) -> None:
    for component in source.children("component"):
        for section in component.children("section"):
            made = ElementTree.SubElement(ElementTree.SubElement(fresh, "component"), "section")
            _templates(section, made, texts)
            _code(section, made, texts)
            _title(section, made, texts)
            for narrative in list(section.children("text"))[:1]:
                _narrative(narrative, ElementTree.SubElement(made, "text"), texts.words)
            _sections(section, made, texts)


def _narrative(source: Node, fresh: ElementTree.Element, words: Callable[[str], str]) -> None:
    """Write a narrative block: what stands loosely between its lists and tables becomes paragraphs."""
    loose: list[Node | str] = []
    for one in (*source.content, Node("list", {})):
        if isinstance(one, str) or one.name not in BLOCKS | TEXTS:
            loose.append(one)
            continue
        if source.name == "text" and (text := words(_flat(Node("", {}, loose)))):
            ElementTree.SubElement(fresh, "paragraph").text = text
        loose = []
        if one.content:
            made = ElementTree.SubElement(fresh, one.name)
            if one.name in TEXTS:
                made.text = words(_flat(one))
            else:
                _narrative(one, made, words)


def _flat(node: Node) -> str:
    """Return the text of a node without marks: names do not hide behind them."""
    return " ".join("".join(_pieces(node)).split(" ")).strip()


def _pieces(node: Node) -> Iterator[str]:
    for one in node.content:
        if isinstance(one, str):
            yield one
        else:
            yield from _pieces(one)
            yield "\n" if one.name in BREAKS else ""


# What a cleaned document may be made of, and what may stand in its attributes.
ELEMENTS = frozenset(
    {ROOT, "typeId", "templateId", "id", "code", "title", "effectiveTime", "confidentialityCode", "languageCode",
     "recordTarget", "patientRole", "author", "time", "assignedAuthor", "custodian", "assignedCustodian",
     "representedCustodianOrganization", "component", "structuredBody", "section", "text"}
) | BLOCKS | TEXTS  # fmt: skip
ATTRIBUTES = frozenset({"root", "extension", "code", "codeSystem", "displayName", "value", "nullFlavor"})


def texts_of_masked(content: bytes) -> list[str] | None:
    """Return all texts of a document whose people are masked, with its identifier; None for every other document.

    Notes
    -----
    For whoever judges a cleaned document: it reads the document, and shares no step with the cleaning.
    """
    root = parse(content)
    if root is None:
        return None
    texts: list[str] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        is_plain = node.name in ELEMENTS and node.attributes.keys() <= ATTRIBUTES
        if not is_plain or (node.name != "typeId" and "extension" in node.attributes):
            return None
        texts += [node.attributes.get("displayName", "")]
        texts += [node.attributes.get("root", "")] if node.name == "id" else []
        texts += [one for one in node.content if isinstance(one, str)]
        waiting += [one for one in node.content if isinstance(one, Node)]
    return [text for text in texts if text.strip()]

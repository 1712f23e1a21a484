"""Cleaning of clinical documents (HL7 CDA) inside objects."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from tests.unit.dicom.deid_objects import ct

from radcommons.dicom.deidentify import deidentify
from radcommons.dicom.deidentify_check import foreign_tokens, not_allowed
from radcommons.dicom.deidentify_document import cleaned_document
from radcommons.dicom.mapping import KeyedMapper
from radcommons.dicom.profile import load_profile
from radcommons.dicom.text import Cleaner
from radcommons.dicom.text_identity import KnownIdentity

KNOWN = KnownIdentity(names=frozenset({"Quellmann^Theobald"}), ids=frozenset({"4711088"}))
MAPPER = KeyedMapper(b"a secret of thirty-two bytes ...", site_code="SITE1", issuer="", patient_id="4711088")
SPACE = "{urn:hl7-org:v3}"
CDA = """<?xml version="1.0"?><?xml-stylesheet href="quellmann.xsl"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:x="urn:quellmann"><realmCode code="DE"/>
<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/><templateId root="2.16.840.1.113883.10.20.6"/>
<templateId root="2.16.840.1.4711088"/><id root="1.2.3" extension="4711088"/>
<code code="18748-4" codeSystem="2.16.840.1.113883.6.1" displayName="Diagnostic imaging report Quellmann"/>
<title>Chest report of Theobald Quellmann</title><effectiveTime value="20200414101500"/>
<confidentialityCode code="N"/><languageCode code="en-US"/><setId extension="4711088"/>
<recordTarget><patientRole><id extension="4711088"/><patient><name>
<given>Theobald</given><family>Quellmann</family></name>
<birthTime value="19280131"/></patient></patientRole></recordTarget>
<author><assignedAuthor><assignedPerson><name>Zorblaxx</name></assignedPerson></assignedAuthor></author>
<component><structuredBody><component><section><code code="11-1" codeSystem="2.16.840.1.113883.6.1"/>
<title>Findings</title><text>Pneumonia <content styleCode="Bold">Quell</content><content>mann</content>, left lung.
<paragraph>No <content>effusion</content>. Dr. Zorblaxx agrees.</paragraph><!-- Quellmann -->
<list><item>nodule 8 mm</item><item>seen with Zorblaxx</item></list>
<table><tbody><tr><th>lobe</th><td ID="quellmann">left</td></tr></tbody></table>
<linkHtml href="http://ris/Quellmann">image</linkHtml></text>
<entry><observation><value>Quellmann</value></observation></entry>
<component><section><title>Impression</title><text>normal heart</text></section></component></section></component>
</structuredBody></component></ClinicalDocument>"""


def clean(text: str | bytes) -> bytes | None:
    """Return a cleaned document."""
    return cleaned_document(
        text if isinstance(text, bytes) else text.encode(),
        cleaner=Cleaner(KNOWN, keeps_unknown_words=False),
        mapper=MAPPER,
        keeps_times=True,
        shift_days=-10,
    )


def test_a_clinical_document_keeps_its_findings_and_loses_its_people():
    """Names, numbers, birth date, strangers, comments, links, entries and instructions go; the narrative stays."""
    done = clean(CDA)
    assert done is not None
    lowered = done.lower()
    for gone in (b"quell", b"mann", b"theobald", b"4711088", b"1928", b"zorblaxx", b"stylesheet", b"entry", b"http"):
        assert gone not in lowered.replace(b"urn:hl7-org:v3", b""), gone
    for kept in (
        b"pneumonia",
        b"left lung",
        b"effusion",
        b"nodule 8 mm",
        b"findings",
        b"impression",
        b"normal heart",
        b"18748-4",
    ):
        assert kept in lowered, kept
    root = ElementTree.fromstring(done)
    assert root.find(f"{SPACE}effectiveTime").attrib == {"value": "20200404101500"}
    assert root.find(f"{SPACE}id").attrib == {"root": MAPPER.uid("1.2.3 4711088")}
    assert [one.attrib["root"] for one in root.findall(f"{SPACE}templateId")] == ["2.16.840.1.113883.10.20.6"]
    order = [child.tag.removeprefix(SPACE) for child in root]
    assert order[-4:] == ["recordTarget", "author", "custodian", "component"]
    assert root.find(f".//{SPACE}tr/{SPACE}td").text == "left"


@pytest.mark.parametrize(
    "content",
    [
        "<!DOCTYPE a [<!ENTITY b 'Quellmann'>]>" + CDA.partition("?>")[2].partition("?>")[2],
        CDA.replace("structuredBody", "nonXMLBody"),
        CDA.replace("urn:hl7-org:v3", "urn:other"),
        CDA[:900],
        b"%PDF-1.4 Quellmann",
        b"",
        "<a>" * 60 + "</a>" * 60,
    ],
)
def test_what_is_no_clean_structure_is_not_cleaned(content):
    """Entities, bodies of another format, foreign or broken XML and other formats are left to a person."""
    assert clean(content) is None


def test_an_object_with_a_clinical_document_passes_and_one_with_another_asks():
    """A cleaned document is a note, a document that cannot be checked is a question, and neither leaks."""
    told = {}
    for number, content in ((2, CDA.encode()), (1, b"%PDF-1.4 Quellmann ")):
        document = ct()
        document.SOPClassUID = f"1.2.840.10008.5.1.4.1.1.104.{number}"
        document.BurnedInAnnotation = "YES"
        document.EncapsulatedDocument = content + b" " * (len(content) % 2)
        done = deidentify(document, profile=load_profile("radcommons"), mapper=MAPPER, known=KNOWN)
        told[number] = {(one.code, one.severity.value) for one in done.findings if "document" in one.code}
        assert b"quellmann" not in bytes(done.dataset.EncapsulatedDocument).lower()
        assert done.dataset.BurnedInAnnotation == "NO"
        assert "identity-flagged" not in {one.code for one in done.findings}
        assert list(not_allowed(done.dataset, profile=load_profile("radcommons"))) == []
        assert [path for path, _ in foreign_tokens(done.dataset)] == []
    assert told == {2: {("document-cleaned", "note")}, 1: {("encapsulated-document", "question")}}


def test_a_document_that_names_somebody_is_not_allowed():
    """Who judges an object finds a document that was not cleaned, and words in a cleaned one that may be names."""
    document = ct()
    document.SOPClassUID = "1.2.840.10008.5.1.4.1.1.104.2"
    document.EncapsulatedDocument = CDA.encode()
    done = deidentify(document, profile=load_profile("radcommons"), mapper=MAPPER, known=KNOWN).dataset
    clean_one = bytes(done.EncapsulatedDocument)
    done.EncapsulatedDocument = CDA.encode()
    assert "EncapsulatedDocument" in list(not_allowed(done, profile=load_profile("radcommons")))
    done.EncapsulatedDocument = clean_one.replace(b"normal heart", b"Zorblax heart")
    assert ("EncapsulatedDocument", "zorblax") in list(foreign_tokens(done))

"""The Native DICOM Model."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from radcommons.dicomweb.xml import to_xml

SPACE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"


def parsed(**members: object) -> ET.Element:
    return ET.fromstring(to_xml({tag.removeprefix("t"): member for tag, member in members.items()}))  # type: ignore[misc]


def test_values_names_items_and_references() -> None:
    """Each kind of value stands as PS3.19 A.1.2 says, numbered from 1."""
    root = parsed(
        t00080008={"vr": "CS", "Value": ["ORIGINAL", None, "AXIAL"]},
        t00100010={"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane^^Dr", "Ideographic": "山田^花"}]},
        t00081140={"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2.3"]}}, {}]},
        t7FE00010={"vr": "OW", "BulkDataURI": 'http://x/y?a=1&b="2"'},
        t00281201={"vr": "OW", "InlineBinary": "AAAA"},
    )
    by_keyword = {one.get("keyword"): one for one in root}
    assert [(v.get("number"), v.text) for v in by_keyword["ImageType"]] == [("1", "ORIGINAL"), ("3", "AXIAL")]
    name = by_keyword["PatientName"][0]
    assert [(part.tag.removeprefix(SPACE), part.text) for part in name[0]] == [
        ("FamilyName", "Doe"),
        ("GivenName", "Jane"),
        ("NamePrefix", "Dr"),
    ]
    assert name[1][0].text == "山田"
    items = list(by_keyword["ReferencedImageSequence"])
    assert [item.get("number") for item in items] == ["1", "2"]
    assert items[0][0][0].text == "1.2.3"
    assert by_keyword["PixelData"][0].get("uri") == 'http://x/y?a=1&b="2"'
    assert root.find(f"{SPACE}DicomAttribute[@tag='00281201']/{SPACE}InlineBinary").text == "AAAA"  # type: ignore[union-attr]


def test_private_elements_name_their_creator() -> None:
    """The creator of their block, found from the element's own number."""
    root = parsed(
        t00091001={"vr": "LO", "Value": ["a"]},
        t00090010={"vr": "LO", "Value": ["INVENTED"]},
        t00091101={"vr": "LO", "Value": ["b"]},
    )
    assert [one.get("privateCreator") for one in root] == ["INVENTED", None, None]


def test_what_xml_cannot_hold_is_left_out() -> None:
    """Control characters and markup in values do not break the document."""
    root = parsed(t00081030={"vr": "LO", "Value": ["a\x01<b>&\ud800"]})
    assert root[0][0].text == "a<b>&"

"""What changed between two releases, and how a release is described to the world."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from radcommons.records.changes import compare, sentence
from radcommons.records.clinical import ClinicalRow
from radcommons.records.describe import Described, bibtex, datacite, doi_of, doi_url, schema_org
from radcommons.records.release import Counts, Release, ReleaseItem
from radcommons.records.terms import Terms, Tier

# The schema that DataCite publishes for its JSON, from the package `datacite` 1.4.1 (BSD-3-Clause).
SCHEMA = files("datacite") / "schemas" / "datacite-v4.5.json"  # as DataCite publishes it


def _item(number: int, *, digest: str = "0", patient: str = "ALFA-AAAAAAAAAA") -> ReleaseItem:
    return ReleaseItem(
        digest=(digest * 64)[:64],
        size=10,
        sop_class_uid="1.2",
        transfer_syntax_uid="1.2",
        modality="CT",
        site="ALFA",
        patient=patient,
        study_instance_uid="2.25.1",
        series_instance_uid="2.25.2",
        sop_instance_uid=f"2.25.3.{number}",
    )


def _release(number: int, items: tuple[ReleaseItem, ...], **more: Any) -> Release:
    release = Release(
        schema="radcommons/release/v1",
        id=f"chest-{number}",
        dataset="chest",
        number=number,
        title="T",
        tier=Tier.OPEN,
        steward="S",
        created_at="2026-11-22T10:00:00Z",
        terms=Terms(license="CC-BY-4.0"),
        citation="C",
        counts=Counts(patients=1, studies=1, series=1, instances=len(items), bytes=1, sites=1),
        submissions=(),
        items=items,
    )
    return replace(release, **more)


def test_each_kind_of_change_is_found() -> None:
    """Added, removed, corrected under the same UID, relabelled, and terms; what is the same is counted."""
    bravo = "BRAVO-BBBBBBBBBB"
    older = _release(
        1,
        (_item(1), _item(2), _item(3), _item(4, patient=bravo)),
        clinical=(ClinicalRow(patient="ALFA-AAAAAAAAAA", age_at_index=60),),
    )
    newer = _release(
        2,
        (_item(2), _item(3, digest="1"), _item(4, patient=bravo), _item(5)),
        clinical=(ClinicalRow(patient="ALFA-AAAAAAAAAA", age_at_index=61),),
        tier=Tier.CONTROLLED,
        terms=Terms(license="CC-BY-4.0", duo=("DUO:0000042",), geography=("DE", "FR")),
    )
    found = compare(older, newer)
    assert found.counts == {"added": 1, "removed": 1, "corrected": 1, "relabelled": 1, "terms": 3, "same": 2}
    assert [(old.digest[0], new.digest[0]) for old, new in found.corrected] == [("0", "1")]
    assert found.relabelled == ("ALFA-AAAAAAAAAA",)
    assert [(one.name, one.before, one.after) for one in found.terms] == [
        ("tier", "open", "controlled"),
        ("duo", "", "DUO:0000042"),
        ("geography", "", "DE, FR"),
    ]
    assert sentence(found.counts) == "1 added, 1 removed, 1 corrected, 1 relabelled, other terms"


def test_the_same_twice_is_no_change() -> None:
    """A patient that is new, or gone, is not relabelled."""
    rows = (ClinicalRow(patient="ALFA-AAAAAAAAAA", age_at_index=60),)
    one = _release(1, (_item(1),), clinical=rows)
    assert not compare(one, one).are_any
    assert sentence(compare(one, one).counts) == "nothing changed"
    empty = replace(one, items=(), clinical=())
    assert compare(empty, one).relabelled == compare(one, empty).relabelled == ()


def _described(**more: Any) -> Described:
    described = Described(
        id="chest-2",
        dataset="chest",
        number=2,
        title="Chest & more, 100% _new_",
        tier=Tier.CONTROLLED,
        steward="The Coalition",
        created_at="2026-11-22T10:00:00Z",
        terms=Terms(license="CC-BY-NC-4.0", duo=("DUO:0000042",), embargo_until="2027-01-01"),
        citation="The Coalition (2026).",
        notes="",
        counts={"patients": 1, "studies": 2, "series": 3, "instances": 4, "bytes": 5, "sites": 1},
        publisher="Imaging Commons",
        url="https://commons.example.org/releases/chest-2",
        previous_url="https://commons.example.org/releases/chest-1",
        doi="10.1234/chest-2",
        modalities=("CT", "CR"),
    )
    return replace(described, **more)


@pytest.mark.parametrize(
    "described",
    [
        _described(),
        _described(doi="", previous_url="", tier=Tier.OPEN, terms=Terms(license="A licence of our own")),
    ],
)
def test_the_metadata_fit_datacites_schema(described: Described) -> None:
    """The published JSON Schema accepts them, with all that is known and with the least."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft201909Validator(schema, format_checker=jsonschema.FormatChecker()).validate(datacite(described))
    broken = {**datacite(described), "creators": []}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft201909Validator(schema).validate(broken)


def test_the_metadata_say_what_matters() -> None:
    """License, access, data use, embargo, version and what it follows, in the words of each vocabulary."""
    found = datacite(_described())
    assert [one["rights"] for one in found["rightsList"]] == [
        "CC-BY-NC-4.0",
        "Restricted access: a data access request is needed",
        "Data use DUO:0000042",
    ]
    assert found["rightsList"][2]["rightsUri"] == "http://purl.obolibrary.org/obo/DUO_0000042"
    assert {"date": "2027-01-01", "dateType": "Available"} in found["dates"]
    assert found["publicationYear"] == "2027"
    assert found["relatedIdentifiers"][0]["relationType"] == "IsNewVersionOf"
    linked = schema_org(_described())
    assert (linked["@id"], linked["license"]) == (
        "https://doi.org/10.1234/chest-2",
        "https://spdx.org/licenses/CC-BY-NC-4.0.html",
    )
    assert linked["distribution"][1]["contentUrl"].endswith("/api/v1/releases/chest-2/manifest.csv")
    assert linked["distribution"][1]["contentUrl"].startswith("https://commons.example.org/api/")


def test_bibtex_is_safe_for_tex() -> None:
    """What TeX would take for a command stands as text."""
    text = bibtex(_described())
    assert text.startswith("@misc{chest-2,")
    assert r"title = {Chest \& more, 100\% \_new\_}" in text
    assert "author = {{The Coalition}}" in text
    assert (doi_of("", "x"), doi_url("")) == ("", "")

"""Documents have one canonical form, refuse what does not fit, and never repeat a value in an error."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radcommons.records import finding
from radcommons.records.documents import DETACHED, SEALED, canonical, digest, json_schema, parse, plain, seal, unseal
from radcommons.records.errors import DocumentError
from radcommons.records.finding import CODES, Finding, Severity
from radcommons.records.submission import (
    STATEMENT,
    Attestation,
    Item,
    PolicyRef,
    Review,
    Signature,
    Submission,
    Withdrawal,
)
from radcommons.records.terms import Terms

DIGEST = "ab" * 32
SIGNATURE = Signature(key_id="0123456789abcdef", algorithm="Ed25519", value="A" * 86 + "==")


def submission(**changes: Any) -> Submission:
    """Return a small valid submission."""
    policy = PolicyRef(id="any-imaging", version="1", digest=DIGEST)
    item = Item(
        digest=DIGEST,
        size=10,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        patient="ALFA-ABCDEFGHJK",
        study_instance_uid="2.25.1",
        series_instance_uid="2.25.2",
        sop_instance_uid="2.25.3",
        findings=(Finding(code="uid-missing", severity=Severity.NOTE, message="It was missing."),),
    )
    members: dict[str, Any] = {
        "schema": "radcommons/submission/v1",
        "site": "ALFA",
        "dataset": "covid-chest",
        "created_at": "2026-11-22T12:00:00Z",
        "protocol": policy,
        "profile": policy,
        "software": policy,
        "agreement": DIGEST,
        "legal_basis": "public interest",
        "ethics_reference": "",
        "terms": Terms(license="CC-BY-NC-4.0"),
        "country": "DE",
        "items": (item,),
        "attestation": Attestation(
            statement=STATEMENT,
            reviews=(Review(rule="automatic", objects=1, reviewer="system"),),
            at="2026-11-22T12:00:00Z",
        ),
    }
    return Submission(**{**members, **changes})


def test_round_trip_through_sealed_json() -> None:
    """What was sealed comes back equal, with the bytes that were signed."""
    record = submission()
    sealed = json.loads(json.dumps(seal(record, signature=SIGNATURE)))
    back, signature, signed = unseal(Submission, sealed)
    assert (back, signature, signed) == (record, SIGNATURE, canonical(record))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_canonical_bytes_do_not_depend_on_order(value: Any) -> None:
    """Members in another order give the same bytes and the same digest."""
    turned = json.loads(canonical(value))
    if isinstance(turned, dict):
        turned = dict(reversed(list(turned.items())))
    assert canonical(turned) == canonical(value)
    assert digest(turned) == digest(value)


def test_floats_are_refused() -> None:
    """A float has no one text form, so no signed document holds one."""
    with pytest.raises(TypeError):
        canonical({"a": 1.5})


@pytest.mark.parametrize(
    "change",
    [
        {"site": "alfa"},
        {"country": "Germany"},
        {"items": []},
        {"schema": "radcommons/submission/v2"},
        {"surprise": 1},
        {"created_at": "yesterday"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_does_not_fit_is_refused_by_name(change: dict[str, Any]) -> None:
    """A wrong member is named; its value is not repeated."""
    members = {**plain(submission()), **change}
    with pytest.raises(DocumentError) as caught:
        parse(Submission, members)
    assert next(iter(change)) in str(caught.value)


def test_errors_hold_no_value() -> None:
    """A name that slipped into a pseudonym's place is not repeated in the error."""
    members = {
        "schema": "radcommons/withdrawal/v1",
        "site": "ALFA",
        "at": "2026-11-22T12:00:00Z",
        "reason": "opt-out",
        "patients": ["Erika Mustermann"],
    }
    with pytest.raises(DocumentError) as caught:
        parse(Withdrawal, members)
    assert "Mustermann" not in str(caught.value)
    assert "patients" in str(caught.value)


@pytest.mark.parametrize("kind", [*SEALED.values(), *DETACHED.values()], ids=lambda kind: kind.__name__)
def test_schema_is_valid_json_schema(kind: type[Any]) -> None:
    """The published schema is a JSON Schema of the 2020-12 draft."""
    jsonschema.Draft202012Validator.check_schema(json_schema(kind, sealed=kind in SEALED.values()))


def test_schema_accepts_what_we_send_and_refuses_what_we_refuse() -> None:
    """The published schema and the parser agree on the submission."""
    validator = jsonschema.Draft202012Validator(json_schema(Submission, sealed=True))
    sealed = seal(submission(), signature=SIGNATURE)
    assert list(validator.iter_errors(sealed)) == []
    assert list(validator.iter_errors({**sealed, "site": "alfa"}))
    assert list(validator.iter_errors({**sealed, "surprise": 1}))


def test_finding_codes_are_documented() -> None:
    """Each finding code has a sentence for the reference."""
    assert all(line.endswith(".") for line in CODES.values())


def test_every_code_is_said_by_something() -> None:
    """No code stands in the reference that the program never gives."""
    here = Path(finding.__file__)
    others = [path.read_text("utf-8") for path in here.parents[1].rglob("*.py") if path != here]
    assert [code for code in CODES if not any(re.search(rf'"{code}["(:]', text) for text in others)] == []

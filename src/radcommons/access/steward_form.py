"""From the steward's forms to terms and a policy; what does not fit is said by the policy's own schema."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from radcommons.records.access_policy import DEFAULT_DEMANDS, AccessPolicy, FormField
from radcommons.records.access_request import cleaned
from radcommons.records.documents import parse, plain
from radcommons.records.duo_match import Limits
from radcommons.records.errors import UsageError
from radcommons.records.terms import Terms

Given = Mapping[str, Sequence[str]]
_DAY = re.compile(r"^\d{4}-\d\d-\d\d$")


def first(given: Given, name: str) -> str:
    """Return the first value of a form's field."""
    return next(iter(given.get(name, ())), "")


def _number(given: Given, name: str, before: int) -> int:
    text = first(given, name).strip()
    if not text:
        return before
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise UsageError(f"'{name}' is no whole number.", mend="Such as 20.")
    return int(text)


def terms_of(given: Given, *, before: Terms) -> Terms:
    """Return a dataset's terms from the form; the embargo stays.

    Raises
    ------
    UsageError
        If there is no licence.
    """
    license = cleaned(first(given, "license"))[:120]
    if not license:
        raise UsageError("The licence is missing.", mend="Such as CC-BY-4.0.")
    countries = tuple(sorted(set(given.get("geography", ()))))
    chosen = {one for one in (first(given, "permission"), *given.get("modifier", ())) if one}
    return replace(
        before,
        license=license,
        duo=tuple(sorted(chosen)),
        geography=countries if first(given, "somewhere") == "yes" else None,
    )


def policy_of(given: Given, *, before: AccessPolicy, parts: Collection[str]) -> AccessPolicy:
    """Return a policy with the parts that the form sets.

    Raises
    ------
    DocumentError
        If a value does not fit the policy's schema; it is named, its value is not.
    """
    made = before
    if "limits" in parts:
        made = replace(made, limits=_limits(given))
    if "words" in parts:
        made = replace(
            made,
            about=cleaned(first(given, "about"), lines=True),
            who_may=cleaned(first(given, "who_may"), lines=True),
        )
    if "days" in parts:
        made = replace(made, **_days(given, before))
    if "form" in parts:
        made = replace(made, form=_fields(given))
    members = plain(made)
    if "fast" in parts:
        members["fast_track"] = _fast(given, before)
    return parse(AccessPolicy, members)


def _limits(given: Given) -> Limits:
    moratorium = first(given, "moratorium").strip()
    if moratorium and not _DAY.fullmatch(moratorium):
        raise UsageError("The moratorium is no day.", mend="Such as 2027-03-31.")
    names = [cleaned(one)[:200] for one in first(given, "institutions").splitlines()]
    return Limits(
        disease=cleaned(first(given, "disease"))[:120],
        months=_number(given, "months", 0),
        moratorium=moratorium,
        institutions=tuple(one for one in names if one),
    )


def _days(given: Given, before: AccessPolicy) -> dict[str, Any]:
    names = ("promised_days", "quorum", "grant_days", "renew_window_days", "renewals")
    numbers: dict[str, Any] = {name: _number(given, name, getattr(before, name)) for name in names}
    reminders = first(given, "reminder_days").replace(",", " ").split()
    if any(not re.fullmatch(r"[0-9]{1,3}", one) for one in reminders):
        raise UsageError("The days of the reminders are no whole numbers.", mend="Such as 60, 14.")
    return numbers | {"reminder_days": tuple(sorted({int(one) for one in reminders}, reverse=True))}


def _fast(given: Given, before: AccessPolicy) -> dict[str, Any] | None:
    if first(given, "has_fast_track") != "yes":
        return None
    kept = before.fast_track
    demands = kept.demands if kept else DEFAULT_DEMANDS
    return {
        "title": cleaned(first(given, "fast_title"))[:200] or "Public-health emergency",
        "promised_days": _number(given, "fast_promised_days", kept.promised_days if kept else 3),
        "quorum": _number(given, "fast_quorum", kept.quorum if kept else 1),
        "grant_days": _number(given, "fast_grant_days", kept.grant_days if kept else 120),
        "demands": plain(demands),
    }


def _fields(given: Given) -> tuple[FormField, ...]:
    """Return the form's fields row by row; a row without a name is none, one that is to go is left out."""
    names = list(given.get("field_name", ()))
    columns = ("label", "kind", "hint", "section", "longest", "options")
    values = {one: list(given.get(f"field_{one}", ())) for one in columns}
    required, gone = set(given.get("field_required", ())), set(given.get("field_gone", ()))
    rows: list[dict[str, Any]] = []
    for place, name in enumerate(names):
        if not name.strip() or str(place) in gone:
            continue
        row: dict[str, Any] = {
            one: cleaned(column[place], lines=one == "options") if place < len(column) else ""
            for one, column in values.items()
        }
        options = [one.strip() for one in row["options"].splitlines() if one.strip()]
        longest = row["longest"] if re.fullmatch(r"[0-9]{1,5}", row["longest"]) else "300"
        rows.append(
            {
                **row,
                "name": name.strip(),
                "longest": int(longest),
                "options": options,
                "is_required": str(place) in required,
            }
        )
    return tuple(parse(FormField, row) for row in rows)

"""What a privacy officer asks, answered from this gateway's own profile, settings and counts; never a value."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa
from pydicom.datadict import dictionary_VR, keyword_for_tag

from radcommons.dicom._tables.ps3_15_e1 import BASIC
from radcommons.dicom._tables.ps3_15_e1_options import OPTIONS
from radcommons.dicom.profile import Profile, load_profile
from radcommons.site.agreement import Agreement, in_force
from radcommons.site.settings import SiteSettings
from radcommons.site.store import Store
from radcommons.site.tables import agreement as agreement_table
from radcommons.site.tables import fetch_study, patient, submission
from radcommons.site.users import PAGE_ADDRESS, needs_second_factor

DIMSE_ADDRESS = "dimse-address"
FATES = {"gone": "removed, emptied or made up", "mapped": "replaced by another", "cleaned": "searched and cleaned",
         "kept": "kept"}  # fmt: skip
_FATE_OF = {"X": "gone", "Z": "gone", "D": "gone", "U": "mapped", "C": "cleaned", "K": "kept"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One kind of element, and what becomes of it under the profile in force.

    Parameters
    ----------
    counts : dict
        Attributes of the standard's table by fate (`FATES`).
    examples : tuple of str
        What a reader knows of it.
    """

    title: str
    rule: str
    counts: dict[str, int]
    examples: tuple[str, ...]

    @property
    def total(self) -> int:
        """Attributes of this kind in the table."""
        return sum(self.counts.values())


_GROUPS = {
    "people": ("Names of people", ("patient", "physicians", "operators", "relatives")),
    "patient": ("The patient's numbers and address", ("patient number", "insurance", "address", "telephone")),
    "traits": ("What the patient is like", ("sex", "age", "size", "weight", "smoking")),
    "dates": ("Dates and times", ("study date", "birth date", "acquisition time")),
    "uids": ("Numbers that link objects", ("study, series and instance UIDs",)),
    "place": ("The hospital", ("institution", "department", "station", "address")),
    "device": ("The machine", ("serial number", "detector", "gantry", "plate")),
    "text": ("Text that people write", ("descriptions", "comments", "history", "reasons")),
    "rest": ("Everything else that the standard lists", ("order numbers", "codes", "overlays")),
}
_TRAITS = ("Age", "Sex", "Size", "Weight", "Ethnic", "Smoking", "Pregnan", "Allerg", "Alerts", "SpecialNeeds", "State")
_PLACES = ("Institution", "Department", "Station", "Location", "Residence", "Facility", "Service")
_DEVICES = ("Device", "Detector", "Gantry", "Plate", "Cassette", "Serial", "Generator", "Source", "Equipment", "Tube")
_TEXTS = ("Description", "Comment", "History", "Reason", "Text", "Label", "Diagnos", "Interpretation", "Notes")


def _kind(tag: int, keyword: str) -> str:
    vr = dictionary_VR(tag) if keyword else "UN"
    tests: tuple[tuple[str, bool], ...] = (
        ("people", vr == "PN"),
        ("dates", vr in ("DA", "DT", "TM") or "Timezone" in keyword),
        ("uids", vr == "UI"),
        ("text", any(word in keyword for word in _TEXTS)),
        ("traits", tag >> 16 == 0x0010 and any(word in keyword for word in _TRAITS)),
        ("patient", tag >> 16 == 0x0010),
        ("place", any(word in keyword for word in _PLACES)),
        ("device", any(word in keyword for word in _DEVICES)),
    )
    return next((name for name, holds in tests if holds), "rest")


def groups(profile: Profile) -> tuple[Group, ...]:
    """Return what becomes of each kind of element: counted from the table that the program runs on."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in _GROUPS}
    for tag in sorted(set(BASIC).union(*(OPTIONS.get(code, {}) for code in profile.codes))):
        letters = profile.action(tag) or "X"
        # Of several letters the object's definition decides; none of these keeps the value.
        counts[_kind(tag, keyword_for_tag(tag))][_FATE_OF.get(letters[:1], "gone")] += 1
    rules = _rules(profile)
    return tuple(
        Group(title=title, rule=rules[name], counts={fate: counts[name][fate] for fate in FATES}, examples=examples)
        for name, (title, examples) in _GROUPS.items()
    )


def _rules(profile: Profile) -> dict[str, str]:
    return {
        "people": "Never leave. The patient gets a pseudonym, the others nothing.",
        "patient": "Never leave. One pseudonym takes the place of every number.",
        "traits": "Stay where research needs them: sex, age (over 89 becomes 90), size, weight."
        if profile.has("113108")
        else "Do not leave.",
        "dates": dates_rule(profile),
        "uids": "Stay as they are."
        if profile.keeps_uids
        else "Become new ones that nobody can trace back without the secret; what belonged together still does.",
        "place": "Stays named." if profile.has("113112") else "Does not leave; the site code stands for it.",
        "device": "Maker and model stay; serial numbers too."
        if profile.has("113109")
        else "Maker and model stay; serial numbers and names of stations do not.",
        "text": "Searched for this patient's identity; words outside a clinical lexicon go too."
        if profile.has("113105") and not profile.keeps_unknown_words
        else ("Searched for this patient's identity." if profile.has("113105") else "Does not leave."),
        "rest": "By the standard's own table; what no object definition names is removed.",
    }


def dates_rule(profile: Profile) -> str:
    """Return what happens to dates, in a sentence."""
    if profile.keeps_dates:
        return f"Stay as they are, under the agreement {profile.agreement}."
    if not profile.shifts_dates:
        return "Do not leave."
    step = "whole weeks, so weekdays stay true" if profile.keeps_weekdays else "days"
    times = "Times of day stay." if profile.keeps_times else "Times of day go."
    return (
        f"Shifted by one secret number of {step} for each patient: the order and the intervals of one patient stay "
        f"true, the calendar does not. The day of birth goes. {times}"
    )


def pixels_rule(profile: Profile, settings: SiteSettings) -> tuple[tuple[str, str], ...]:
    """Return what happens to pictures, reports, private elements and documents."""
    found = "is covered where it was read with certainty; the rest waits for a person"
    writing = found if settings.pixels == "cover" else "makes the image wait for a person"
    captures = "are refused" if settings.captures == "refuse" else "are cleaned like images"
    private = "stay if the standard calls them safe" if profile.keeps_safe_private else "are removed"
    return (
        ("Writing in pictures", f"Every picture is searched; writing {writing}." if profile.cleans_pixels else
         "Pictures are searched; one with writing waits for a person."),
        ("Screen saves and dose sheets", f"They {captures}."),
        ("Faces", "Nothing removes a face from slices of a head: such series wait for a person."),
        ("Private elements of makers", f"They {private}."),
        ("Reports, marks, contours", "Their text is searched like descriptions; names in them are replaced."),
        ("Letters and documents (PDF)", "They wait for a person."),
    )  # fmt: skip


NEVER = (
    ("The crosswalk", "Which pseudonym is which patient. Encrypted, on this machine; the hub cannot ask for it."),
    ("The secret behind it", "Pseudonyms, new UIDs and the shift of dates are computed with it."),
    ("Originals", "Read, never sent; what the PACS pushed is deleted when it is decided."),
    ("The clinical table", "Only ages and numbers of days between events leave, never a date."),
    (
        "Who looked",
        "Names of staff, sign-ins and this audit trail. Decisions leave under a reviewer's pseudonym or name.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One box of the data flow picture."""

    name: str
    where: tuple[str, ...]
    holds: tuple[str, ...]
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One arrow of it."""

    words: str
    is_encrypted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """The data flow of this gateway as it is set up now."""

    places: tuple[Place, Place, Place]
    ways: tuple[Way, Way]


def data_flow(store: Store) -> Flow:
    """Return from where to where data goes, by which way, and who holds which key."""
    settings = store.settings
    sources, by = _sources(store)
    tls = bool(settings.dimse_tls_certificate)
    hub = urlsplit(settings.hub)
    port = hub.port or (443 if hub.scheme == "https" else 80)
    way = f"HTTPS, port {port}" if hub.scheme == "https" else f"HTTP on this machine, port {port}"
    over = f" through the proxy {urlsplit(settings.proxy).hostname}" if settings.proxy else ""
    return Flow(
        places=(
            Place(
                name="The hospital's archive",
                where=sources or ("no PACS yet: folders and CDs that people add",),
                holds=("originals, as ever",),
                identity="named",
            ),
            Place(
                name="This gateway",
                where=_doors(store),
                holds=("the crosswalk and its secret", "the signing key of the hospital", "the audit trail"),
                identity="named, encrypted at rest",
            ),
            Place(
                name="The coalition's hub",
                where=(settings.hub, f"dataset {settings.dataset}"),
                holds=("de-identified images under pseudonyms", "the hospital's public key", "its own signing key"),
                identity="pseudonyms only",
            ),
        ),
        ways=(
            Way(words=by + (", TLS" if tls else ", inside the hospital"), is_encrypted=tls),
            Way(words=f"{way}, outbound only{over}; signed", is_encrypted=hub.scheme == "https"),
        ),
    )


def _sources(store: Store) -> tuple[tuple[str, ...], str]:
    settings = store.settings
    with store.read() as connection:
        peers = [str(one) for one in connection.execute(sa.select(fetch_study.c.peer).distinct()).scalars()]
    callers = [f"{one} pushes" for one in settings.dimse_callers]
    folders = [f"folder {Path(one).name} is watched" for one in settings.watch]
    titles = f"DICOM as {settings.dimse_aet}"
    return tuple((*sorted(peers), *callers, *folders)), titles if peers or callers else "files and folders"


def _doors(store: Store) -> tuple[str, ...]:
    address = store.remembered(PAGE_ADDRESS)
    dimse = store.remembered(DIMSE_ADDRESS)
    factor = "password and phone" if needs_second_factor(store.settings) else "password (demonstration)"
    doors = [f"pages at {address}, {factor}" if address else "command line alone"]
    if dimse:
        doors.append(f"DICOM port at {dimse}")
    return tuple(doors)


def processing(store: Store) -> tuple[tuple[str, str], ...]:
    """Return the record of processing activities: the fields of Regulation (EU) 2016/679, Article 30(1)."""
    settings, profile = store.settings, load_profile(store.settings.profile)
    agreed = agreement(store)
    with store.read() as connection:
        persons = connection.execute(sa.select(sa.func.count()).select_from(patient)).scalar_one()
        sent = connection.execute(sa.select(sa.func.count()).select_from(submission)).scalar_one()
    over = " over TLS" if settings.hub.startswith("https://") else ""
    named = f"{agreed.title}, version {agreed.version}" if agreed else "the coalition's standing agreement"
    geography = ", ".join(settings.geography) if settings.geography else "no limit stated"
    return (
        ("Controller (a)", f"{settings.name or ', '.join(settings.sites)} (site code {', '.join(settings.sites)}, "
         f"country {settings.country}). Its representative and data protection officer: add them here."),
        ("Purpose (b)", f"Research on imaging in an epidemic within the coalition, dataset '{settings.dataset}'; "
         f"use is limited to {', '.join(settings.duo) or 'the terms of ' + settings.license}."),
        ("Legal basis (Art. 6 and 9)", f"{settings.legal_basis}; ethics: {settings.ethics_reference}."),
        ("Data subjects (c)", f"Patients examined at this hospital: {persons:,} in the crosswalk now."),
        ("Categories of data (c)", "Diagnostic images and their technical description; sex, age; test results and "
         "outcome in days from the examination. Health data (Art. 9)."),
        ("Recipients (d)", f"The coalition's hub at {settings.hub}; from there whoever its terms admit "
         f"({settings.license})."),
        ("Transfers abroad (e)", f"Countries of use: {geography}."),
        ("Erasure (f)", "Originals stay with the hospital. A withdrawal reaches hub and holders in every state; the "
         "crosswalk stays as long as withdrawals must be possible."),
        ("Measures (g, Art. 32)", f"Pseudonymization by '{profile.title}' ({profile.id}, version {profile.version}, "
         f"digest {profile.digest[:16]}); encrypted store; named users with a second factor; chained audit trail; "
         f"signed submissions{over}; a canary set that must come out clean."),
        ("Agreement", f"{named}; digest {settings.agreement[:16]}; submissions so far: {sent}."),
        ("Opt-out", "A list is asked at every add and every submit." if settings.opt_out_list else
         "By `site opt-out`; no list is named in the settings."),
    )  # fmt: skip


def agreement(store: Store) -> Agreement | None:
    """Return the agreement in force with its clauses, None where the standing one holds."""
    with store.read() as connection:
        return in_force(connection, store.settings.agreement)


def accepted(store: Store) -> str:
    """Return who accepted the agreement and when, empty where nobody did here."""
    query = sa.select(agreement_table).where(agreement_table.c.digest == store.settings.agreement)
    with store.read() as connection:
        row = connection.execute(query).one_or_none()
    return f"accepted by {row.accepted_by} on {row.accepted_at[:10]}" if row else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One submission in the officer's list."""

    id: str
    at: str
    site: str
    items: int
    state: str


def sent(store: Store) -> Iterator[Sent]:
    """Yield the submissions, newest first."""
    query = sa.select(submission).order_by(submission.c.created_at.desc())
    with store.read() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        answer = json.loads(row.answer) if row.answer else {}
        state = str(answer.get("state", row.state))
        yield Sent(id=row.id, at=row.created_at, site=row.site, items=row[4], state=state)

"""The page that a privacy officer reads: what was done, what was kept and why, what waits, what nobody can promise.

One model for HTML and PDF. It names no source and holds no value of an attribute.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from importlib.metadata import version

from pydicom.datadict import keyword_for_tag

from radcommons.dicom._tables.ps3_15_e1 import BASIC
from radcommons.dicom._tables.ps3_15_e1_options import OPTIONS
from radcommons.dicom.actions import Op
from radcommons.dicom.profile import CODE_MEANINGS, OF_PIXELS, Profile
from radcommons.records.finding import CODES
from radcommons.site.deid_report import Context, by_attribute, certificate, tables
from radcommons.site.deid_run import Run
from radcommons.site.deid_values import Fate, PixelCheck

OPTION_WORDS = {
    "113100": "What the standard lists as identifying is removed, emptied, replaced or mapped.",
    "113101": "Text in the pixels is looked for; what is found is taken out, or the object waits for a person.",
    "113102": "Objects that show a face are not given out without a person or a tool that removes it.",
    "113103": "Graphics and overlays are removed or checked for writing.",
    "113104": "Reports and measurements stay; names, numbers and dates in them are cleaned.",
    "113105": "Descriptions stay; names, numbers and unknown words in them are taken out.",
    "113106": "Dates stay as they are, under an agreement that the profile names.",
    "113107": "Dates are shifted by one secret number of days per patient; intervals stay exact.",
    "113108": "Sex, age, size and weight stay; ages over 89 become 90.",
    "113109": "The devices stay named.",
    "113110": "UIDs stay as they are, so objects can be linked to their originals.",
    "113111": "Private elements that the standard or the object itself calls safe stay.",
    "113112": "The institution stays named.",
}
PROMISES = (
    ("A rare case may be known by what it shows.", "A body, a disease and dates together can point to one person."),
    ("Surfaces of heads can be rebuilt from slices.", "CT and MR of a head show a face; look at such series yourself."),
    (
        "Text is searched by rules and lists.",
        "An unknown nickname in a clinical sentence may pass; people should look.",
    ),
    ("Writing in pixels is found by a network.", "It finds nearly all; faint or hand-written marks may stay."),
    ("In law this may still be personal data.", "Whoever holds the key or the originals can link them; see the GDPR."),
)
_UNSEEN = (
    "Nobody looked for writing in the pixels.",
    "It was switched off for this run: names that stand in an image are still there.",
)
_NOT_APPLIED = "Not applied in this run, because looking at pixels was switched off; no output states it."
_CHANGED = (
    Op.REMOVE, Op.EMPTY, Op.DUMMY, Op.PSEUDONYM, Op.ACCESSION, Op.INSTANCE_UID, Op.UID, Op.DATE, Op.DESCRIPTOR,
    Op.NARRATIVE, Op.TECHNICAL, Op.CODE_STRING, Op.NUMBER, Op.AGE,
)  # fmt: skip
_SHOWN = 7
# What the record calls kept belongs to another table, and what the de-identifier states anew was not taken from anyone.
_NOT_DONE = frozenset({Op.CODE_STRING.value, Op.NUMBER.value})
_RESTATED = frozenset({
    "SpecificCharacterSet", "PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence",
    "LongitudinalTemporalInformationModified", "ContributingEquipmentSequence",
})  # fmt: skip
_TREATMENTS = {
    Op.INSTANCE_UID.value: "replaced by a new UID, the same in all objects",
    Op.UID.value: "replaced by a new UID, unless it is a public one",
    Op.DUMMY.value: "replaced by a value that means nothing",
    Op.TECHNICAL.value: "searched for names and numbers, and kept",
    Op.MEANING.value: "words of a code: searched, and kept",
}
# Of what was taken out, what a reader looks for first.
_LOOKED_FOR = (
    "PatientName", "PatientID", "PatientBirthDate", "OtherPatientIDs", "PatientAddress", "PatientTelephoneNumbers",
    "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "InstitutionName", "InstitutionAddress",
    "StationName", "AccessionNumber", "StudyID", "DeviceSerialNumber", "PatientComments", "Occupation",
)  # fmt: skip
# What a reader knows is named first.
_FAMILIAR = (
    "PatientSex", "PatientAge", "PatientSize", "PatientWeight", "EthnicGroup", "SmokingStatus", "PregnancyStatus",
    "StudyDescription", "SeriesDescription", "ProtocolName", "Allergies", "MedicalAlerts", "ImageComments", "StudyDate",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table: a name in a narrow column, words, and a number or nothing."""

    name: str
    words: str
    count: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A part of the page."""

    title: str
    lede: str
    heads: tuple[str, str, str]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One fate of the files, as a part of the whole."""

    name: str
    count: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything that both forms of the page show."""

    title: str
    lede: str
    facts: tuple[tuple[str, str], ...]
    shares: tuple[Share, ...]
    seen: int
    tables: tuple[Table, ...]
    promises: tuple[tuple[str, str], ...]
    foot: str


_INCOMPLETE = {
    "truncated": "The file ended too early: black or nothing stands where the rest of the image should be.",
    "undecodable-pixels": "Nothing said what form the pixels have, so the object came out without them.",
}
_FATES = {
    Fate.WRITTEN: "de-identified and given out",
    Fate.HELD: "wait for a person; nothing was given out",
    Fate.REFUSED: "cannot be used",
    Fate.IGNORED: "are no image objects",
    Fate.DUPLICATE: "were there twice",
}


def page_of(run: Run, context: Context) -> Page:
    """Return the page of a run."""
    profile, settings = context.profile, context.settings
    done = "would be done to" if settings.out is None else "was done to"
    return Page(
        title="De-identification report",
        lede=f"What {done} {number(run.seen)} files of {number(run.patients)} patients of site {settings.site}, by "
        f"which rules, and what stays for people to decide.",
        facts=(
            ("Made", context.made_at.replace("T", " ").replace("Z", " UTC")),
            ("Profile", f"{profile.title} ({profile.id}, version {profile.version})"),
            ("Profile digest", profile.digest[:32]),
            ("Tables", "; ".join(f"{name}: {edition}" for name, edition in tables().items())),
            ("Pseudonyms", _pseudonyms(context)),
            ("Software", f"radcommons {version('radcommons')}"),
        ),
        shares=tuple(Share(name=str(fate), count=run.fates[fate], words=words) for fate, words in _FATES.items()),
        seen=run.seen,
        tables=tuple(
            table
            for table in (
                _options(profile, context),
                _done(run),
                _kept(run, profile),
                _text_and_pixels(run, context),
                _incomplete(run),
                _waiting(run),
            )
            if table.rows
        ),
        promises=PROMISES if _looks(context) else (*PROMISES[:3], _UNSEEN, *PROMISES[4:]),
        foot="This page names no source and holds no value of an attribute. The full record of every action on every "
        "file is in the JSON report, which stays at the hospital.",
    )


def number(value: int) -> str:
    """Return a number with thin groups of three."""
    return f"{value:,}".replace(",", "\u202f")


def _pseudonyms(context: Context) -> str:
    if context.has_key_file:
        return "keyed with the site's secret (HMAC-SHA256): stable over runs, meaningless without the key"
    return "keyed with a secret of this run that was thrown away: nobody can make them again"


def _looks(context: Context) -> bool:
    return context.settings.pixels is PixelCheck.CHECK


def _options(profile: Profile, context: Context) -> Table:
    words = OPTION_WORDS if _looks(context) else OPTION_WORDS | dict.fromkeys(OF_PIXELS, _NOT_APPLIED)
    rows = tuple(Row(name=code, words=f"{CODE_MEANINGS[code]}. {words[code]}") for code in profile.codes)
    lede = "Codes of PS3.16 CID 7050; each output states those that hold for it in (0012,0064)."
    return Table(title="The rules", lede=lede, heads=("Code", "Option, and what it means", ""), rows=rows)


def _done(run: Run) -> Table:
    grouped: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for treatment, attribute, _reason, count in by_attribute(run):
        if treatment not in _NOT_DONE and attribute not in _RESTATED:
            grouped[treatment].append((attribute, count))
    order = {op.value: place for place, op in enumerate(_CHANGED)}
    rows = []
    for treatment in sorted(grouped, key=lambda name: order.get(name, len(order))):
        merged: dict[str, int] = defaultdict(int)
        for attribute, count in grouped[treatment]:
            merged[attribute] += count
        ordered = sorted(merged, key=lambda name: (_interest(name), -merged[name], name))
        shown = ", ".join(_plain(name) for name in ordered[:_SHOWN])
        more = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
        name = _capital(_TREATMENTS.get(treatment, treatment))
        rows.append(Row(name=name, words=f"{shown}{more}", count=number(len(ordered))))
    lede = "Attributes that did not pass as they were, in any object. Each output has its full list in the record."
    heads = ("Treatment", "Attributes, those that name people and places first", "Attributes")
    return Table(title="What was done", lede=lede, heads=heads, rows=tuple(rows))


def _interest(name: str) -> int:
    """Return where an attribute comes in a list: identifying ones first, those without a name last."""
    if name in _LOOKED_FOR:
        return _LOOKED_FOR.index(name)
    return len(_LOOKED_FOR) + name.startswith("(")


def _kept(run: Run, profile: Profile) -> Table:
    letters = {"K": "Kept by an option", "C": "Cleaned and kept"}
    rows = []
    tags = set(BASIC).union(*(OPTIONS.get(code, {}) for code in profile.codes))
    for letter, words in letters.items():
        names = sorted(keyword_for_tag(tag) for tag in tags if profile.action(tag) == letter and keyword_for_tag(tag))
        if names:
            familiar = [name for name in _FAMILIAR if name in names]
            shown = ", ".join(_plain(name) for name in [*familiar, *(n for n in names if n not in familiar)][:_SHOWN])
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            rows.append(Row(name=words, words=f"{shown}{more}", count=number(len(names))))
    total = sum(run.treatments[op.value] for op in (Op.KEEP, Op.NUMBER, Op.CODE_STRING, Op.TECHNICAL, Op.TIME))
    words = "Geometry, exposure, technique: they belong to the object's definition (PS3.3) and name nobody."
    rows.append(Row(name="Technical elements", words=words, count=number(total)))
    lede = "Only attributes of the object's own definition pass; each is there for research to work."
    return Table(title="What was kept, and why", lede=lede, heads=("Kind", "What", "Count"), rows=tuple(rows))


def _text_and_pixels(run: Run, context: Context) -> Table:
    proof = certificate(run, context)
    texts = (
        ("Texts", "known-identity-in-text", "outputs in which a name, number or date was taken out of a text"),
        ("Words", "words-removed", "outputs in which words outside the clinical lexicon were taken out"),
        ("Private", "private-removed", "outputs that lost private elements"),
    )
    rows = [Row(name=name, words=words, count=number(run.findings[code])) for name, code, words in texts]
    pixels = {
        "checked": f"outputs whose pixels were searched for writing ({number(run.frames_checked)} frames)",
        "cleaned": "outputs in which writing was found and taken out",
        "not-checked": "outputs whose pixels nobody looked at, because it was switched off",
        "none": "outputs without pixels",
    }
    rows += [
        Row(name="Pixels", words=words, count=number(run.pixels[kind]))
        for kind, words in pixels.items()
        if run.pixels[kind]
    ]
    rows.append(Row(name="Checked again", words=f"{proof['rule']}: {proof['statement']}", count=number(run.verified)))
    heads = ("Where", "What was looked at", "Outputs")
    lede = "Texts of every kept attribute at every depth, the pixels, and the result by an independent checker."
    return Table(title="What was looked at", lede=lede, heads=heads, rows=tuple(rows))


def _incomplete(run: Run) -> Table:
    rows = [
        Row(name=f"Incomplete: {code}", words=_INCOMPLETE.get(code, CODES.get(code, "")), count=number(count))
        for code, count in sorted(run.incomplete.items())
    ]
    if run.withdrawn:
        words = "Outputs of earlier runs whose objects are now stopped; they were deleted from the output folder."
        rows.append(Row(name="Taken back", words=words, count=number(run.withdrawn)))
    lede = "Given out although the file was broken, with what was left of it; a person should decide about its use."
    return Table(title="What is not whole", lede=lede, heads=("What", "What it means", "Files"), rows=tuple(rows))


def _waiting(run: Run) -> Table:
    rows = tuple(
        Row(name=f"{_capital(str(fate))}: {code}", words=CODES.get(code, ""), count=number(count))
        for (fate, code), count in sorted(run.reasons.items(), key=lambda entry: (-entry[1], entry[0]))
        if fate in (Fate.HELD, Fate.REFUSED)
    )
    lede = "None of these was given out."
    return Table(title="What waits or was refused", lede=lede, heads=("Reason", "What it means", "Files"), rows=rows)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _plain(keyword: str) -> str:
    """Return a keyword with breaks between its words, for people; tags stay."""
    letters = []
    for place, letter in enumerate(keyword):
        before = keyword[place - 1 : place]
        after = keyword[place + 1 : place + 2]
        if place and letter.isupper() and (before.islower() or (after.islower() and before.isalpha())):
            letters.append(" ")
        letters.append(letter)
    return "".join(letters).replace("I Ds", "IDs")

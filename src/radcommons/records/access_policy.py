"""How a dataset may be asked for: the form's fields, the promised days, the committee's quorum, the fast track.

All of it is data that a steward sets. What the program itself reads of a request are the fields in `NEEDED`; a form
may say anything about them but leave them out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from radcommons.records.duo_match import Limits
from radcommons.records.errors import DocumentError

FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Line = Annotated[str, StringConstraints(max_length=300)]


class FieldKind(StrEnum):
    """How a field is filled in."""

    LINE = "line"
    TEXT = "text"
    EMAIL = "email"
    NUMBER = "number"
    YES = "yes"
    COUNTRY = "country"
    CHOICE = "choice"
    PURPOSES = "purposes"  # of the Data Use Ontology
    PEOPLE = "people"


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One question of a request form.

    Parameters
    ----------
    name : str
        Its key among the answers.
    label, hint : str
    kind : FieldKind
    section : str
        The heading that it stands under.
    is_required : bool
    longest : int
        Characters of a text.
    options : tuple of str
        Of a choice.
    """

    name: FieldName
    label: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    kind: FieldKind = FieldKind.LINE
    hint: Line = ""
    section: Annotated[str, StringConstraints(max_length=80)] = "Project"
    is_required: bool = True
    longest: Annotated[int, Field(ge=1, le=20_000)] = 300
    options: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FastTrack:
    """An emergency's way: what it shortens (days, votes, length of the grant) and what it demands besides."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "Public-health emergency"
    promised_days: Annotated[int, Field(ge=1, le=365)] = 3
    quorum: Annotated[int, Field(ge=1, le=50)] = 1
    grant_days: Annotated[int, Field(ge=1, le=3650)] = 120
    demands: tuple[FormField, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPolicy:
    """How a dataset is asked for; `form` and the rest are shown to whoever asks before they begin.

    Parameters
    ----------
    about, who_may : str
        What the dataset is, and who may apply, in plain words.
    limits : Limits
        What the terms leave open.
    promised_days : int
        Within how many days of the endorsement the committee answers.
    quorum : int
        Votes that a decision needs.
    grant_days, renew_window_days, renewals : int
        How long a grant runs, how long before its end it can be renewed, and how often by one click.
    reminder_days : tuple of int
        Days before its end at which a grant's holder is written to.
    """

    about: Annotated[str, StringConstraints(max_length=5000)] = ""
    who_may: Annotated[str, StringConstraints(max_length=2000)] = ""
    limits: Limits = field(default_factory=Limits)
    promised_days: Annotated[int, Field(ge=1, le=365)] = 20
    quorum: Annotated[int, Field(ge=1, le=50)] = 2
    grant_days: Annotated[int, Field(ge=1, le=3650)] = 365
    renew_window_days: Annotated[int, Field(ge=1, le=365)] = 60
    renewals: Annotated[int, Field(ge=0, le=20)] = 2
    reminder_days: tuple[Annotated[int, Field(ge=1, le=365)], ...] = (60, 14)
    form: tuple[FormField, ...] = ()
    fast_track: FastTrack | None = None

    def fields(self, *, is_emergency: bool) -> tuple[FormField, ...]:
        """Return the questions of a request: the form, and what the fast track demands besides."""
        return self.form + (self.fast_track.demands if is_emergency and self.fast_track else ())

    def days(self, *, is_emergency: bool) -> int:
        """Return within how many days the committee answers."""
        return self.fast_track.promised_days if is_emergency and self.fast_track else self.promised_days

    def votes(self, *, is_emergency: bool) -> int:
        """Return how many votes a decision needs."""
        return self.fast_track.quorum if is_emergency and self.fast_track else self.quorum

    def length(self, *, is_emergency: bool) -> int:
        """Return how many days a grant runs."""
        return self.fast_track.grant_days if is_emergency and self.fast_track else self.grant_days


_F, _K = FormField, FieldKind
_USE, _PEOPLE, _SAFE = "Use", "People", "Safeguards"
DEFAULT_FORM: tuple[FormField, ...] = (
    _F(name="title", label="Title of the project", longest=150),
    _F(name="purpose", label="What do you want to find out?", kind=_K.TEXT, longest=3000),
    _F(
        name="plan",
        label="How will you do it?",
        kind=_K.TEXT,
        hint="Which images and variables, which methods, and what comes out.",
        longest=5000,
    ),
    _F(
        name="lay_summary",
        label="Summary for everybody",
        kind=_K.TEXT,
        hint="In words that a patient understands. It is published in the register when the project is approved.",
        longest=1800,
    ),
    _F(name="purposes", label="Purposes", kind=_K.PURPOSES, hint="Tick every one that applies.", section=_USE),
    _F(
        name="disease",
        label="Disease",
        hint="Where the research is about one, such as COVID-19.",
        section=_USE,
        is_required=False,
        longest=120,
    ),
    _F(name="months", label="For how many months?", kind=_K.NUMBER, section=_USE),
    _F(
        name="commercial",
        label="The project has a commercial aim.",
        kind=_K.YES,
        section=_USE,
        is_required=False,
    ),
    _F(name="care", label="Results will steer the care of patients.", kind=_K.YES, section=_USE, is_required=False),
    _F(name="publish", label="We will publish the results.", kind=_K.YES, section=_USE, is_required=False),
    _F(
        name="collaborate",
        label="We will work with those who collected the data.",
        kind=_K.YES,
        section=_USE,
        is_required=False,
    ),
    _F(
        name="give_back",
        label="We will send back what we derive, such as labels.",
        kind=_K.YES,
        section=_USE,
        is_required=False,
    ),
    _F(name="institution", label="Institution", hint="It signs, and answers for all.", section=_PEOPLE, longest=200),
    _F(
        name="organisation",
        label="Kind of institution",
        kind=_K.CHOICE,
        options=("not for profit", "for profit"),
        section=_PEOPLE,
    ),
    _F(name="country", label="Country where the data will be used", kind=_K.COUNTRY, section=_PEOPLE),
    _F(
        name="people",
        label="Everybody else who will work with the data",
        kind=_K.PEOPLE,
        hint="Each signs the agreement with an account of this e-mail address. You yourself need not stand here.",
        section=_PEOPLE,
        is_required=False,
    ),
    _F(
        name="official_name",
        label="Signing official",
        hint="Who may sign for the institution. The official gets a link by e-mail and needs no account.",
        section=_PEOPLE,
        longest=120,
    ),
    _F(name="official_email", label="E-mail address of the official", kind=_K.EMAIL, section=_PEOPLE, longest=254),
    _F(
        name="ethics",
        label="Ethics approval",
        kind=_K.TEXT,
        hint="Committee, number and day, or why none is needed.",
        section=_SAFE,
        is_required=False,
        longest=1000,
    ),
    _F(
        name="storage",
        label="Where will the data lie, and who can reach them?",
        kind=_K.TEXT,
        section=_SAFE,
        longest=2000,
    ),
)
DEFAULT_DEMANDS: tuple[FormField, ...] = (
    _F(
        name="emergency",
        label="Which emergency, and what cannot wait?",
        kind=_K.TEXT,
        hint="Published in the register.",
        section="Emergency",
        longest=1500,
    ),
    _F(
        name="authority",
        label="Which authority asks for it or has declared it?",
        section="Emergency",
        longest=300,
    ),
)
DEFAULT_POLICY = AccessPolicy(form=DEFAULT_FORM, fast_track=FastTrack(demands=DEFAULT_DEMANDS))

# What the program reads of a request, with the kind that it must have.
NEEDED: dict[str, FieldKind] = {
    "title": _K.LINE,
    "lay_summary": _K.TEXT,
    "purposes": _K.PURPOSES,
    "months": _K.NUMBER,
    "institution": _K.LINE,
    "country": _K.COUNTRY,
    "people": _K.PEOPLE,
    "official_name": _K.LINE,
    "official_email": _K.EMAIL,
}
_MAY_BE_EMPTY = frozenset({"people"})


def check_policy(policy: AccessPolicy) -> None:
    """Refuse a policy whose form does not hold together.

    Raises
    ------
    DocumentError
        If a field stands twice, a needed one is missing, of another kind or not required, or a choice has no options.
    """
    demands = policy.fast_track.demands if policy.fast_track else ()
    _check_fields((*policy.form, *demands))
    by_name = {one.name: one for one in policy.form}
    for name, kind in NEEDED.items():
        found = by_name.get(name)
        if found is None or found.kind is not kind or not (found.is_required or name in _MAY_BE_EMPTY):
            raise DocumentError(
                f"The form needs the field '{name}' of kind '{kind}'.", mend="Add it, and let it be required."
            )


def _check_fields(fields: Iterable[FormField]) -> None:
    seen: set[str] = set()
    for one in fields:
        if one.name in seen:
            raise DocumentError(f"The form has the field '{one.name}' twice.", mend="Give each its own name.")
        if one.kind is FieldKind.CHOICE and len(one.options) < 2:
            raise DocumentError(f"The choice '{one.name}' has fewer than two options.", mend="Name them.")
        if one.name in ("form_key", "emergency_track", "act", "revision"):
            raise DocumentError(f"The name '{one.name}' is taken.", mend="Choose another one.")
        seen.add(one.name)

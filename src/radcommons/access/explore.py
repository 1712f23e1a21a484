"""Explore: everything a visitor may see, narrowed by facets and words; the address is the query."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import numpy as np
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from radcommons.access.overview import modality_name
from radcommons.access.study_page import StudyCard, study_cards
from radcommons.catalogue import shelf
from radcommons.catalogue.credentials import Ports, Visitor
from radcommons.catalogue.facets import Asked, FacetIndex, Found
from radcommons.catalogue.holding_facts import BANDS, UNKNOWN
from radcommons.catalogue.holding_index import FACETS
from radcommons.catalogue.holding_shelf import Shelf
from radcommons.catalogue.images import Scope
from radcommons.catalogue.search import studies_of
from radcommons.platform.database import reading
from radcommons.records.cohort import OWNERS
from radcommons.records.event import ANONYMOUS, Actor, Role
from radcommons.records.identifiers import split_release_id
from radcommons.ui.pages import page

PAGE = 24
SORTS = (("newest", "Newest release"), ("largest", "Largest"), ("name", "Description"))
_SHOWN = 8  # values of a facet before the rest is folded
_BANDED = frozenset({"age", *BANDS})
_TONES = {"positive": "bad", "negative": "good"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One value of a facet: what is sent, what is read, how many studies have it, and whether it is chosen.

    The box keeps its `id`, so that it keeps the focus when the page is drawn anew.
    """

    value: str
    text: str
    count: int
    is_chosen: bool
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetView:
    """One facet as the page draws it; `folded` are the values behind a fold."""

    name: str
    title: str
    shown: tuple[Choice, ...]
    folded: tuple[Choice, ...]
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the address asks for."""

    asked: Asked
    text: str
    sort: str
    view: str
    offset: int

    def pairs(self) -> list[tuple[str, str]]:
        """Return the query of the address, without the place in the list."""
        made = [("q", self.text)] if self.text else []
        made += [(name, value) for name, values in self.asked.chosen.items() for value in values]
        made += [("sort", self.sort)] if self.sort != SORTS[0][0] else []
        return made + ([("view", self.view)] if self.view != "cards" else [])


def router() -> APIRouter:
    """Return the route of explore with the indexes that it keeps; that of everybody is begun with the application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(indexes_of(app).warm, app.state.platform.engine, ANONYMOUS)
        yield

    routes = APIRouter(include_in_schema=False, lifespan=lifespan)
    routes.add_api_route("/explore", explore, methods=["GET", "HEAD"], response_class=Response)
    return routes


def indexes_of(app: Any) -> Shelf:
    """Return the indexes that this process keeps."""
    if not hasattr(app.state, "explore_indexes"):
        app.state.explore_indexes = Shelf()
    found: Shelf = app.state.explore_indexes
    return found


def explore(request: Request, ports: Ports, who: Visitor) -> Response:
    """Show what is found, and what else there is."""
    return _answer(request, ports, who, indexes_of(request.app))


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """What a query finds now: studies in its order, the releases that it names, and the query as it was understood."""

    studies: tuple[str, ...]
    releases: tuple[str, ...]
    query: str


def found(request: Request, ports: Any, actor: Actor, *, query: str) -> Selected:
    """Return all that a query of explore finds for an actor."""
    want = wanted(parse_qsl(query[:4000]))
    index = indexes_of(request.app).standing(ports.engine, actor).index
    order = index.sorted(index.ask(want.asked), want.sort)
    return Selected(
        studies=tuple(index.uids[place] for place in order.tolist()),
        releases=want.asked.chosen.get("release", ()),
        query=urlencode(want.pairs()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The place of a study in what a query found, and the studies before and after it; empty at the ends."""

    number: int
    total: int
    previous: str
    next: str
    back: str


def beside(request: Request, ports: Any, who: Any, *, study: str, query: str) -> Beside | None:
    """Return where a study stands in what a query of explore finds now; None where it is not in it."""
    want = wanted(parse_qsl(query[:4000]))
    index = indexes_of(request.app).standing(ports.engine, who.actor).index
    order = index.sorted(index.ask(want.asked), want.sort)
    place = index.place_of(study)
    at = np.flatnonzero(order == place)
    if place is None or not len(at):
        return None
    number = int(at[0])

    def href(position: int) -> str:
        if not 0 <= position < len(order):
            return ""
        one = int(order[position])
        return _study_href(index, one, want)

    pairs = [*want.pairs(), *([("offset", str(number // PAGE * PAGE))] if number >= PAGE else [])]
    return Beside(
        number=number + 1,
        total=len(order),
        previous=href(number - 1),
        next=href(number + 1),
        back=_address("/explore", pairs),
    )


def _study_href(index: FacetIndex, place: int, want: Wanted) -> str:
    """Return the address of a study's page; it keeps the query and the newest chosen release that holds the study."""
    held = index.values_of("release", place)
    chosen = [one for one in want.asked.chosen.get("release", ()) if one in held]
    newest = max(chosen, key=lambda one: (split_release_id(one) or ("", 0))[1], default="")
    pairs = [("release", newest)] if newest else []
    pairs.append(("within", urlencode(want.pairs()) or f"sort={want.sort}"))
    return _address(f"/studies/{index.uids[place]}", pairs)


def wanted(query: Sequence[tuple[str, str]]) -> Wanted:
    """Return what a query asks for; what is no filter of ours, or too long to be one, is passed over."""
    chosen: dict[str, list[str]] = {}
    single: dict[str, str] = {}
    names = {name for name, _ in FACETS}
    for name, value in query[:200]:
        value = "".join(one for one in value[:128] if one.isprintable())
        if name in names and value and value not in chosen.get(name, []):
            chosen.setdefault(name, []).append(value)
        elif name in ("q", "sort", "view", "offset"):
            single[name] = value.strip()
    offset = single.get("offset", "")
    return Wanted(
        asked=Asked(
            chosen={name: tuple(values) for name, values in chosen.items()},
            words=tuple(one for one in single.get("q", "").split()[:8] if len(one) > 1),
        ),
        text=single.get("q", ""),
        sort=single["sort"] if single.get("sort") in dict(SORTS) else SORTS[0][0],
        view="table" if single.get("view") == "table" else "cards",
        offset=int(offset) if offset.isascii() and offset.isdecimal() and len(offset) < 9 else 0,
    )


def _answer(request: Request, ports: Any, who: Any, indexes: Shelf) -> Response:
    want = wanted(request.query_params.multi_items())
    standing = indexes.standing(ports.engine, who.actor)
    index = standing.index
    found = index.ask(want.asked)
    total = len(found.studies)
    offset = min(want.offset, max(total - 1, 0) // PAGE * PAGE)
    places = [int(one) for one in index.sorted(found, want.sort)[offset : offset + PAGE]]
    with reading(ports.engine) as connection:
        listed = shelf.releases(connection, who.actor)
    releases = [one.id for one in listed if one.id in want.asked.chosen.get("release", ())]
    cards = _cards(ports, Scope(actor=who.actor, release=releases[0] if len(releases) == 1 else None), index, places)
    address = partial(_address, request.url.path)
    base = want.pairs()
    return page(
        request,
        "access/explore.html",
        actor=who.actor,
        form_key=who.form_key,
        facets=_facets(index, found, want),
        cards=cards,
        total=total,
        held=index.held,
        awaited=standing.awaited,
        want=want,
        sorts=SORTS,
        chips=_chips(want, address),
        query=urlencode(base),
        here=address([*base, *([("offset", str(offset))] if offset else [])]),
        chosen_releases=releases,
        can_keep=who.actor.has(*OWNERS, Role.ADMINISTRATOR),
        closed=[one for one in listed if not one.is_open],
        hrefs={index.uids[place]: _study_href(index, place, want) for place in places},
        offset=offset,
        as_cards=address([pair for pair in base if pair[0] != "view"]),
        as_table=address([*(pair for pair in base if pair[0] != "view"), ("view", "table")]),
        previous=address([*base, ("offset", str(max(offset - PAGE, 0)))]) if offset else "",
        next=address([*base, ("offset", str(offset + PAGE))]) if offset + PAGE < total else "",
    )


def _address(path: str, pairs: Sequence[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _chips(want: Wanted, address: Any) -> list[tuple[str, str]]:
    """Return (text, address without it) of each filter."""
    base = want.pairs()
    titles = dict(FACETS)
    made = [(f"“{want.text}”", address([one for one in base if one[0] != "q"]))] if want.text else []
    for name, values in want.asked.chosen.items():
        for value in values:
            rest = [one for one in base if one != (name, value)]
            made.append((f"{titles[name]}: {_text(name, value)}", address(rest)))
    return made


def chips(query: str) -> list[str]:
    """Return the filters of a query as a page writes them."""
    return [text for text, _ in _chips(wanted(parse_qsl(query[:4000])), lambda _: "")]


def _text(name: str, value: str) -> str:
    return modality_name(value) if name == "modality" else value


def _facets(index: FacetIndex, found: Found, want: Wanted) -> list[FacetView]:
    made = []
    for name, title in FACETS:
        chosen = want.asked.chosen.get(name, ())
        every = zip(index.facets[name].values, map(int, found.counts[name]), strict=True)
        counted: Mapping[str, int] = {value: count for value, count in every if count or value in chosen}
        if not counted or (set(counted) <= {UNKNOWN} and not chosen):
            continue
        choices = [
            Choice(
                value=value,
                text=_text(name, value),
                count=count,
                is_chosen=value in chosen,
                id=f"{name}-{quote(value)}",
            )
            for value, count in sorted(counted.items(), key=partial(_rank, name))
        ]
        first = choices if name in _BANDED else choices[:_SHOWN]
        rest = choices[len(first) :]
        shown = [*first, *(one for one in rest if one.is_chosen)]
        made.append(
            FacetView(
                name=name,
                title=title,
                shown=tuple(shown),
                folded=tuple(one for one in rest if not one.is_chosen),
                most=max((one.count for one in choices), default=0),
            )
        )
    return made


def _rank(name: str, pair: tuple[str, int]) -> tuple[bool, int, str]:
    """Return the order of a facet's values: bands by their own, others by their counts; the unknown last."""
    value, count = pair
    if name in _BANDED:
        order = BANDS.get(name, ())
        return value == UNKNOWN, order.index(value) if value in order else 0, value
    return value == UNKNOWN, -count, value


def _cards(ports: Any, scope: Scope, index: FacetIndex, places: Sequence[int]) -> list[StudyCard]:
    """Return the cards of studies; the database says again what the actor may see."""
    uids = [index.uids[place] for place in places]
    rows = studies_of(ports.engine, scope, uids)
    with reading(ports.engine) as connection:
        middles = list(shelf.middle_instances(connection, scope, uids))
    root = f"/dicomweb/releases/{scope.release}" if scope.release else "/dicomweb"
    made = {one.uid: one for one in study_cards(list(rows.values()), middles, root=root, clinical=())}
    return [
        _badged(made[uid], index.values_of("test", place))
        for uid, place in zip(uids, places, strict=True)
        if uid in made
    ]


def _badged(card: StudyCard, tests: Sequence[str]) -> StudyCard:
    badges = tuple((one, _TONES.get(one.rpartition(" ")[2], "")) for one in tests if one != UNKNOWN)
    return StudyCard(
        uid=card.uid,
        title=card.title,
        line=card.line,
        mark=card.mark,
        image=card.image,
        site=card.site,
        size=card.size,
        badges=badges,
    )

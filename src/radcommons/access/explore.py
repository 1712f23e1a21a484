"""Explore: everything a visitor may see, narrowed by facets and words; the address is the query."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from radcommons.access.overview import modality_name
from radcommons.access.study_page import StudyCard, study_cards
from radcommons.catalogue import shelf
from radcommons.catalogue.credentials import Ports, Visitor
from radcommons.catalogue.facets import Asked, FacetIndex, Found
from radcommons.catalogue.holding_facts import UNKNOWN
from radcommons.catalogue.holding_index import FACETS
from radcommons.catalogue.holding_shelf import Shelf
from radcommons.catalogue.images import Scope
from radcommons.catalogue.search import studies_of
from radcommons.platform.database import reading
from radcommons.records.event import ANONYMOUS
from radcommons.ui.pages import page

PAGE = 24
SORTS = (("newest", "Newest release"), ("largest", "Largest"), ("name", "Description"))
_SHOWN = 8  # values of a facet before the rest is folded
_BANDS = frozenset({"age", "days"})
_BAND_ORDER = ("Before the test", "0 to 3", "4 to 7", "8 to 14", "15 to 30", "31 or more")
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
    indexes = Shelf()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(indexes.warm, app.state.platform.engine, ANONYMOUS)
        yield

    routes = APIRouter(include_in_schema=False, lifespan=lifespan)
    routes.add_api_route(
        "/explore", _endpoint(indexes), methods=["GET", "HEAD"], response_class=Response, name="explore"
    )
    return routes


def _endpoint(indexes: Shelf) -> Any:
    def explore(request: Request, ports: Ports, who: Visitor) -> Response:
        """Show what is found, and what else there is."""
        return _answer(request, ports, who, indexes)

    return explore


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
        closed=[one for one in listed if not one.is_open],
        kept={index.uids[place]: _kept_release(index, place, releases) for place in places},
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
        first = choices if name in _BANDS else choices[:_SHOWN]
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
    if name in _BANDS:
        return value == UNKNOWN, _BAND_ORDER.index(value) if value in _BAND_ORDER else 0, value
    return value == UNKNOWN, -count, value


def _kept_release(index: FacetIndex, place: int, releases: Sequence[str]) -> str:
    """Return the query of a study's link: the newest chosen release that holds it."""
    held = index.values_of("release", place)
    return next((f"?{urlencode({'release': one})}" for one in releases if one in held), "")


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

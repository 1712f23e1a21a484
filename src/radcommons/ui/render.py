"""The one renderer of pages.

How a zone uses it
------------------
A zone keeps its templates in its own folder (``access/templates/home.html``) and names them ``access/home.html``. The
app factory makes one renderer and tells it the zones and the navigation; the site's gateway has its own of both::

    renderer = Renderer(
        brand=Brand(name="Imaging Commons"),
        nav=[NavItem("Releases", "/"), NavItem("Curate", "/curate", roles={Role.CURATOR})],
        zones={"access": Path(access.__file__).parent / "templates"},
    )
    app.include_router(renderer.assets.router())

A page makes a `View` of who is looking and where, and renders with the page's own values::

    html = renderer.render("access/home.html", view=View(path="/", account=account), releases=releases)

A template starts with ``{% extends "ui/layout.html" %}`` and ``{% import "ui/components.html" as c with context %}``;
its blocks are ``title``, ``hero`` (the dark part, optional), ``main``, ``scripts``, ``foot``. Text is escaped always;
scripts and styles come from files alone, so `CSP` holds. Every form that posts carries ``{{ c.form_key() }}``.
Filters: ``number``, ``bytes``, ``day``, ``plural``, ``share``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from radcommons.ui.assets import Assets
from radcommons.ui.filters import FILTERS

TEMPLATES = Path(__file__).parent / "templates"

# No inline script or style and nothing from elsewhere; thumbnails are our own.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

Tone = Literal["", "good", "warn", "bad", "accent"]


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the main navigation; with `roles`, for accounts that have one of them."""

    label: str
    href: str
    roles: Collection[str] = ()

    def is_for(self, account: Account | None) -> bool:
        """Say whether an account sees it."""
        return not self.roles or (account is not None and not account.roles.isdisjoint(self.roles))

    def is_current(self, path: str) -> bool:
        """Say whether a page lies below it."""
        return path == self.href if self.href == "/" else path == self.href or path.startswith(f"{self.href}/")


@dataclass(frozen=True, slots=True)
class Account:
    """Who is signed in, as far as a page shows it."""

    name: str
    roles: frozenset[str] = frozenset()

    @property
    def initials(self) -> str:
        """Return up to two letters for the round mark."""
        words = self.name.split() or ["?"]
        return (words[0][:1] + (words[-1][:1] if len(words) > 1 else "")).upper()


@dataclass(frozen=True, slots=True)
class Flash:
    """A message about what was just done."""

    text: str
    tone: Tone = "good"
    more: str = ""


@dataclass(frozen=True, slots=True)
class Brand:
    """The name in the head of each page, and where it leads."""

    name: str
    aside: str = ""
    href: str = "/"
    about: str = "Software: radcommons."


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Who looks at which page.

    Parameters
    ----------
    path : str
        The page's path; marks the current entry of the navigation.
    account : Account or None
    form_key : str
        The session's key that every form repeats (macro ``form_key``).
    flashes : sequence of Flash
    theme : {"", "light", "dark"}
        What the visitor chose; empty leaves it to their system.
    """

    path: str
    account: Account | None = None
    form_key: str = ""
    flashes: Sequence[Flash] = field(default=())
    theme: str = ""


class Renderer:
    """Templates of `ui` and of the zones given, one navigation, one set of assets.

    Parameters
    ----------
    brand : Brand
    nav : sequence of NavItem
    zones : mapping of str to Path
        Zone name to its folder of templates.
    assets : Assets, optional
    sign_in, sign_out : str or None
        Addresses for the account's corner; None leaves it out.
    themes : str or None
        Where the switch between light and dark is sent; None keeps every page light.
    """

    def __init__(
        self,
        *,
        brand: Brand,
        nav: Sequence[NavItem],
        zones: Mapping[str, Path],
        assets: Assets | None = None,
        sign_in: str | None = "/sign-in",
        sign_out: str = "/sign-out",
        account_page: str | None = "/account",
        themes: str | None = None,
    ) -> None:
        self.assets, self.brand = assets or Assets(), brand
        folders: dict[str, BaseLoader] = {name: FileSystemLoader(folder) for name, folder in zones.items()}
        self._environment = Environment(
            loader=ChoiceLoader([PrefixLoader(folders), FileSystemLoader(TEMPLATES)]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(FILTERS)
        self._environment.globals.update(
            brand=brand,
            nav=tuple(nav),
            static=self.assets.url,
            sign_in=sign_in,
            sign_out=sign_out,
            account_page=account_page,
            themes=themes,
        )

    def render(self, template: str, *, view: View, **values: Any) -> str:
        """Return the HTML of a page.

        Raises
        ------
        jinja2.TemplateNotFound, jinja2.UndefinedError
            Faults of ours, never of the visitor.
        """
        return self._environment.get_template(template).render(view=view, **values)

    def problem(self, *, view: View, status: int, title: str, detail: str = "", mend: str = "") -> str:
        """Return the page for an error (403, 404, 410, 500 ...): what happened and what to do."""
        return self.render("ui/problem.html", view=view, status=status, title=title, detail=detail, mend=mend)

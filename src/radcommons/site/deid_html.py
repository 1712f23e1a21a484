"""The officer's page as one HTML file: its fonts and colours are inside, and it asks nobody for anything."""

from __future__ import annotations

import base64
import re
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from radcommons.site.deid_page import Page, number

_STATIC = files("radcommons.ui").joinpath("static")
_TEMPLATES = Path(__file__).parent / "templates"
_FONTS = {
    "Inter": "vendor/inter-latin-wght-normal.woff2",
    "Source Serif 4": "vendor/source-serif-4-latin-wght-normal.woff2",
}


def html(page: Page) -> str:
    """Return the page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    return environment.get_template("deid_report.html").render(
        page=page, tokens=_tokens(), fonts=_fonts(), logo=_logo()
    )


def _tokens() -> str:
    """Return the design tokens of the product's pages."""
    found = re.search(r":root \{.*?\n\}", _STATIC.joinpath("base.css").read_text("utf-8"), re.DOTALL)
    return found[0] if found else ""


def _fonts() -> dict[str, str]:
    return {
        family: base64.b64encode(_STATIC.joinpath(*name.split("/")).read_bytes()).decode()
        for family, name in _FONTS.items()
    }


def _logo() -> str:
    return _STATIC.joinpath("logo.svg").read_text("utf-8").strip()

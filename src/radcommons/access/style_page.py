"""`/style`: every component and colour on one page, for whoever builds a page and for the tests of how they look."""

from __future__ import annotations

import re

from fastapi import APIRouter, Request, Response

from radcommons.access.overview import age_chart
from radcommons.catalogue.credentials import Visitor
from radcommons.ui.assets import STATIC
from radcommons.ui.pages import page

_TOKEN = re.compile(r"^  --([a-z0-9-]+): (?:light-dark\(|#)", re.MULTILINE)
_FIGURES = (("035Y", "CR", 3), ("045Y", "CT", 6), ("052Y", "CT", 9), ("061Y", "CR", 4), ("071Y", "CT", 2))


def router() -> APIRouter:
    """Return the route of the page; it answers HEAD as well."""
    routes = APIRouter(include_in_schema=False)
    routes.add_api_route("/style", style_page, methods=["GET", "HEAD"], response_class=Response)
    return routes


def style_page(request: Request, who: Visitor) -> Response:
    """Show the colours as the style sheet names them, and every component."""
    tokens = _TOKEN.findall((STATIC / "base.css").read_text("utf-8"))
    return page(
        request,
        "access/style.html",
        actor=who.actor,
        form_key=who.form_key,
        tokens=tokens,
        chart=age_chart(_FIGURES),
    )

"""The officer's page as PDF, made without a browser: ReportLab and the fonts that every reader of PDF has."""

from __future__ import annotations

import io
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, KeepTogether, PageTemplate, Paragraph, Spacer
from reportlab.platypus import Table as Grid

from radcommons.site.deid_page import Page, Share, Table, number

# The colours of the product's pages (ui/static/base.css).
_INK, _INK_2, _RULE = HexColor("#10222b"), HexColor("#4c5c67"), HexColor("#dfe4e1")
_NIGHT, _NIGHT_INK, _AMBER = HexColor("#0c2b34"), HexColor("#b3c9cc"), HexColor("#dfb35b")
_FATES = {"written": "#7cd8cb", "held": "#dfb35b", "refused": "#e2836c", "ignored": "#7f9aa0", "duplicate": "#56747c",
          "accepted": "#7cd8cb", "quarantined": "#dfb35b", "withdrawn": "#7f9aa0", "under way": "#b3c9cc"}  # fmt: skip
_MARGIN = 15 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_KEPT_TOGETHER = 9  # rows; a longer table may break over sheets


def _style(size: float, *, font: str = "Helvetica", colour: Color = _INK, leading: float = 1.32) -> ParagraphStyle:
    return ParagraphStyle(f"{font}{size}", fontName=font, fontSize=size, leading=size * leading, textColor=colour)


_BODY, _QUIET = _style(7.4), _style(7.4, colour=_INK_2)
_BOLD, _SMALL = _style(7.4, font="Helvetica-Bold"), _style(6.8, colour=_INK_2)
_RIGHT = ParagraphStyle("right", parent=_BODY, alignment=2)
_RIGHT_SMALL = ParagraphStyle("right-small", parent=_SMALL, alignment=2)
_HEAD = _style(12, font="Times-Roman")


def pdf(page: Page) -> bytes:
    """Return the page as PDF: one or two sheets of A4."""
    buffer = io.BytesIO()
    document = BaseDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=12 * mm,
        bottomMargin=14 * mm,
        title=page.title,
        author="radcommons",
        creator="radcommons",
        producer="radcommons",
        lang="en",
        invariant=1,  # no time of its own: the page says when it was made
    )
    frame = Frame(_MARGIN, 14 * mm, _WIDTH, A4[1] - 26 * mm, 0, 0, 0, 0)
    document.addPageTemplates([PageTemplate(id="sheet", frames=[frame], onPage=_footing(page))])
    document.build(_flow(page))
    return buffer.getvalue()


def _footing(page: Page) -> object:
    def draw(canvas: Canvas, document: BaseDocTemplate) -> None:
        canvas.saveState()
        canvas.setFont("Helvetica", 7)
        canvas.setFillColor(_INK_2)
        canvas.drawString(_MARGIN, 8 * mm, f"{page.title} - {dict(page.facts)['Made']}")
        canvas.drawRightString(A4[0] - _MARGIN, 8 * mm, f"{document.page}")
        canvas.restoreState()

    return draw


def _flow(page: Page) -> list[Flowable]:
    flow: list[Flowable] = [_Band(page), Spacer(1, 5 * mm), _facts(page)]
    for table in page.tables:
        flow += [Spacer(1, 3.2 * mm), *_section(table)]
    flow += [Spacer(1, 4 * mm), _promises(page), Spacer(1, 3 * mm), Paragraph(_text(page.foot), _SMALL)]
    return flow


def _text(words: str) -> str:
    """Return text for ReportLab's small markup; thin spaces are none of the standard fonts' letters."""
    return escape(words.replace("\u202f", "\u00a0"))


class _Band(Flowable):  # type: ignore[misc]  # ReportLab has no types
    """The dark head with the title, the numbers and the bar."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.width, self.height = _WIDTH, 50 * mm

    def draw(self) -> None:
        """Draw on the canvas that ReportLab set."""
        canvas: Canvas = self.canv
        canvas.setFillColor(_NIGHT)
        canvas.roundRect(0, 0, self.width, self.height, 2.5 * mm, stroke=0, fill=1)
        canvas.setFillColor(white)
        canvas.setFont("Times-Roman", 21)
        canvas.drawString(7 * mm, self.height - 12 * mm, self.page.title)
        lede = Paragraph(_text(self.page.lede), _style(8.5, colour=HexColor("#d3e0e1")))
        _, height = lede.wrap(self.width - 50 * mm, 20 * mm)
        lede.drawOn(canvas, 7 * mm, self.height - 15 * mm - height)
        width = (self.width - 14 * mm) / len(self.page.shares)
        for place, share in enumerate(self.page.shares):
            self._share(canvas, share, 7 * mm + place * width, width)
        self._bar(canvas)

    def _share(self, canvas: Canvas, share: Share, x: float, width: float) -> None:
        canvas.setFillColor(_NIGHT_INK)
        canvas.setFont("Helvetica", 7.5)
        canvas.drawString(x, 22.5 * mm, share.name.capitalize())
        canvas.setFillColor(white)
        canvas.setFont("Helvetica-Bold", 15)
        canvas.drawString(x, 16.5 * mm, number(share.count).replace("\u202f", "\u00a0"))
        words = Paragraph(_text(share.words), _style(6.2, colour=_NIGHT_INK, leading=1.2))
        _, height = words.wrap(width - 3 * mm, 10 * mm)
        words.drawOn(canvas, x, 14.8 * mm - height)

    def _bar(self, canvas: Canvas) -> None:
        x, whole = 7 * mm, self.width - 14 * mm
        total = max(self.page.seen, 1)
        for share in self.page.shares:
            if share.count:
                width = max(whole * share.count / total, 0.8 * mm)
                canvas.setFillColor(HexColor(_FATES[share.name]))
                canvas.rect(x, 5 * mm, min(width, 7 * mm + whole - x), 2 * mm, stroke=0, fill=1)
                x += width + 0.4 * mm


def _facts(page: Page) -> Grid:
    rows = [[Paragraph(_text(name), _QUIET), Paragraph(_text(value), _BODY)] for name, value in page.facts]
    return Grid(rows, colWidths=[28 * mm, _WIDTH - 28 * mm], style=[*_PLAIN, ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5)])


_PLAIN = [
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
    ("RIGHTPADDING", (0, 0), (-1, -1), 6),
    ("TOPPADDING", (0, 0), (-1, -1), 0),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
]


def _section(table: Table) -> list[Flowable]:
    three = bool(table.heads[2])
    widths = [42 * mm, _WIDTH - 62 * mm, 20 * mm] if three else [16 * mm, _WIDTH - 16 * mm]
    heads = [Paragraph(_text(head), style) for head, style in zip(table.heads, (_SMALL, _SMALL, _RIGHT_SMALL),
             strict=True)]  # fmt: skip
    rows = [
        [Paragraph(_text(row.name), _BOLD), Paragraph(_text(row.words), _BODY), Paragraph(_text(row.count), _RIGHT)]
        for row in table.rows
    ]
    cells = [line[: len(widths)] for line in (heads, *rows)]
    style = [
        *_PLAIN,
        ("TOPPADDING", (0, 0), (-1, -1), 1.7),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.1),
        ("LINEBELOW", (0, 0), (-1, -1), 0.5, _RULE),
        *([("RIGHTPADDING", (-1, 0), (-1, -1), 0)] if three else []),
    ]
    lede = Paragraph(_text(table.lede), ParagraphStyle("lede", parent=_QUIET, keepWithNext=1, spaceAfter=1.5 * mm))
    head = [
        Paragraph(_text(table.title), ParagraphStyle("head", parent=_HEAD, keepWithNext=1, spaceAfter=1 * mm)),
        lede,
    ]
    grid = Grid(cells, colWidths=widths, style=style, repeatRows=1)
    return [KeepTogether([*head, grid])] if len(rows) < _KEPT_TOGETHER else [*head, grid]


def _promises(page: Page) -> KeepTogether:
    cells = [
        Paragraph(f"<b>{_text(claim)}</b><br/><font color='#4c5c67'>{_text(words)}</font>", _BODY)
        for claim, words in page.promises
    ]
    cells += [Paragraph("", _BODY)] * (len(cells) % 2)
    rows = [cells[place : place + 2] for place in range(0, len(cells), 2)]
    marks = [("LINEBEFORE", (n % 2, n // 2), (n % 2, n // 2), 2, _AMBER) for n in range(len(page.promises))]
    style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 7), *marks]
    grid = Grid(rows, colWidths=[_WIDTH / 2] * 2, style=style, spaceBefore=2 * mm)
    return KeepTogether([Paragraph("What cannot be promised", _HEAD), Spacer(1, 2 * mm), grid])

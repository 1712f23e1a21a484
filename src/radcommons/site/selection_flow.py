"""The exclusion flow: how many files went out at each step and why, as steps, as a table, and as a drawing.

Every file is counted once: what enters a step is what leaves it plus what went out beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap

from radcommons.records.finding import CODES
from radcommons.records.lifecycle import FileState
from radcommons.site.selection_settle import kept_protocols
from radcommons.site.status import FlowLine, flow
from radcommons.site.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why files went out at a step."""

    words: str
    files: int
    studies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: what is left at it, and what went out on the way to it."""

    title: str
    files: int
    out_title: str = ""
    out: tuple[Reason, ...] = ()

    @property
    def went_out(self) -> int:
        """Files that went out on the way to this step."""
        return sum(reason.files for reason in self.out)


def exclusion_flow(store: Store) -> tuple[Step, ...]:
    """Return the steps from all files seen to those that are ready or were sent."""
    with store.read() as connection:
        protocols = kept_protocols(connection).values()
    says = {criterion.id: criterion.says for protocol in protocols for criterion in protocol.criteria}
    return steps_of(flow(store), says=says)


_CHOSEN_CODES = ("other-series", "over-quota")


@dataclass(frozen=True, slots=True)
class _Gate:
    """One step of the road: what goes out on the way to it; `is_choice` are the codes that choosing gives."""

    title: str
    out_title: str
    states: tuple[FileState, ...]
    is_choice: bool = False


_GATES = (
    _Gate(
        "Images that can be used",
        "No image, unusable, or here before",
        (FileState.IGNORED, FileState.REFUSED, FileState.DUPLICATE),
    ),
    _Gate("Fit the criteria", "Outside the criteria, or left out by a reviewer", (FileState.EXCLUDED,)),
    _Gate(
        "Chosen from their study, within the quotas",
        "Another series preferred, or more than wanted",
        (FileState.EXCLUDED,),
        is_choice=True,
    ),
    _Gate("Decided", "Wait for a person", (FileState.HELD,)),
    _Gate("Ready or sent", "Withdrawn", (FileState.WITHDRAWN,)),
)


def steps_of(lines: Sequence[FlowLine], *, says: Mapping[str, str]) -> tuple[Step, ...]:
    """Return the steps that the counts make."""
    totals = {line.state: line for line in lines if not line.code}
    left = totals["seen"].files if "seen" in totals else 0
    steps = [Step(title="Files seen", files=left)]
    for gate in _GATES:
        out = tuple(_reasons(lines, totals, gate, says=says))
        left -= sum(reason.files for reason in out)
        steps.append(Step(title=gate.title, files=left, out_title=gate.out_title, out=out))
    return tuple(steps)


def _reasons(
    lines: Sequence[FlowLine],
    totals: Mapping[str, FlowLine],
    gate: _Gate,
    *,
    says: Mapping[str, str],
) -> Iterator[Reason]:
    is_choice = gate.is_choice
    for state in gate.states:
        told = [line for line in lines if line.state == state and line.code]
        ours = [line for line in told if (line.code in _CHOSEN_CODES) is is_choice or state != FileState.EXCLUDED]
        for line in ours:
            yield Reason(words=_words(line.code, says), files=line.files, studies=line.studies)
        if state in totals and not is_choice:
            # What has no code of its own: duplicates, withdrawn files, decisions without a question.
            rest = totals[state].files - sum(line.files for line in told)
            if rest:
                yield Reason(words=_STATE_WORDS[state], files=rest, studies=totals[state].studies)


_STATE_WORDS = {
    FileState.IGNORED: "No images: DICOMDIR, tables, text.",
    FileState.REFUSED: "Cannot be used.",
    FileState.DUPLICATE: "The same instance has been added before.",
    FileState.EXCLUDED: "Left out.",
    FileState.HELD: "Wait for a person.",
    FileState.WITHDRAWN: "Taken back at the patient's wish, or because of an error.",
}


def _words(code: str, says: Mapping[str, str]) -> str:
    return f"Not so: {says[code]}" if code in says else CODES.get(code, code)


# Drawing: units are close to pixels; a line of text is as wide as its letters on average.
_WIDTH, _BOX, _SIDE_X, _SIDE = 940, 380, 470, 470
_LETTER, _LINE, _PAD, _GAP = 7.1, 19, 14, 34
_SHOWN = 7


def drawn(steps: Sequence[Step], *, title: str = "Exclusion flow") -> str:
    """Return the flow as an SVG picture with title and description, in the page's or the reader's own colors.

    Parameters
    ----------
    steps : sequence of Step
    title : str

    Notes
    -----
    It carries no style and no script, so that it stands under the strictest policy and in any document.
    """
    parts: list[str] = []
    y = 2.0
    for number, step in enumerate(steps):
        side = _side_lines(step) if number else []
        side_height = len(side) * _LINE + 2 * _PAD if side else 0
        if number:
            parts.append(_arrow(y, y + max(side_height + 2 * _GAP / 3, _GAP)))
            if side:
                top = y + _GAP / 3
                parts.append(_side(side, top, side_height))
            y += max(side_height + 2 * _GAP / 3, _GAP)
        parts.append(_main(step, y, last=number == len(steps) - 1))
        y += 2 * _LINE + 2 * _PAD
    described = escape(" ".join(sentences(steps)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + 2:.0f}" role="img" '
        f'aria-labelledby="flow-t flow-d" class="flowchart" font-family="Inter, system-ui, sans-serif" font-size="14">'
        f'<title id="flow-t">{escape(title)}</title><desc id="flow-d">{described}</desc>{"".join(parts)}</svg>'
    )


def sentences(steps: Sequence[Step]) -> Iterator[str]:
    """Yield the flow in words, for those who do not see the drawing."""
    for step in steps:
        out = f"{step.out_title}: {step.went_out:,} files. " if step.went_out else ""
        yield f"{out}{step.title}: {step.files:,} files."


def _side_lines(step: Step) -> list[tuple[str, str, bool]]:
    """Return the lines of the box beside a step: text, number, whether it is the box's heading."""
    if not step.went_out:
        return []
    lines = [(step.out_title, f"{step.went_out:,}", True)]
    reasons = sorted(step.out, key=lambda one: -one.files)
    room = int((_SIDE - 2 * _PAD - 70) / _LETTER)
    for reason in reasons[:_SHOWN]:
        first, *more = wrap(reason.words, room) or [""]
        lines.append((first, f"{reason.files:,}", False))
        lines += [(line, "", False) for line in more]
    if len(reasons) > _SHOWN:
        rest = reasons[_SHOWN:]
        lines.append((f"{len(rest)} more reasons", f"{sum(one.files for one in rest):,}", False))
    return lines


def _main(step: Step, y: float, *, last: bool) -> str:
    height = 2 * _LINE + 2 * _PAD
    kind, width = ("flow-end", 2) if last else ("flow-step", 1.2)
    x, line = _PAD + 4, y + _PAD + 14
    box = f'<rect class="{kind}" x="2" y="{y:.1f}" width="{_BOX}" height="{height}" rx="8"'
    return (
        f'{box} fill="none" stroke="currentColor" stroke-width="{width}"/>'
        + _says(step.title, x, line)
        + _says(f"{step.files:,}", x, line + _LINE + 2, more=' font-size="19" font-weight="600"')
    )


def _says(text: str, x: float, y: float, *, more: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.1f}" fill="currentColor"{more}>{escape(text)}</text>'


def _side(lines: Sequence[tuple[str, str, bool]], y: float, height: float) -> str:
    middle = y + height / 2
    line = f'<path class="flow-line" d="M{2 + _BOX / 2:.0f} {middle:.1f}H{_SIDE_X - 6}" fill="none"'
    box = f'<rect class="flow-out" x="{_SIDE_X}" y="{y:.1f}" width="{_SIDE - 2}" height="{height:.1f}" rx="8"'
    parts = [
        f'{line} stroke="currentColor"/>',
        f'<path class="flow-head" d="M{_SIDE_X - 1} {middle:.1f}l-8 -4v8z" fill="currentColor"/>',
        f'{box} fill="none" stroke="currentColor" stroke-dasharray="4 3"/>',
    ]
    for number, (text, count, is_heading) in enumerate(lines):
        at = y + _PAD + 14 + number * _LINE
        weight = ' font-weight="600"' if is_heading else ""
        parts.append(_says(text, _SIDE_X + _PAD, at, more=weight))
        if count:
            parts.append(_says(count, _WIDTH - 2 - _PAD, at, more=f' text-anchor="end"{weight}'))
    return "".join(parts)


def _arrow(top: float, bottom: float) -> str:
    x = 2 + _BOX / 2
    return (
        f'<path class="flow-line" d="M{x:.0f} {top:.1f}V{bottom - 6:.1f}" fill="none" stroke="currentColor"/>'
        f'<path class="flow-head" d="M{x:.0f} {bottom:.1f}l-4 -8h8z" fill="currentColor"/>'
    )

"""Make `deploy/hub/grafana/board.json`: the panels are a table here, their frame is the same for all.

Run: python tools/make_board.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BOARD = Path(__file__).parents[1] / "deploy" / "hub" / "grafana" / "board.json"
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_EVERY = "[$__rate_interval]"
_SEARCH, _FRAMES = 'route=~".*/(studies|series|instances)",method="GET"', 'route=~".*/frames/.*"'


def _answers(chosen: str) -> str:
    return f"sum by (status) (rate(radcommons_http_seconds_count{{{chosen}}}{_EVERY}))"


def _quantile(share: float, chosen: str, by: str = "le") -> str:
    return f"histogram_quantile({share}, sum by ({by}) (rate(radcommons_http_seconds_bucket{{{chosen}}}{_EVERY})))"


def _spread(chosen: str) -> tuple[tuple[str, str], ...]:
    return tuple((_quantile(share, chosen), f"{share:.0%}") for share in (0.5, 0.95, 0.99))


def _bytes(which: str) -> tuple[str, str]:
    return f"topk(8, sum by (route) (rate(radcommons_http_{which}_bytes_total{_EVERY})))", "{{route}}"


# (title, unit, [(expression, legend)], width of 24)
_PANELS: tuple[tuple[str, str, tuple[tuple[str, str], ...], int], ...] = (
    ("Answers a second", "reqps", ((_answers(""), "{{status}}"),), 12),
    ("Faults, and refusals of the store", "reqps", ((_answers('status=~"5.."'), "{{status}}"),), 12),
    ("Time of a frame", "s", _spread(_FRAMES), 12),
    ("Time of a search", "s", _spread(_SEARCH), 12),
    ("Slowest routes, 95 %", "s", ((f"topk(8, {_quantile(0.95, '', 'le, route')})", "{{route}}"),), 24),
    ("Received", "Bps", (_bytes("received"),), 12),
    ("Sent", "Bps", (_bytes("sent"),), 12),
    ("Instances by state", "short", (("max by (state) (radcommons_instances)", "{{state}}"),), 8),
    ("Submissions by state", "short", (("max by (state) (radcommons_submissions)", "{{state}}"),), 8),
    ("Jobs that wait", "short", (("max(radcommons_jobs)", "waiting"),), 8),
    ("Memory", "bytes", (("process_resident_memory_bytes", "{{instance}}"),), 12),
    ("Processor", "percentunit", ((f"rate(process_cpu_seconds_total{_EVERY})", "{{instance}}"),), 12),
)


def board() -> dict[str, Any]:
    """Return the board as Grafana imports it."""
    panels, x, y = [], 0, 0
    for number, (title, unit, queries, width) in enumerate(_PANELS, start=1):
        if x + width > 24:
            x, y = 0, y + 8
        panels.append(
            {
                "id": number,
                "type": "timeseries",
                "title": title,
                "datasource": _SOURCE,
                "gridPos": {"x": x, "y": y, "w": width, "h": 8},
                "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
                "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
                "targets": [
                    {"refId": chr(65 + at), "expr": expression, "legendFormat": legend, "datasource": _SOURCE}
                    for at, (expression, legend) in enumerate(queries)
                ],
            }
        )
        x += width
    variable = {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    return {
        "uid": "radcommons-hub",
        "title": "radcommons hub",
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [variable]},
        "panels": panels,
    }


if __name__ == "__main__":
    BOARD.write_text(json.dumps(board(), indent=2) + "\n", "utf-8")

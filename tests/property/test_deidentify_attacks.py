"""Objects attacked in every place that their definition allows, by the command itself: nothing of it comes out."""

from __future__ import annotations

import json
import os
from collections import Counter

import pytest
from benchmarks.deid.attacks import build
from benchmarks.deid.leaks import search_all
from benchmarks.deid.peers import run_ours

# One more seed for whoever looks for the next leak: RADCOMMONS_ATTACK_SEED=17
SEEDS = [21, *filter(None, [int(os.environ.get("RADCOMMONS_ATTACK_SEED", "0"))])]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_attack_comes_out(seed, tmp_path):
    """Of people in fifteen languages, strangers in free text among them, no name or number is in any output's bytes."""
    listing = json.loads(json.dumps(build(tmp_path / "in", seed=seed, victims=2)))
    before, _ = search_all(tmp_path / "in", listing)
    assert len(before) > 4000
    assert {leak.kind for leak in before} > {"name", "stranger", "staff", "number", "phone", "mail", "encoded name"}
    done = run_ours(tmp_path / "in", tmp_path / "out", "--pixels", "off", "--report", str(tmp_path / "report.json"))
    leaks, outputs = search_all(tmp_path / "out", listing)
    assert Counter((leak.kind, leak.where) for leak in leaks) == Counter(), done.said
    told = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    held = {one["reason"] for one in told["files"] if one["outcome"] != "written"}
    assert held <= {"encapsulated-document"}
    assert len(outputs) >= len(listing["files"]) - 6

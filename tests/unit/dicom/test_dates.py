"""Dates, times and ages of DICOM values."""

from __future__ import annotations

import pytest

from radcommons.dicom.dates import age_at, shift_date, shift_datetime


@pytest.mark.parametrize(
    ("given", "moved"),
    [
        ("20200301", "20200229"), ("2020.03.01", "20200229"), ("00010101", None), ("20201301", None), ("today", None),
        ("", None), ("20200301 ", "20200229"),
    ],
)  # fmt: skip
def test_dates_move_by_days(given, moved):
    """Leap days count, broken dates are none."""
    assert shift_date(given, -1) == moved


@pytest.mark.parametrize(
    ("given", "moved"),
    [
        ("2020", "2019"), ("202001", "201912"), ("20200301", "20200229"),
        ("20200301101112.25+0100", "20200229101112.25"),
        ("2020030110", "2020022910"), ("20200301-0500", "20200229"), ("x", None),
    ],
)  # fmt: skip
def test_partial_datetimes_keep_their_precision(given, moved):
    """A year stays a year; the offset from UTC goes."""
    assert shift_datetime(given, -1) == moved


def test_age_between_dates():
    """Ages count birthdays, infants have months, the old are capped, and nonsense has no age."""
    assert age_at("19800401", "20200331") == "039Y"
    assert age_at("19800401", "20200401") == "040Y"
    assert age_at("20200101", "20200615") == "005M"
    assert age_at("19200101", "20200615") == "090Y"
    assert age_at("20210101", "20200615") is None

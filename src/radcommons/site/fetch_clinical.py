"""A clinical table beside a fetch: it decides what is fetched, and its numbers are held against the PACS's answers."""

from __future__ import annotations

from collections import defaultdict

from radcommons.site.clinical import ClinicalEntry, ClinicalTable
from radcommons.site.clinical_take import Matches, joined, known_patients, match, write_clinical
from radcommons.site.fetch_find import Plan
from radcommons.site.store import Store


def joined_table(
    store: Store, table: ClinicalTable | None, *, site: str, keep: bool
) -> dict[str, tuple[ClinicalEntry, ...]] | None:
    """Return what a table says by patient number, and keep it where it is to be kept; None without a table.

    Notes
    -----
    A number that means two patients of the gateway says nothing of either.
    """
    if table is None:
        return None
    with store.read() as connection:
        patients = joined(table, match(table, known_patients(connection, site=site)), accept_alike=False)
    if keep:
        with store.change() as change:
            write_clinical(change.connection, site, patients)
            change.tell("clinical.read", subject=f"site:{site}", patients=len(patients))
    return patients


def against_plan(store: Store, table: ClinicalTable, plan: Plan, *, site: str) -> Matches:
    """Return how the numbers of a table fit the patients that the PACS answered with."""
    answered: defaultdict[str, set[str]] = defaultdict(set)
    for planned in plan.studies.values():
        answered[planned.study.patient_id].add(planned.study.issuer)
    # An answer without an issuer says nothing against one with it.
    people = {number: {one for one in issuers if one} or issuers for number, issuers in answered.items() if number}
    with store.read() as connection:
        twice = {
            number: persons for number, persons in known_patients(connection, site=site).items() if len(persons) > 1
        }
    return match(table, {**people, **{number: twice[number] for number in twice if number in people}})

"""The access road from the first draft to the destroyed copy, as each person sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from radcommons.access import docket, remind, review, steward
from radcommons.access import grant as grant_verbs
from radcommons.access import request as verbs
from radcommons.catalogue import grants, requests
from radcommons.catalogue import tables as t
from radcommons.catalogue import tables_access as a
from radcommons.platform.database import reading, writing
from radcommons.records.access_request import day_after
from radcommons.records.committee import Vote
from radcommons.records.errors import Conflict, NotFound, NotPermitted, UsageError
from radcommons.records.event import Role
from radcommons.records.grant import Grant
from radcommons.records.lifecycle import GrantState, RequestState
from radcommons.records.terms import Tier
from unit.access.commons import CURATOR, image
from unit.access.controlled import ANSWERS, DATASET, TERMS, TEXT, Controlled, form_value, new_commons

RELEASE = f"{DATASET}-1"
EVIL = '"><script>alert(1)</script>'


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Controlled:
    """One commons for all."""
    return new_commons(tmp_path_factory.mktemp("road"))


@pytest.fixture
def road(shared: Controlled) -> Iterator[Controlled]:
    """The commons that tests share; each makes its own requests, and what it leaves open is withdrawn."""
    yield shared
    ada = shared.people["ada"].actor
    with reading(shared.platform.engine) as connection:
        left = [one.id for one in requests.of_account(connection, ada) if one.state in verbs.OPEN]
    for one in left:
        verbs.withdraw(one, platform=shared.platform, actor=ada)


@pytest.fixture
def fresh(tmp_path: Path) -> Controlled:
    """A commons of a test's own, where days go by or terms change."""
    return new_commons(tmp_path)


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let a day be today for what compares days; sessions and audit keep the real clock."""

    def today(day: str) -> None:
        moment = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)
        monkeypatch.setattr(grants, "now", lambda: moment)
        monkeypatch.setattr(docket, "now", lambda: moment)

    return today


def _approved(road: Controlled, **changed: Any) -> Grant:
    """Let a request go the whole road; return its grant."""
    made = road.endorsed(**changed)
    for name in ("una", "dos"):
        review.vote(made, choice=Vote.APPROVE, reason="", platform=road.platform, actor=road.people[name].actor)
    una = road.people["una"].actor
    review.decide(made, approve=True, reason="Sound.", conditions="Cite us.", platform=road.platform, actor=una)
    with reading(road.platform.engine) as connection:
        found = grants.of_request(connection, CURATOR, made)
    assert found is not None
    return found


def _reread(road: Controlled, grant: Grant) -> Grant:
    with reading(road.platform.engine) as connection:
        return grants.visible(connection, CURATOR, grant.id)


def _state(road: Controlled, identifier: str) -> RequestState:
    with reading(road.platform.engine) as connection:
        return requests.visible(connection, CURATOR, identifier).state


def test_the_whole_road_by_its_pages(fresh: Controlled) -> None:
    """Write, sign, institution, question, answer, votes, decision, download, as five people with nothing but forms."""
    ada, una, dos = (fresh.people[name] for name in ("ada", "una", "dos"))
    assert ada.get(f"/api/v1/releases/{RELEASE}/manifest.json").status_code == 403
    begun = ada.post(f"/datasets/{DATASET}/requests")
    edit = begun.headers["location"]
    form = ada.get(edit).text
    saved = ada.post(edit, revision=form_value(form, "revision"), act="sign", **ANSWERS)
    assert saved.headers["location"] == edit.replace("/edit", "/sign")
    shown = ada.get(saved.headers["location"]).text
    assert TEXT.splitlines()[1] in shown
    signing = {"version": form_value(shown, "version"), "revision": form_value(shown, "revision")}
    signed = ada.post(saved.headers["location"], typed_name="Ada Applicant", **signing)
    status = signed.headers["location"]
    assert "Dean Official is asked to sign" in ada.get(status).text

    nobody = fresh.client()
    link = f"/sign/{fresh.link()}"
    assert TEXT.splitlines()[2] in nobody.get(link).text
    assert "Signed. Thank you." in nobody.post(link, data={"act": "sign", "typed_name": "Dean Official"}).text

    case = status.replace("/requests/", "/committee/")
    assert "Lung involvement over time" in una.get("/committee").text
    assert una.post(case, act="ask", text="Which scanners?").status_code == 303
    assert "Which scanners?" in ada.get(status).text
    ada.post(f"{status}/messages", body="All of them.")
    for member in (una, dos):
        assert member.post(case, act="vote", vote="approve").status_code == 303
    dos.post(case, act="approve", text="Sound plan.", conditions="Cite us.")
    told = ada.get(status).text
    assert "Sound plan." in told
    assert "Cite us." in told
    assert ada.get(f"/api/v1/releases/{RELEASE}/manifest.json").status_code == 200
    assert "Open for you" in ada.get("/grants").text
    register = nobody.get("/register").text
    assert ANSWERS["lay_summary"][0] in register
    assert "ada@uni.example" not in register
    steps = ada.get(f"/api/v1/requests/{status.rpartition('/')[2]}").json()["history"]
    assert [step["event"] for step in steps] == ["submit", "endorse", "ask", "answer", "approve"]


def test_a_grant_opens_every_door_and_no_other(road: Controlled) -> None:
    """Who was granted a dataset sees it on DICOMweb, in explore and by download; nobody else does."""
    _approved(road)
    ada, eve = road.people["ada"], road.people["eve"]
    doors = (
        f"/api/v1/releases/{RELEASE}/manifest.csv",
        f"/dicomweb/releases/{RELEASE}/studies",
        f"/releases/{RELEASE}/studies",
    )
    assert [ada.get(door).status_code for door in doors] == [200, 200, 200]
    assert [eve.get(door).status_code for door in doors] == [403, 403, 403]
    assert len(ada.get("/dicomweb/studies").json()) == 1
    assert eve.get("/dicomweb/studies").status_code in (200, 204)
    assert "/studies/2.25.91" in ada.get("/explore").text
    assert "/studies/2.25.91" not in eve.get("/explore").text


def test_a_grant_is_of_one_dataset(fresh: Controlled) -> None:
    """A grant for one controlled dataset opens no other."""
    fresh.dataset("other", tier=Tier.CONTROLLED)
    fresh.load(image(uid="2.25.80.1", study="2.25.81", series="2.25.82"), dataset="other")
    fresh.release("other")
    _approved(fresh)
    ada = fresh.people["ada"]
    assert ada.get(f"/api/v1/releases/{RELEASE}/manifest.json").status_code == 200
    assert ada.get("/api/v1/releases/other-1/manifest.json").status_code == 403
    assert ada.get("/dicomweb/studies/2.25.81/metadata").status_code == 404


def test_a_named_person_signs_first(road: Controlled) -> None:
    """Whom a request names gets in with an account of that address and a signature, and nobody else can sign so."""
    grant = _approved(road)
    bo, eve = road.people["bo"], road.people["eve"]
    door = f"/api/v1/releases/{RELEASE}/manifest.json"
    assert "Waits for your signature" in bo.get("/grants").text
    assert bo.get(door).status_code == 403
    assert eve.post(f"/grants/{grant.id}", act="sign", typed_name="Eve").status_code == 404
    assert bo.post(f"/grants/{grant.id}", act="sign", typed_name="").status_code == 303
    assert bo.get(door).status_code == 403
    bo.post(f"/grants/{grant.id}", act="sign", typed_name="Bo Named")
    assert bo.get(door).status_code == 200
    with pytest.raises(Conflict):
        grant_verbs.sign(grant.id, typed_name="Bo Named", platform=road.platform, actor=bo.actor)
    assert bo.post(f"/grants/{grant.id}", act="attest", typed_name="Bo Named").status_code == 403  # it is Ada's


def test_a_revoked_grant_closes_with_the_next_request(fresh: Controlled) -> None:
    """Revoked, every door is shut at once, explore forgets too, and the holder reads why."""
    grant = _approved(fresh)
    ada, una = fresh.people["ada"], fresh.people["una"]
    address = f"/api/v1/releases/{RELEASE}/manifest.json"
    assert ada.get(address).status_code == 200
    assert "/studies/2.25.91" in ada.get("/explore").text
    assert una.post(f"/grants/{grant.id}/revoke", reason="Data were copied elsewhere.").status_code == 303
    assert ada.get(address).status_code == 403
    assert ada.get("/dicomweb/studies/2.25.91/metadata").status_code == 404
    assert "/studies/2.25.91" not in ada.get("/explore").text
    assert "Data were copied elsewhere." in ada.get("/grants").text
    assert "Data were copied elsewhere." in fresh.letters("revoked")[0].body
    assert "revoked" in fresh.client().get("/register").text


def test_only_committee_and_curators_revoke(road: Controlled) -> None:
    """Holder, stranger and visitor cannot; a reason is asked for."""
    grant = _approved(road)
    address = f"/grants/{grant.id}/revoke"
    assert road.people["ada"].post(address, reason="x").status_code == 403
    assert road.people["eve"].post(address, reason="x").status_code == 403
    assert road.client().post(address, data={"reason": "x"}).status_code == 401
    road.people["una"].post(address, reason="  ")
    assert _reread(road, grant).state is GrantState.LIVE
    road.people["curator"].post(address, reason="The society left.")
    assert _reread(road, grant).state is GrantState.REVOKED


def test_an_expired_grant_opens_nothing(fresh: Controlled, on: Callable[[str], None]) -> None:
    """The day after its end nothing is open, before anybody has gone round; then attestation is asked for, once."""
    grant = _approved(fresh)
    ada = fresh.people["ada"]
    door = f"/api/v1/releases/{RELEASE}/manifest.json"
    on(grant.ends)
    assert ada.get(door).status_code == 200
    on("2030-01-01")
    assert ada.get(door).status_code == 403
    for _ in range(3):
        grant_verbs.go_round(fresh.platform)
    assert _reread(fresh, grant).state is GrantState.EXPIRED
    assert len(fresh.letters(f"destroy-{grant.id}-destroy-2")) == 1
    assert "Attest that the data are destroyed" in ada.get("/grants").text
    ada.post(f"/grants/{grant.id}", act="attest", typed_name="Ada Applicant")
    closed = _reread(fresh, grant)
    assert closed.state is GrantState.CLOSED
    assert "Ada Applicant" in closed.attestation
    grant_verbs.go_round(fresh.platform)
    assert len(fresh.letters("destroy")) == 2  # asked, and asked again after thirty days; never after it was attested


def test_reminders_are_written_once(fresh: Controlled, on: Callable[[str], None]) -> None:
    """Sixty and fourteen days before the end its holder is written to, each once however often anybody goes round."""
    grant = _approved(fresh)
    for day, count in (("2026-12-02", 0), ("2027-10-05", 1), ("2027-11-20", 2), ("2027-11-21", 2)):
        on(day)
        grant_verbs.go_round(fresh.platform)
        grant_verbs.go_round(fresh.platform)
        assert len(fresh.letters("ends-")) == count, day
    assert grant.ends in fresh.letters("ends-")[0].body


def test_renewal_is_one_click_when_nothing_changed(fresh: Controlled, on: Callable[[str], None]) -> None:
    """Within its window the holder renews with one click; too early, too often or under a new agreement they cannot."""
    grant = _approved(fresh)
    ada, ports = fresh.people["ada"], fresh.platform
    ada.post(f"/grants/{grant.id}", act="renew")
    assert _reread(fresh, grant).ends == grant.ends  # too early
    on("2027-11-01")
    ada.post(f"/grants/{grant.id}", act="renew")
    renewed = _reread(fresh, grant)
    assert (renewed.renewals, renewed.ends) == (1, "2028-11-30")
    with pytest.raises(NotFound):  # somebody whom it does not name
        grant_verbs.renew(grant.id, platform=ports, actor=fresh.people["eve"].actor)
    on("2028-11-01")
    steward.publish_agreement(DATASET, title="Data use agreement", text="New words.", platform=ports, actor=CURATOR)
    with pytest.raises(Conflict, match="new version"):
        grant_verbs.renew(grant.id, platform=ports, actor=ada.actor)


def test_a_short_request_renews_what_changed(fresh: Controlled, on: Callable[[str], None]) -> None:
    """The answers of last time are filled in; approved, the same grant runs on with other people and conditions."""
    grant = _approved(fresh)
    ada, ports = fresh.people["ada"], fresh.platform
    edit = ada.post(f"/grants/{grant.id}", act="ask-again").headers["location"]
    assert "Segment lungs, measure involvement" in ada.get(edit).text
    made = edit.split("/")[2]
    changed = {**ANSWERS, "people_name": ["Eve"], "people_institution": ["Here"], "people_email": ["eve@uni.example"]}
    verbs.save(made, given=changed, is_emergency=False, revision=1, platform=ports, actor=ada.actor)
    verbs.submit(made, typed_name="Ada Applicant", version=1, revision=2, platform=ports, actor=ada.actor)
    verbs.endorse(fresh.link(), typed_name="Dean Official", platform=ports)
    for name in ("una", "dos"):
        review.vote(made, choice=Vote.APPROVE, reason="", platform=ports, actor=fresh.people[name].actor)
    on("2027-03-01")
    review.decide(
        made, approve=True, reason="Go on.", conditions="None.", platform=ports, actor=fresh.people["una"].actor
    )
    after = _reread(fresh, grant)
    assert (after.ends, after.conditions) == ("2028-02-29", "None.")
    assert {one.email for one in after.people} == {"ada@uni.example", "eve@uni.example"}
    assert len(fresh.client().get("/api/v1/register").json()["projects"]) == 1


def test_a_renewal_of_a_strangers_grant_is_not_found(road: Controlled) -> None:
    """Nobody begins a request with somebody else's answers."""
    grant = _approved(road)
    for name in ("eve", "una"):  # a stranger, and a member who may see it
        with pytest.raises(NotFound):
            verbs.begin(DATASET, renews=grant.id, platform=road.platform, actor=road.people[name].actor)


def test_a_member_in_conflict_neither_votes_nor_decides(road: Controlled) -> None:
    """Declared or named by the request itself, a conflict takes vote, decision and the others' notes away."""
    ports, people = road.platform, road.people
    made = road.endorsed(people_email=["una@uni.example"], people_name=["Una"], people_institution=["Here"])
    review.note(made, body="Between us.", platform=ports, actor=people["dos"].actor)
    review.vote(made, choice=Vote.APPROVE, reason="Mine.", platform=ports, actor=people["tre"].actor)
    for act in (
        lambda: review.vote(made, choice=Vote.APPROVE, reason="", platform=ports, actor=people["una"].actor),
        lambda: review.ask(made, body="?", platform=ports, actor=people["una"].actor),
        lambda: review.decide(made, approve=True, reason="!", platform=ports, actor=people["una"].actor),
    ):
        with pytest.raises(NotPermitted, match="conflict"):
            act()
    shown = people["una"].get(f"/committee/{made}").text
    assert "You have a conflict of interest" in shown
    assert "Between us." not in shown
    assert "Mine." not in shown
    review.declare_conflict(made, reason="We wrote together.", platform=ports, actor=people["tre"].actor)
    case = docket.case(made, platform=ports, actor=people["dos"].actor)
    assert (case.tally.approve, case.tally.missing, case.tally.reachable) == (0, 2, False)
    assert people["tre"].post(f"/committee/{made}", act="vote", vote="approve").status_code == 403


def test_the_applicant_never_reads_notes_and_votes(road: Controlled) -> None:
    """What members say among themselves, and how each voted, is on no page of the applicant."""
    made = road.endorsed()
    una = road.people["una"].actor
    review.note(made, body="Weak on ethics.", platform=road.platform, actor=una)
    review.vote(made, choice=Vote.REFUSE, reason="Weak.", platform=road.platform, actor=una)
    for page in (f"/requests/{made}", "/messages", f"/api/v1/requests/{made}"):
        assert "Weak" not in road.people["ada"].get(page).text


def test_a_decision_follows_the_votes(road: Controlled) -> None:
    """Below the quorum nothing is decided, and afterwards nothing against the majority."""
    ports, people = road.platform, road.people
    made = road.endorsed()
    una, dos, tre = (people[name].actor for name in ("una", "dos", "tre"))
    review.vote(made, choice=Vote.REFUSE, reason="", platform=ports, actor=una)
    with pytest.raises(Conflict, match="do not carry"):
        review.decide(made, approve=False, reason="No.", platform=ports, actor=una)
    review.vote(made, choice=Vote.ABSTAIN, reason="", platform=ports, actor=tre)
    with pytest.raises(Conflict):
        review.decide(made, approve=False, reason="No.", platform=ports, actor=una)
    review.vote(made, choice=Vote.REFUSE, reason="", platform=ports, actor=dos)
    with pytest.raises(Conflict):
        review.decide(made, approve=True, reason="Yes.", platform=ports, actor=una)
    with pytest.raises(UsageError):
        review.decide(made, approve=False, reason=" ", platform=ports, actor=una)
    review.decide(made, approve=False, reason="No lawful ground.", platform=ports, actor=una)
    assert "No lawful ground." in people["ada"].get(f"/requests/{made}").text
    assert _state(road, made) is RequestState.REFUSED


def test_sent_back_for_changes_everything_is_signed_again(road: Controlled) -> None:
    """A changed request needs new signatures; the old link and the old votes are of no use."""
    ports, people = road.platform, road.people
    made = road.endorsed()
    review.vote(made, choice=Vote.APPROVE, reason="", platform=ports, actor=people["una"].actor)
    review.send_back(made, reason="Name your server.", platform=ports, actor=people["una"].actor)
    ada = people["ada"]
    assert "Name your server." in ada.get(f"/requests/{made}").text
    verbs.save(made, given=ANSWERS, is_emergency=False, revision=2, platform=ports, actor=ada.actor)
    verbs.submit(made, typed_name="Ada Applicant", version=1, revision=3, platform=ports, actor=ada.actor)
    newest = road.link()
    assert len({one.signoff for one in road.letters("official") if one.signoff and one.subject}) >= 2
    verbs.endorse(newest, typed_name="Dean Official", platform=ports)
    assert docket.case(made, platform=ports, actor=people["dos"].actor).tally.approve == 0


def test_the_fast_track_shortens_and_demands(road: Controlled) -> None:
    """An emergency is answered sooner, by fewer votes, for a shorter time; it must say why, and the register tells."""
    with pytest.raises(UsageError, match="not complete"):
        road.submitted(is_emergency=True, emergency=[""])
    made = road.endorsed(is_emergency=True, title=["Field hospital"])
    una = road.people["una"].actor
    case = docket.case(made, platform=road.platform, actor=una)
    assert case.clock.due == day_after(grants.today(), 3)
    review.vote(made, choice=Vote.APPROVE, reason="", platform=road.platform, actor=una)
    review.decide(made, approve=True, reason="Now.", platform=road.platform, actor=una)
    projects = road.client().get("/api/v1/register").json()["projects"]
    (found,) = [one for one in projects if one["title"] == "Field hospital"]
    assert (found["is_emergency"], found["emergency"]) == (True, "An outbreak.")
    assert (datetime.fromisoformat(found["ends"]) - datetime.fromisoformat(found["starts"])).days == 120


def test_the_link_of_an_official_is_good_once(road: Controlled) -> None:
    """Forged, changed, used or outdated, a link shows nothing but a 404; declined, the request is a draft again."""
    made = road.submitted()
    link, nobody = road.link(), road.client()
    identifier, _, seal = link.partition(".")
    for forged in (f"{identifier}.{'0' * len(seal)}", identifier, f"so-0000000000000000.{seal}", "x", link + "0"):
        assert nobody.get(f"/sign/{forged}").status_code == 404
        assert nobody.post(f"/sign/{forged}", data={"act": "sign", "typed_name": "Dean"}).status_code == 404
    assert nobody.post(f"/sign/{link}", data={"act": "sign", "typed_name": " "}).status_code == 400
    answer = nobody.post(f"/sign/{link}", data={"act": "decline", "note": "I know nothing of this."})
    assert "Declined" in answer.text
    assert nobody.get(f"/sign/{link}").status_code == 404
    assert nobody.post(f"/sign/{link}", data={"act": "sign", "typed_name": "Dean Official"}).status_code == 404
    assert _state(road, made) is RequestState.DRAFT
    assert "I know nothing of this." in road.people["ada"].get(f"/requests/{made}").text


def test_an_official_cannot_be_the_applicant(road: Controlled) -> None:
    """Who asks does not sign for the institution as well."""
    with pytest.raises(UsageError, match="yourself"):
        road.submitted(official_email=["ADA@uni.example"])


def test_replayed_forms_change_nothing(road: Controlled) -> None:
    """The same form sent twice, or one loaded before another was saved, is refused and says so."""
    ada = road.people["ada"]
    edit = ada.post(f"/datasets/{DATASET}/requests").headers["location"]
    form = {**ANSWERS, "revision": "1", "act": "sign"}
    assert ada.post(edit, **form).headers["location"].endswith("/sign")
    assert "was changed since this form was loaded" in _after(ada, ada.post(edit, **{**form, "title": ["Other"]}))
    signing = {"typed_name": "Ada", "version": "1", "revision": "2"}
    sign = edit.replace("/edit", "/sign")
    ada.post(sign, **signing)
    again = ada.post(sign, **signing)
    assert again.status_code == 303
    made = edit.split("/")[2]
    with reading(road.platform.engine) as connection:
        assert len(requests.signatures(connection, made)) == 1
        assert [one.event for one in requests.history(connection, made)] == ["submit"]
    assert len([one for one in road.letters("submitted") if made in one.key]) == 1


def _after(person: Any, answer: Any) -> str:
    """Return the page that a redirect leads to, with what it has to say."""
    page: str = person.client.get(answer.headers["location"]).text
    return page


def test_a_form_without_its_key_changes_nothing(road: Controlled) -> None:
    """Each form of the road needs the session's key, so that no other page can send it (CSRF)."""
    made = road.endorsed()
    grant = _approved(road)
    posts = (
        ("ada", f"/datasets/{DATASET}/requests"),
        ("ada", f"/requests/{made}/edit"),
        ("ada", f"/requests/{made}/sign"),
        ("ada", f"/requests/{made}/messages"),
        ("ada", f"/requests/{made}/withdraw"),
        ("una", f"/committee/{made}"),
        ("una", f"/grants/{grant.id}/revoke"),
        ("ada", f"/grants/{grant.id}"),
        ("curator", f"/steward/{DATASET}/terms"),
    )
    values = {"act": "vote", "body": "x", "reason": "x", "typed_name": "xxx", "version": "1", "revision": "1"}
    for name, address in posts:
        answer = road.people[name].client.post(address, data=values, follow_redirects=False)
        assert answer.status_code == 403, address


def test_forged_ids_are_not_found(road: Controlled) -> None:
    """Somebody else's request, draft or grant is the same 404 as one that is not there."""
    made, grant = road.endorsed(), _approved(road)
    eve = road.people["eve"]
    for found in (made, "req-0000000000000000", "x", "..%2f..", "req-" + "1" * 300):
        for page in ("/requests/{}", "/requests/{}/edit", "/requests/{}/sign"):
            assert eve.get(page.format(found)).status_code == 404
        for form in ("messages", "withdraw", "edit"):
            assert eve.post(f"/requests/{found}/{form}", body="x").status_code == 404
    assert eve.get(f"/api/v1/requests/{made}").status_code == 404
    assert eve.post(f"/grants/{grant.id}", act="renew").status_code == 404
    assert eve.get(f"/committee/{made}").status_code == 403  # no committee's member at all
    draft = verbs.begin(DATASET, platform=road.platform, actor=road.people["ada"].actor)
    assert road.people["una"].get(f"/committee/{draft}").status_code == 404  # never submitted


@pytest.mark.parametrize("odd", ["%0a", "x%0d%0aSet-Cookie:%20a=b", "%ff", "..%2f..%2fsign-in", "%e2%80%ae"])
def test_odd_addresses_are_not_found(road: Controlled, odd: str) -> None:
    """What no identifier can be is a 404 on every door that sends one back, whatever else is wrong with the form."""
    una, ada, curator = (road.people[name] for name in ("una", "ada", "curator"))
    for act in ("ask", "note", "vote", "conflict", "return", "approve", "refuse"):
        assert una.post(f"/committee/{odd}", act=act, text="").status_code == 404
    for form in ("messages", "withdraw", "recall", "edit"):
        assert ada.post(f"/requests/{odd}/{form}", body="").status_code == 404
    assert ada.post(f"/requests/{odd}/sign", version="1", revision="1").status_code == 404
    assert ada.post(f"/grants/{odd}", act="ask-again").status_code == 404
    assert ada.post(f"/datasets/{odd}/requests").status_code == 404
    for part in ("terms", "policy", "form", "agreement", "committee"):
        assert curator.post(f"/steward/{odd}/{part}", title="").status_code == 404
    for page in (f"/datasets/{odd}", f"/datasets/{DATASET}/agreements/{odd}", f"/sign/{odd}"):
        assert ada.get(page).status_code == 404


def test_a_dataset_is_begun_by_a_form(fresh: Controlled) -> None:
    """A curator begins a line of releases; a taken name or none is told with what was wrong, and nothing is made."""
    curator, ada = fresh.people["curator"], fresh.people["ada"]
    asked = {"name": "chest-ct-2026", "title": "Chest <CT> 2026", "by": "The society", "tier": "registered"}
    assert ada.post("/steward", **asked).status_code == 403
    made = curator.post("/steward", **asked)
    assert (made.status_code, made.headers["location"]) == (303, "/steward/chest-ct-2026")
    page = curator.get("/steward/chest-ct-2026").text
    assert "Chest &lt;CT&gt; 2026" in page
    assert curator.get("/api/v1/datasets/chest-ct-2026").json()["tier"] == "registered"
    for change in ({}, {"name": "../x"}, {"name": "Über"}, {"name": "other", "title": " "}, {"name": "b", "tier": "x"}):
        again = curator.post("/steward", **{**asked, **change})
        assert (again.status_code, again.headers["location"]) == (303, "/steward")
    known = [one["name"] for one in curator.get("/api/v1/datasets").json()["datasets"]]
    assert sorted(known) == sorted({DATASET, "chest-ct-2026"})


def test_members_of_another_committee_know_nothing(fresh: Controlled) -> None:
    """A seat on one dataset's committee shows no other's requests."""
    fresh.dataset("other", tier=Tier.CONTROLLED)
    steward.seat_committee("other", emails=["eve@uni.example"], platform=fresh.platform, actor=CURATOR)
    made = fresh.endorsed()
    eve = fresh.people["eve"]
    assert eve.get("/committee").status_code == 200
    assert "Lung involvement" not in eve.get("/committee").text
    assert eve.get(f"/committee/{made}").status_code == 404
    assert eve.post(f"/committee/{made}", act="vote", vote="approve").status_code == 404
    assert fresh.people["curator"].post(f"/committee/{made}", act="vote", vote="approve").status_code == 403


def test_a_lost_seat_takes_vote_and_role(fresh: Controlled) -> None:
    """Who leaves the committee neither sees nor counts, and their earlier vote is void."""
    made = fresh.endorsed()
    una = fresh.people["una"]
    review.vote(made, choice=Vote.APPROVE, reason="", platform=fresh.platform, actor=una.actor)
    emails = ["dos@uni.example", "tre@uni.example"]
    steward.seat_committee(DATASET, emails=emails, platform=fresh.platform, actor=CURATOR)
    assert not una.actor.has(Role.COMMITTEE)
    assert una.get("/committee").status_code == 403
    case = docket.case(made, platform=fresh.platform, actor=fresh.people["dos"].actor)
    assert (case.tally.approve, case.tally.missing) == (0, 2)


def test_what_people_write_is_never_markup(fresh: Controlled) -> None:
    """Script in every field that an applicant, official, member or steward can fill is text on every page."""
    evil: dict[str, list[str]] = {
        name: [EVIL]
        for name in ("title", "purpose", "plan", "lay_summary", "disease", "institution", "ethics", "storage")
    }
    evil |= {"people_name": [EVIL], "people_institution": [EVIL], "official_name": [EVIL]}
    ports, people = fresh.platform, fresh.people
    made = fresh.submitted(**evil)
    link = fresh.link()
    seen = [fresh.client().get(f"/sign/{link}").text]
    verbs.endorse(link, typed_name=EVIL, platform=ports)
    una, dos = people["una"].actor, people["dos"].actor
    review.ask(made, body=EVIL, platform=ports, actor=una)
    verbs.say(made, body=EVIL, platform=ports, actor=people["ada"].actor)
    for member in (una, dos):
        review.vote(made, choice=Vote.APPROVE, reason=EVIL, platform=ports, actor=member)
    review.declare_conflict(made, reason=EVIL, platform=ports, actor=people["tre"].actor)
    review.decide(made, approve=True, reason=EVIL, conditions=EVIL, platform=ports, actor=una)
    steward.publish_agreement(DATASET, title=EVIL, text=EVIL, platform=ports, actor=CURATOR)
    seen += [
        people[name].get(page).text
        for name, page in (
            ("ada", f"/requests/{made}"),
            ("ada", "/requests"),
            ("ada", "/grants"),
            ("ada", "/messages"),
            ("una", "/committee"),
            ("una", f"/committee/{made}"),
            ("una", "/messages"),
            ("curator", f"/steward/{DATASET}"),
            ("curator", "/messages"),
            ("ada", "/register"),
            ("ada", f"/datasets/{DATASET}"),
            ("ada", f"/datasets/{DATASET}/agreements/2"),
        )
    ]
    for page in seen:
        assert "<script>alert" not in page
    assert sum("&lt;script&gt;alert(1)" in page for page in seen) >= 11


def test_letters_cannot_be_bent(road: Controlled) -> None:
    """A line end in a title or a name makes no new header, and a template's braces are no template."""
    made = road.submitted(
        title=["Lungs\r\nBcc: everybody@evil.example"], official_name=["Dean {password}\r\nSubject: x"]
    )
    newest = next(one for one in road.letters("official"))
    assert "\n" not in newest.subject
    assert "Bcc: everybody@evil.example" in newest.subject
    assert "Dean {password} Subject: x" in newest.body
    with pytest.raises(UsageError):
        road.submitted(official_email=["dean@uni.example\r\nBcc: x@evil.example"])
    assert made


def test_stewards_set_terms_and_releases_follow(fresh: Controlled) -> None:
    """A stricter tier closes what was freer at once; a freer one opens nothing that was released."""
    fresh.dataset("free", tier=Tier.OPEN)
    fresh.load(image(uid="2.25.70.1", study="2.25.71", series="2.25.72"), dataset="free")
    fresh.release("free")
    nobody, door = fresh.client(), "/api/v1/releases/free-1/manifest.json"

    def set_tier(tier: Tier) -> None:
        common = {"title": "Free", "steward": "Us", "terms": TERMS, "platform": fresh.platform, "actor": CURATOR}
        steward.set_terms("free", tier=tier, **common)  # type: ignore[arg-type]

    assert nobody.get(door).status_code == 200
    set_tier(Tier.CONTROLLED)
    assert nobody.get(door).status_code == 401
    assert fresh.people["ada"].get(door).status_code == 403
    set_tier(Tier.OPEN)
    assert nobody.get(door).status_code == 401


def test_a_dataset_without_agreement_or_committee_takes_no_request(fresh: Controlled) -> None:
    """Nothing can be asked for that nobody could sign or decide."""
    fresh.dataset("bare", tier=Tier.CONTROLLED)
    ada = fresh.people["ada"]
    assert "has not published an agreement" in ada.get("/datasets/bare").text
    with pytest.raises(Conflict):
        verbs.begin("bare", platform=fresh.platform, actor=ada.actor)
    steward.publish_agreement("bare", title="A", text="B", platform=fresh.platform, actor=CURATOR)
    assert "too few members" in ada.get("/datasets/bare").text


def test_signing_what_was_not_shown_is_refused(fresh: Controlled) -> None:
    """A new version of the agreement, or answers saved meanwhile, must be read before they are signed."""
    ports, ada = fresh.platform, fresh.people["ada"].actor
    made = verbs.begin(DATASET, platform=ports, actor=ada)
    verbs.save(made, given=ANSWERS, is_emergency=False, revision=1, platform=ports, actor=ada)
    with pytest.raises(Conflict, match="changed since it was shown"):
        verbs.submit(made, typed_name="Ada", version=1, revision=1, platform=ports, actor=ada)
    steward.publish_agreement(DATASET, title="Data use agreement", text="Other.", platform=ports, actor=CURATOR)
    with pytest.raises(Conflict, match="new version"):
        verbs.submit(made, typed_name="Ada", version=1, revision=2, platform=ports, actor=ada)
    verbs.submit(made, typed_name="Ada", version=2, revision=2, platform=ports, actor=ada)
    old = fresh.client().get(f"/api/v1/datasets/{DATASET}/agreements/1").json()
    assert old["text"] == TEXT  # for ever


def test_history_and_signatures_cannot_be_rewritten(road: Controlled) -> None:
    """The database itself refuses to change or delete what happened, was said, voted or signed."""
    made = road.endorsed()
    review.note(made, body="So it was.", platform=road.platform, actor=road.people["una"].actor)
    review.vote(made, choice=Vote.APPROVE, reason="", platform=road.platform, actor=road.people["una"].actor)
    review.declare_conflict(made, reason="Kin.", platform=road.platform, actor=road.people["tre"].actor)
    for table in a.APPEND_ONLY:
        assert road.count(table) > 0
        column = next(iter(table.c))
        for statement in (table.delete(), table.update().values({column.name: column})):
            with pytest.raises(Exception, match="append-only"), writing(road.platform.engine) as connection:
                connection.execute(statement)


def test_the_audit_trail_tells_and_names_nobody(fresh: Controlled) -> None:
    """Each step is in the trail, and no e-mail address, name or free text of a person is."""
    grant = _approved(fresh)
    grant_verbs.revoke(grant.id, reason="Over.", platform=fresh.platform, actor=fresh.people["una"].actor)
    with reading(fresh.platform.engine) as connection:
        lines = connection.execute(t.audit_event.select()).all()
    kinds = {line.kind for line in lines}
    assert kinds >= {
        "dataset-terms-set",
        "agreement-published",
        "committee-joined",
        "request-submitted",
        "request-endorsed",
        "request-vote",
        "request-approved",
        "grant-made",
        "grant-revoked",
    }
    told = " ".join(f"{line.actor} {line.subject} {line.details}" for line in lines if "request" in line.kind)
    assert "@" not in told
    assert "Ada" not in told
    assert "Dean" not in told


def test_too_many_requests_are_refused(fresh: Controlled) -> None:
    """One person cannot make the hub write to strangers without end."""
    ada = fresh.people["ada"].actor
    for _ in range(verbs.MOST_OPEN):
        verbs.begin(DATASET, platform=fresh.platform, actor=ada)
    with pytest.raises(Conflict, match="open requests"):
        verbs.begin(DATASET, platform=fresh.platform, actor=ada)


def test_an_unfinished_request_cannot_be_signed(road: Controlled) -> None:
    """What is missing is marked; a draft keeps what was written."""
    ada = road.people["ada"]
    edit = ada.post(f"/datasets/{DATASET}/requests").headers["location"]
    ada.post(edit, revision="1", act="sign", title="Half a plan", months="no")
    shown = ada.get(f"{edit}?check=yes").text
    assert "Half a plan" in shown
    assert shown.count("This is needed.") >= 6
    assert ada.get(edit.replace("/edit", "/sign")).headers["location"].endswith("/edit?check=yes")
    with pytest.raises(UsageError):
        verbs.submit(
            edit.split("/")[2], typed_name="Ada", version=1, revision=2, platform=road.platform, actor=ada.actor
        )


def test_withdrawn_requests_are_over(road: Controlled) -> None:
    """The applicant can take a request back at any time before the decision, and nobody can go on with it."""
    made = road.endorsed()
    ada = road.people["ada"]
    assert ada.post(f"/requests/{made}/withdraw").status_code == 303
    assert _state(road, made) is RequestState.WITHDRAWN
    with pytest.raises(Conflict):
        review.vote(made, choice=Vote.APPROVE, reason="", platform=road.platform, actor=road.people["una"].actor)
    with pytest.raises(Conflict):
        verbs.withdraw(made, platform=road.platform, actor=ada.actor)


def test_messages_without_a_mail_server_are_passed_on_by_curators_alone(road: Controlled) -> None:
    """An official's link shows to a curator, who hands it over; the applicant never sees it, so cannot use it."""
    road.submitted()
    link = road.link()
    assert link in road.people["curator"].get("/messages").text
    shown = road.people["ada"].get("/messages").text
    assert "sends no e-mail" in shown
    assert f'href="/requests/{road.letters("submitted")[0].key.split("-", 1)[1][:20]}"' in shown
    for name in ("ada", "una", "eve"):
        assert link not in road.people[name].get("/messages").text
    assert not any(link in one.body for one in road.letters())  # nor is it in the database


def test_the_steward_changes_the_form(fresh: Controlled) -> None:
    """Fields are data: one is added, one is removed, and one that the program reads cannot go."""
    curator = fresh.people["curator"]
    policy = steward.offered(DATASET, platform=fresh.platform).policy
    columns: dict[str, list[str]] = {
        "field_name": [one.name for one in policy.form] + ["funder"],
        "field_label": [one.label for one in policy.form] + ["Who pays?"],
        "field_kind": [str(one.kind) for one in policy.form] + ["line"],
        "field_hint": [one.hint for one in policy.form] + [""],
        "field_section": [one.section for one in policy.form] + ["Project"],
        "field_longest": [str(one.longest) for one in policy.form] + ["100"],
        "field_options": ["\n".join(one.options) for one in policy.form] + [""],
        "field_required": [str(place) for place, one in enumerate(policy.form) if one.is_required],
    }
    storage = next(place for place, one in enumerate(policy.form) if one.name == "storage")
    curator.post(f"/steward/{DATASET}/form", **columns, field_gone=[str(storage)])
    names = [one.name for one in steward.offered(DATASET, platform=fresh.platform).policy.form]
    assert names[-1] == "funder"
    assert "storage" not in names
    title = next(place for place, one in enumerate(policy.form) if one.name == "title")
    refused = curator.post(f"/steward/{DATASET}/form", **columns, field_gone=[str(title)])
    assert "needs the field" in _after(curator, refused)
    edit = fresh.people["ada"].post(f"/datasets/{DATASET}/requests").headers["location"]
    assert "Who pays?" in fresh.people["ada"].get(edit).text


def test_the_steward_sets_terms_by_the_page(fresh: Controlled) -> None:
    """Permission, modifiers, countries, limits, days, agreement and committee are set, or refused with a reason."""
    curator, address = fresh.people["curator"], f"/steward/{DATASET}"
    curator.post(
        f"{address}/terms", title="Lungs", steward="Society", tier="controlled", license="CC-BY-4.0",
        permission="DUO:0000007", modifier=["DUO:0000025"], disease="COVID-19", months="24", somewhere="yes",
        geography=["DE", "AT"],
    )  # fmt: skip
    curator.post(f"{address}/policy", about="Lungs of many.", promised_days="7", quorum="1", reminder_days="30, 5")
    offer = steward.offered(DATASET, platform=fresh.platform)
    assert (offer.terms.geography, offer.dataset.terms.duo) == (("AT", "DE"), ("DUO:0000007", "DUO:0000025"))
    assert offer.terms.license == "CC-BY-4.0"
    assert (offer.policy.limits.disease, offer.policy.limits.months) == ("COVID-19", 24)
    assert (offer.policy.promised_days, offer.policy.fast_track, offer.policy.reminder_days) == (7, None, (30, 5))
    for part, values in (
        ("terms", {"tier": "secret", "license": "x"}),
        ("terms", {"tier": "open", "license": "x", "permission": "DUO:9999999"}),
        ("policy", {"promised_days": "soon"}),
        ("policy", {"promised_days": "0"}),
        ("agreement", {"title": "", "text": ""}),
        ("committee", {"emails": "nobody@uni.example"}),
    ):
        answer = curator.post(f"{address}/{part}", **values)
        assert answer.status_code == 303
        assert 'class="flash bad"' in _after(curator, answer), part
    assert fresh.people["una"].post(f"{address}/terms", license="x").status_code == 403


def test_a_request_keeps_what_was_promised(fresh: Controlled) -> None:
    """Days and quorum of a submitted request are those of the day on which it was submitted."""
    made = fresh.endorsed()
    policy = steward.offered(DATASET, platform=fresh.platform).policy
    steward.set_policy(
        DATASET, policy=replace(policy, promised_days=300, quorum=3), platform=fresh.platform, actor=CURATOR
    )
    case = docket.case(made, platform=fresh.platform, actor=fresh.people["una"].actor)
    assert (case.policy.promised_days, case.tally.missing) == (20, 2)


def test_a_recalled_request_can_name_another_official(road: Controlled) -> None:
    """Before the institution has signed the applicant takes the request back; the link that was sent is over."""
    made = road.submitted()
    link, ada = road.link(), road.people["ada"]
    assert ada.post(f"/requests/{made}/recall").headers["location"].endswith("/edit")
    assert road.client().get(f"/sign/{link}").status_code == 404
    assert road.people["eve"].post(f"/requests/{made}/recall").status_code == 404
    again = {**ANSWERS, "official_email": ["rector@uni.example"]}
    verbs.save(made, given=again, is_emergency=False, revision=2, platform=road.platform, actor=ada.actor)
    verbs.submit(made, typed_name="Ada Applicant", version=1, revision=3, platform=road.platform, actor=ada.actor)
    assert road.letters("official")[0].address == "rector@uni.example"
    verbs.endorse(road.link(), typed_name="Rector Official", platform=road.platform)
    with pytest.raises(Conflict):
        verbs.recall(made, platform=road.platform, actor=ada.actor)


def test_nobody_is_left_without_an_answer(fresh: Controlled, monkeypatch: pytest.MonkeyPatch) -> None:
    """An official who does not sign is written to again once, and members every week past the promised day."""
    fresh.submitted(title=["Unsigned"])
    fresh.endorsed(title=["Waiting"])
    begin = datetime.now(UTC)
    for day, again, late in ((1, 0, 0), (8, 1, 0), (19, 1, 0), (22, 1, 3), (23, 1, 3), (29, 1, 6)):
        at = begin + timedelta(days=day)
        for place in (grants, docket, remind):
            monkeypatch.setattr(place, "now", lambda at=at: at)
        remind.go_round(fresh.platform)
        remind.go_round(fresh.platform)
        counted = len(fresh.letters("official-again")), len(fresh.letters("overdue"))
        assert counted == (again, late), day
    assert {one.account for one in fresh.letters("overdue")} == {
        fresh.people[name].account for name in ("una", "dos", "tre")
    }


def test_members_have_no_name_to_the_applicant(road: Controlled) -> None:
    """It is the committee that asks and decides, not one of its members."""
    made = road.endorsed()
    review.ask(made, body="Why?", platform=road.platform, actor=road.people["una"].actor)
    for page in (f"/requests/{made}", f"/api/v1/requests/{made}", "/messages"):
        assert "Una" not in road.people["ada"].get(page).text


def test_overdue_is_marked(fresh: Controlled, on: Callable[[str], None]) -> None:
    """Past the promised day the queue says so, to the committee and to the applicant."""
    fresh.endorsed()
    on("2027-06-01")
    assert "Overdue" in fresh.people["una"].get("/committee").text


@pytest.mark.production
def test_the_road_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    """The same tables, triggers, grants and letters on the other database."""
    commons = Controlled(tmp_path, database_url=postgres_url)
    commons.prepare()
    ports, people = commons.platform, commons.people
    grant = _approved(commons)
    ada = people["ada"]
    door = f"/api/v1/releases/{RELEASE}/manifest.json"
    assert [ada.get(door).status_code, people["eve"].get(door).status_code] == [200, 403]
    assert len(ada.get("/dicomweb/studies").json()) == 1
    people["bo"].post(f"/grants/{grant.id}", act="sign", typed_name="Bo Named")
    assert people["bo"].get(door).status_code == 200
    for page in ("/requests", "/grants", "/messages", f"/requests/{grant.request}", "/register"):
        assert ada.get(page).status_code == 200
    assert people["una"].get("/committee").status_code == 200
    for statement in (a.signature.delete(), a.request_step.update().values(note="x")):
        with pytest.raises(Exception, match="append-only"), writing(ports.engine) as connection:
            connection.execute(statement)
    grant_verbs.go_round(ports)
    people["una"].post(f"/grants/{grant.id}/revoke", reason="Over.")
    assert ada.get(door).status_code == 403
    assert commons.letters("revoked")

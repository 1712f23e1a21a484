"""Accounts at the hub over HTTP: sign-in, second factor, links, sessions, tokens, people; and ways around them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from radcommons.catalogue import ceremonies, links, throttle
from radcommons.catalogue.mailbox import MESSAGE_JOB
from radcommons.platform.database import reading, writing
from radcommons.platform.identity import password_matches
from radcommons.platform.totp import code_at
from radcommons.records.errors import TooManyTries
from radcommons.records.event import Role
from radcommons.testing.hubs import ADMINISTRATOR, TestHub, running_hub
from radcommons.testing.people import PASSWORD, Browser, browser, person, set_up_phone

ELSEWHERE = ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\tevil"]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestHub]:
    """One hub that sends mail to nowhere: its letters wait, and tests open them with the hub's key."""
    chosen = {"sign_up": "open", "smtp_url": "smtp://127.0.0.1:9", "smtp_sender": "commons@hub.example"}
    with running_hub(tmp_path_factory.mktemp("identity"), run_jobs=False, **chosen) as made:
        yield made


@pytest.fixture(autouse=True)
def _no_waits(hub: TestHub) -> None:
    """Let each test begin with no tries counted."""
    with writing(hub.platform.engine) as connection:
        connection.execute(sa.text("DELETE FROM attempt"))


@pytest.fixture(scope="module")
def chief(hub: TestHub) -> Browser:
    """The administrator's browser."""
    made = browser(hub)
    made.sign_in(*ADMINISTRATOR)
    return made


def _letters(hub: TestHub, address: str) -> list[str]:
    query = sa.text("SELECT body FROM message WHERE address = :address ORDER BY id")
    with reading(hub.platform.engine) as connection:
        bodies = connection.execute(query, {"address": address}).scalars().all()
    return [hub.platform.signing_key.unlock(one, purpose="message") for one in bodies]


def _link(text: str) -> str:
    found = re.search(r"http://hub\.test(/links/[\w-]+)", text)
    assert found, text
    return found[1]


# --- sign in ------------------------------------------------------------------------------------------------------


def test_signing_in_and_out(hub: TestHub) -> None:
    """A wrong password says so and shows no more; the right one leads on; signing out needs the session's own form."""
    email, _ = person(hub, "Roe")
    me = browser(hub)
    wrong = me.post("/sign-in", email=email, password="no", to="/account")
    assert wrong.status_code == 401
    assert 'role="alert"' in wrong.text
    assert "no</" not in wrong.text
    landed = me.sign_in(email)
    assert (landed.status_code, landed.url.path) == (200, "/account")
    cookie = landed.history[0].headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert me.client.post("/sign-out").status_code == 403
    assert "You are signed out." in me.post("/sign-out").text
    assert me.get("/account").url.path == "/sign-in"


@pytest.mark.parametrize("to", ELSEWHERE)
def test_sign_in_leads_nowhere_else(hub: TestHub, to: str) -> None:
    """No open redirect: neither in the forms, nor after them, nor by the way of a code."""
    email = ADMINISTRATOR[0]
    me = browser(hub)
    assert "evil" not in me.client.get("/sign-in", params={"to": to}).text
    answer = me.post("/sign-in", follow=False, email=email, password=ADMINISTRATOR[1], to=to)
    assert answer.headers["location"] == "/"
    assert me.client.get("/sign-in", params={"to": to}, follow_redirects=False).headers["location"] == "/"


def test_known_and_unknown_addresses_are_answered_alike(hub: TestHub) -> None:
    """Neither the sign-in, nor the sign-up, nor the way to a new password tells whether an address has an account."""
    known, _ = person(hub, "Known")
    answers = {}
    for email in (known, "unknown@hospital.example"):
        me = browser(hub)
        wrong = [me.post("/sign-in", email=email, password="wrong", to="/") for _ in range(7)]
        texts = [re.sub(r"in \d+ seconds", "", one.text.replace(email, "")) for one in wrong]
        asked = me.post("/reset", email=email).text
        joined = me.post("/join", email=email, name="Somebody").text.replace(email, "")
        answers[email] = ([one.status_code for one in wrong], texts, asked, joined)
    assert answers[known] == answers["unknown@hospital.example"]
    assert 429 in answers[known][0]


def test_a_new_session_begins_at_each_sign_in(hub: TestHub) -> None:
    """A cookie that was planted before the sign-in, or held before, is nobody's afterwards (session fixation)."""
    email, _ = person(hub, "Fixed")
    me = browser(hub)
    me.client.cookies.set("radcommons_session", "rcm_planted", domain="hub.test", path="/")
    me.sign_in(email)
    first = me.client.cookies["radcommons_session"]
    assert first != "rcm_planted"
    me.client.get("/sign-in?again=true")
    me.sign_in(email)
    second = me.client.cookies["radcommons_session"]
    assert second != first
    other = browser(hub)
    other.client.cookies.set("radcommons_session", first, domain="hub.test", path="/")
    assert other.get("/account").url.path == "/sign-in"


def test_many_tries_at_once_are_all_counted(hub: TestHub) -> None:
    """Twenty guesses in parallel get no more answers than the free ones, and the right password waits like the rest."""
    email, _ = person(hub, "Guessed")
    with ThreadPoolExecutor(10) as pool:
        codes = list(
            pool.map(lambda _: browser(hub).post("/sign-in", email=email, password="wrong").status_code, range(20))
        )
    assert codes.count(401) == throttle.FREE_HERE + 1
    assert codes.count(429) == 20 - codes.count(401)
    waiting = browser(hub).sign_in(email)
    assert waiting.status_code == 429
    assert 0 < int(waiting.headers["retry-after"]) <= throttle.FIRST_WAIT_S


def test_a_stranger_keeps_nobody_out(hub: TestHub) -> None:
    """Whoever signed in from an address of late gets in there, however often strangers fail; and no wait is long."""
    engine = hub.platform.engine
    email, home = "owner@hospital.example", "192.0.2.1"
    with writing(engine) as connection:
        throttle.begin_try(connection, "password", who=email, address=home)
        throttle.succeeded(connection, "password", who=email, address=home)
    waits = [_wait(engine, email, f"198.51.100.{number}") for number in range(60)]
    assert waits[: throttle.FREE_ANYWHERE] == [0] * throttle.FREE_ANYWHERE
    assert 0 < max(waits) <= throttle.LONGEST_WAIT_S
    assert _wait(engine, email, home) == 0
    assert _wait(engine, email, "203.0.113.9") > 0


def _wait(engine: sa.Engine, who: str, address: str) -> int:
    """Try once, and return how long this try should have waited."""
    try:
        with writing(engine) as connection:
            throttle.begin_try(connection, "password", who=who, address=address)
    except TooManyTries as refused:
        return refused.wait_s
    return 0


def test_an_address_that_tries_many_accounts_waits(hub: TestHub) -> None:
    """One password tried at account after account is stopped by the address, in IPv6 by the household's network."""
    tries = range(throttle.FREE_ADDRESS + 2)
    waits = [_wait(hub.platform.engine, f"{one}@hospital.example", f"2001:db8::{one:x}") for one in tries]
    assert waits[:-1] == [0] * (len(waits) - 1)
    assert waits[-1] > 0


# --- the second factor --------------------------------------------------------------------------------------------


def test_a_phone_is_asked_for_and_its_codes_are_good_once(hub: TestHub) -> None:
    """With a phone set up the password alone opens nothing; a code works once, and so does each recovery code."""
    email, _ = person(hub, "Phone")
    me = browser(hub)
    me.sign_in(email)
    secret, codes, step = set_up_phone(me)
    other = browser(hub)
    half = other.sign_in(email)
    assert half.url.path == "/sign-in/code"
    assert other.get("/account").url.path == "/sign-in"
    assert "radcommons_session" not in other.client.cookies
    used = other.post("/sign-in/code", code=code_at(secret, step=step), to="/account")
    assert used.status_code == 401  # the set-up has used it
    assert other.post("/sign-in/code", code=codes[0].upper(), to="/account").url.path == "/account"
    third = browser(hub)
    third.sign_in(email)
    assert third.post("/sign-in/code", code=codes[0], to="/account").status_code == 401
    assert third.post("/sign-in/code", code=code_at(secret, step=step + 1), to="/account").url.path == "/account"
    again = third.post("/sign-in/code", code=codes[1])
    assert again.status_code == 401  # the ceremony is over: the form cannot be sent twice


def test_a_secret_lies_locked_in_the_database(hub: TestHub) -> None:
    """A copy of the database alone shows no second factor's secret."""
    email, number = person(hub, "Locked")
    me = browser(hub)
    me.sign_in(email)
    secret, _, _ = set_up_phone(me)
    with reading(hub.platform.engine) as connection:
        query = sa.text("SELECT secret FROM second_factor WHERE account_id = :number")
        kept = connection.execute(query, {"number": number}).scalar_one()
    assert secret not in kept


def test_codes_are_not_guessed(hub: TestHub) -> None:
    """After some wrong codes the account waits, also over several sign-ins."""
    email, _ = person(hub, "Codes")
    me = browser(hub)
    me.sign_in(email)
    set_up_phone(me)
    other = browser(hub)
    other.sign_in(email)
    statuses = [other.post("/sign-in/code", code="000000").status_code for _ in range(throttle.FREE_HERE + 2)]
    assert statuses[0] == 401
    assert statuses[-1] == 429


def test_a_ceremony_is_one_browsers(hub: TestHub) -> None:
    """What one person began, another cannot end: a phone is set up for who is signed in, or not at all."""
    first, second = browser(hub), browser(hub)
    for me, name in ((first, "Begin"), (second, "Other")):
        email, _ = person(hub, name)
        me.sign_in(email)
    first.post("/account/second-factor")
    second.client.cookies.set("radcommons_ceremony", first.client.cookies["radcommons_ceremony"], domain="hub.test")
    assert "began" not in second.get("/account/second-factor").text
    assert second.post("/account/second-factor/code", code="000000").url.path == "/account/security"


def test_roles_of_staff_sleep_without_a_second_factor(tmp_path: Any) -> None:
    """Where the setting says so, a curator with a password alone is a researcher until a code was shown."""
    with running_hub(tmp_path, run_jobs=False, second_factor="staff") as hub:
        me = browser(hub)
        landed = me.sign_in(*ADMINISTRATOR)
        assert "sleep" in landed.text
        assert me.client.get("/people").status_code == 403
        assert me.client.get("/curate").status_code == 403
        secret, _, step = set_up_phone(me)
        me.post("/sign-out")
        me.sign_in(*ADMINISTRATOR)
        me.post("/sign-in/code", code=code_at(secret, step=step + 1), to="/people")
        assert me.client.get("/people").status_code == 200


# --- links --------------------------------------------------------------------------------------------------------


def test_joining_by_a_confirmed_address(hub: TestHub) -> None:
    """The letter's link makes the account once; who has one is written to otherwise, and the page says the same."""
    email = "new@hospital.example"
    me = browser(hub)
    page = me.post("/join", email=email.upper(), name="N. Ew")
    assert "Look at your mail" in page.text
    assert email not in str(hub.client.get("/api/v1/datasets").text)
    address = _link(_letters(hub, email)[0])
    assert me.get(address).status_code == 200
    weak = me.post(address, name="N. Ew", password="password2026!", again="password2026!")
    assert weak.status_code == 422
    landed = me.post(address, name="N. Ew", password=PASSWORD, again=PASSWORD)
    assert (landed.status_code, landed.url.path) == (200, "/account")
    assert me.client.get("/api/v1/me").json()["roles"] == ["researcher"]
    assert me.client.get(address).status_code == 404
    assert browser(hub).post(address, name="x", password=PASSWORD, again=PASSWORD).status_code == 404
    browser(hub).post("/join", email=email, name="N. Ew")
    assert "has one already" in _letters(hub, email)[-1]


def test_one_joins_by_invitation_where_the_setting_says_so(tmp_path: Any) -> None:
    """Without open sign-up the form is not there, and what is sent to it anyhow is refused."""
    with running_hub(tmp_path, run_jobs=False) as hub:
        me = browser(hub)
        assert "by invitation" in me.get("/join").text
        assert me.post("/join", email="x@hospital.example", name="X").status_code == 403
        assert "sends no mail" in me.get("/reset").text


def test_an_administrator_invites(hub: TestHub, chief: Browser) -> None:
    """The link is shown and sent, carries the roles, ends when it is taken back, and a second one ends the first."""
    email = "invited@hospital.example"
    shown = chief.post("/people/invitations", email=email, name="I. Nvited", role=["reader", "researcher"])
    first = _link(shown.text)
    assert _link(_letters(hub, email)[0]) == first
    second = _link(chief.post("/people/invitations", email=email, name="I. Nvited", role=["reader"]).text)
    assert chief.client.get(first).status_code == 404
    me = browser(hub)
    me.post(second, name="", password=PASSWORD, again=PASSWORD)
    assert me.client.get("/api/v1/me").json()["roles"] == ["reader"]
    third = _link(chief.post("/people/invitations", email="x@hospital.example", name="X", role=["reader"]).text)
    number = re.search(r"/people/invitations/(\d+)/take-back", chief.get("/people").text)
    assert number
    chief.post(f"/people/invitations/{number[1]}/take-back")
    assert chief.client.get(third).status_code == 404


@pytest.mark.parametrize("role", [["site"], [], ["emperor"]])
def test_no_person_speaks_for_a_site(chief: Browser, role: list[str]) -> None:
    """An invitation without a role, with an unknown one or with a site's is refused."""
    assert chief.post("/people/invitations", email="y@hospital.example", name="Y", role=role).status_code == 422


def test_a_new_password_ends_every_session(hub: TestHub) -> None:
    """The link of a reset is good once; afterwards the old password and the old sessions open nothing."""
    email, number = person(hub, "Forgot")
    held = browser(hub)
    held.sign_in(email)
    browser(hub).post("/reset", email=email)
    address = _link(_letters(hub, email)[0])
    chosen = "another sentence of mine"
    other = browser(hub)
    assert other.post(address, password=chosen, again="something else").status_code == 422
    assert other.post(address, password=chosen, again=chosen).url.path == "/sign-in"
    assert held.get("/account").url.path == "/sign-in"
    assert other.client.get(address).status_code == 404
    assert browser(hub).sign_in(email).status_code == 401
    assert other.sign_in(email, chosen).url.path == "/account"
    assert "was changed" in _letters(hub, email)[-1]
    assert number


def test_a_link_is_used_once_by_two_at_once(hub: TestHub) -> None:
    """Of two who follow a link at the same moment one alone sets the password."""
    _, number = person(hub, "Race")
    with writing(hub.platform.engine) as connection:
        token = links.make(connection, links.Kind.RESET, email="race@hospital.example", account=number, by="system")
    start = threading.Barrier(2)

    def follow(password: str) -> int:
        start.wait()
        return browser(hub).post(f"/links/{token}", follow=False, password=password, again=password).status_code

    with ThreadPoolExecutor(2) as pool:
        codes = sorted(pool.map(follow, ("the first one of two", "the second one of two")))
    assert codes == [303, 404]


def test_old_links_open_nothing(hub: TestHub) -> None:
    """A link whose time is over is not found, like one that never was."""
    _, number = person(hub, "Late")
    with writing(hub.platform.engine) as connection:
        token = links.make(connection, links.Kind.RESET, email="late@hospital.example", account=number, by="system")
        connection.execute(sa.text("UPDATE link SET expires_at = '2020-01-01T00:00:00Z'"))
    for one in (token, "rcl_never", "%00", "x" * 3000):
        assert browser(hub).client.get(f"/links/{one}").status_code == 404


def test_letters_lie_locked_and_are_sent_by_a_job(hub: TestHub) -> None:
    """No link stands in the clear in the database, and each letter left a job in its transaction."""
    email, _ = person(hub, "Letter")
    browser(hub).post("/reset", email=email)
    with reading(hub.platform.engine) as connection:
        body = connection.execute(sa.text("SELECT body FROM message ORDER BY id DESC")).scalars().first()
        jobs = connection.execute(sa.text("SELECT job FROM outbox ORDER BY id DESC")).scalars().first()
    assert "links" not in str(body)
    assert jobs == MESSAGE_JOB


# --- one's own account --------------------------------------------------------------------------------------------


def test_changing_the_password_ends_the_other_sessions(hub: TestHub) -> None:
    """The present password is asked for; this session stays, the others end."""
    email, _ = person(hub, "Change")
    me, other = browser(hub), browser(hub)
    me.sign_in(email)
    other.sign_in(email)
    chosen = "yet another sentence"
    wrong = me.post("/account/password", present="wrong", chosen=chosen, again=chosen)
    assert "present password is wrong" in wrong.text
    common = me.post("/account/password", present=PASSWORD, chosen="qwertyuiop12", again="qwertyuiop12")
    assert "tried first" in common.text
    assert "is changed" in me.post("/account/password", present=PASSWORD, chosen=chosen, again=chosen).text
    assert me.get("/account").url.path == "/account"
    assert other.get("/account").url.path == "/sign-in"


def test_what_keeps_an_account_safe_asks_for_a_fresh_sign_in(hub: TestHub) -> None:
    """A quarter of an hour after the sign-in, tokens, passwords, passkeys and phones ask for another one."""
    email, number = person(hub, "Stale")
    me = browser(hub)
    me.sign_in(email)
    me.get("/account/security")
    with writing(hub.platform.engine) as connection:
        old = sa.text("UPDATE session SET created_at = '2026-01-01T00:00:00Z' WHERE account_id = :number")
        connection.execute(old, {"number": number})
    for path, fields in (
        ("/account/tokens", {"name": "x", "days": "7"}),
        ("/account/password", {"present": PASSWORD, "chosen": "a new one of mine", "again": "a new one of mine"}),
        ("/account/second-factor", {}),
        ("/account/second-factor/remove", {}),
        ("/account/recovery-codes", {}),
        ("/account/passkeys/1/remove", {}),
    ):
        answer = me.post(path, follow=False, **fields)
        assert answer.headers["location"].startswith("/sign-in?"), path
        assert "again=true" in answer.headers["location"]
    key = {"X-Form-Key": me.form_key}
    assert me.client.post("/account/passkeys/options", headers=key).status_code == 401
    assert me.client.post("/api/v1/me/tokens", headers=key, json={"name": "x"}).status_code == 401
    assert me.get("/account").url.path == "/account"


def test_sessions_are_listed_and_ended(hub: TestHub) -> None:
    """Each shows the browser in words and when it was used; ending one ends that one, and a forged name none."""
    email, _ = person(hub, "Sessions")
    me = browser(hub)
    phone = browser(hub, agent="Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19 Safari/604.1")
    stranger = browser(hub)
    for one, address in ((me, email), (phone, email), (stranger, person(hub, "Stranger")[0])):
        one.sign_in(address)
    page = me.get("/account/sessions").text
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page
    assert "604.1" not in page
    live = me.client.get("/api/v1/me/sessions").json()["sessions"]
    assert [one["is_current"] for one in live].count(True) == 1
    theirs = next(one["handle"] for one in live if not one["is_current"])
    assert stranger.post(f"/account/sessions/{theirs}/end").status_code == 404
    assert phone.get("/account").url.path == "/account"
    me.post(f"/account/sessions/{theirs}/end")
    assert phone.get("/account").url.path == "/sign-in"
    assert me.get("/account").url.path == "/account"


def test_a_session_ends_when_nothing_is_asked_for(hub: TestHub) -> None:
    """After two hours without use, and after twelve in any case."""
    email, number = person(hub, "Idle")
    for column in ("seen_at", "expires_at"):
        me = browser(hub)
        me.sign_in(email)
        assert me.get("/account").url.path == "/account"
        with writing(hub.platform.engine) as connection:
            old = sa.text(f"UPDATE session SET {column} = '2026-01-01T00:00:00Z' WHERE account_id = :number")
            connection.execute(old, {"number": number})
        assert me.get("/account").url.path == "/sign-in"


def test_a_token_of_ones_own(hub: TestHub) -> None:
    """It is shown once, opens what its scopes say, is named once, notes the day, and ends when it is revoked."""
    email, number = person(hub, "Token", Role.CURATOR, Role.RESEARCHER)
    me = browser(hub)
    me.sign_in(email)
    page = me.post("/account/tokens", name="cluster", days="30", scope=["download"])
    found = re.search(r"<pre[^>]*>(rcp_[\w-]+)</pre>", page.text)
    assert found
    token = {"Authorization": f"Bearer {found[1]}"}
    assert found[1] not in me.get("/account/tokens").text
    assert me.post("/account/tokens", name="cluster", days="30", scope=["download"]).status_code == 422
    program = TestClient(hub.client.app, base_url="http://hub.test", headers=token)  # type: ignore[arg-type]
    mine = program.get("/api/v1/me").json()
    assert (mine["id"], mine["scopes"]) == (f"account:{number}", ["download", "read"])
    assert mine["roles"] == ["researcher"]  # the curator's role needs the scope
    assert program.get("/api/v1/submissions").status_code == 403
    assert program.post("/api/v1/me/tokens", json={"name": "child"}).status_code == 403
    assert program.get("/api/v1/me/sessions").status_code == 403
    held = me.client.get("/api/v1/me/tokens").json()["tokens"]
    assert held[0]["last_used_on"] is not None
    assert found[1] not in str(held)
    stranger = browser(hub)
    stranger.sign_in(person(hub, "Thief")[0])
    assert stranger.post(f"/account/tokens/{held[0]['number']}/revoke").status_code == 404
    me.post(f"/account/tokens/{held[0]['number']}/revoke")
    assert program.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("scope", ["administer", "curate", "submit", "everything"])
def test_nobody_gives_a_token_more_than_they_have(hub: TestHub, scope: str) -> None:
    """A researcher's form with a scope that the page does not offer is refused."""
    me = browser(hub)
    me.sign_in(person(hub, f"More-{scope}")[0])
    assert me.post("/account/tokens", name="x", days="7", scope=[scope]).status_code == 422
    assert me.post("/account/tokens", name="y", days="9999").status_code == 422


def test_a_role_that_is_taken_leaves_the_tokens_too(hub: TestHub, chief: Browser) -> None:
    """A token never outlives its person's roles."""
    email, number = person(hub, "Demoted", Role.CURATOR)
    me = browser(hub)
    me.sign_in(email)
    token = me.client.post(
        "/api/v1/me/tokens", json={"name": "x", "scopes": ["curate"]}, headers={"X-Form-Key": me.form_key}
    ).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert hub.client.get("/api/v1/submissions", headers=headers).status_code == 200
    chief.post(f"/people/{number}/roles", role=["researcher"])
    assert hub.client.get("/api/v1/submissions", headers=headers).status_code == 403


# --- people -------------------------------------------------------------------------------------------------------


def test_disabling_ends_everything_at_once(hub: TestHub, chief: Browser) -> None:
    """Sessions, tokens, links and ceremonies end; enabled again, the person signs in, and old tokens stay over."""
    email, number = person(hub, "Gone")
    me = browser(hub)
    me.sign_in(email)
    token = me.client.post("/api/v1/me/tokens", json={"name": "x"}, headers={"X-Form-Key": me.form_key}).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    link = _link(chief.post(f"/people/{number}/reset").text)
    with writing(hub.platform.engine) as connection:
        half = ceremonies.begin(connection, ceremonies.Kind.CODE, account=number, method="password")
    assert "is disabled" in chief.post(f"/people/{number}/disable").text
    assert me.get("/account").url.path == "/sign-in"
    assert hub.client.get("/api/v1/me", headers=headers).status_code == 401
    assert me.client.get(link).status_code == 404
    assert me.sign_in(email).status_code == 401
    with reading(hub.platform.engine) as connection:
        assert ceremonies.find(connection, ceremonies.Kind.CODE, cookie=half) is None
    chief.post(f"/people/{number}/enable")
    assert me.sign_in(email).url.path == "/account"
    assert hub.client.get("/api/v1/me", headers=headers).status_code == 401


def test_an_administrator_ends_sessions_and_helps_a_lost_phone(hub: TestHub, chief: Browser) -> None:
    """All sessions of a person end, and a second factor that is lost goes; both stand in the person's own events."""
    email, number = person(hub, "Lost")
    me = browser(hub)
    me.sign_in(email)
    set_up_phone(me)
    assert "Sessions that ended: 1." in chief.post(f"/people/{number}/sessions/end").text
    assert me.get("/account").url.path == "/sign-in"
    chief.post(f"/people/{number}/second-factor/remove")
    assert me.sign_in(email).url.path == "/account"
    kinds = [(one["kind"], one["actor"]) for one in me.client.get("/api/v1/me/events").json()["events"]]
    assert ("session-ended", "account:1") in kinds
    assert ("second-factor-removed", "account:1") in kinds


def test_the_last_administrator_stays(hub: TestHub, chief: Browser) -> None:
    """Neither roles nor disabling take the last one away."""
    for path, fields in (("roles", {"role": ["researcher"]}), ("disable", {})):
        answer = chief.post(f"/people/1/{path}", **fields)
        assert answer.status_code == 409
        assert "last administrator" in answer.text


def test_names_are_shown_as_text(hub: TestHub, chief: Browser) -> None:
    """Markup in a name, in an address or in a search is text on every page that shows it."""
    evil = "<script>alert(1)</script>"
    email, number = person(hub, "Markup")
    with writing(hub.platform.engine) as connection:
        connection.execute(sa.text("UPDATE account SET name = :name WHERE id = :id"), {"name": evil, "id": number})
    me = browser(hub)
    me.sign_in(email)
    me.post("/account/tokens", name=evil, days="7")
    pages = [me.get(path) for path in ("/account", "/account/tokens", "/account/events", "/account/sessions")]
    pages += [chief.get(f"/people?q={evil}"), chief.get(f"/people/{number}"), chief.get(f"/audit?kind={evil}")]
    pages.append(chief.post("/people/invitations", email=evil, name=evil, role=["reader"]))
    for page in pages:
        assert "<script>alert" not in page.text
    assert chief.get(f"/people?q={evil}").text.count("&lt;script&gt;") >= 2


@pytest.mark.parametrize("path", ["/people?offset=99999999999999", "/people?offset=-1", "/account/events?before=-5"])
def test_odd_pages_are_pages(chief: Browser, path: str) -> None:
    """A huge or negative page is a page."""
    assert chief.get(path).status_code == 200


def test_a_persons_own_events(hub: TestHub) -> None:
    """One sees what one did and what was done to one's account, strangers' wrong tries included; of others nothing."""
    email, number = person(hub, "Seen")
    browser(hub).post("/sign-in", email=email, password="wrong")
    me = browser(hub)
    me.sign_in(email)
    kinds = [one["kind"] for one in me.client.get("/api/v1/me/events").json()["events"]]
    assert kinds == ["signed-in", "sign-in-refused", "account-created"]
    assert "Sign-in refused" in me.get("/account/events").text
    assert all(f"account:{number}" in str(one) for one in me.client.get("/api/v1/me/events").json()["events"])


def test_passwords_are_kept_as_argon2id(hub: TestHub) -> None:
    """No table holds a password, and what is kept says how it was made."""
    email, _ = person(hub, "Hash")
    with reading(hub.platform.engine) as connection:
        query = sa.text("SELECT password_hash FROM account WHERE email = :email")
        kept = connection.execute(query, {"email": email}).scalar_one()
    assert kept.startswith("$argon2id$")
    assert password_matches(PASSWORD, hashed=kept)
    assert not password_matches(PASSWORD, hashed="")


def test_cookies_of_a_hub_with_tls_are_bound_to_it(tmp_path: Any) -> None:
    """Behind a proxy with TLS the cookie is Secure and carries the prefix that no other host can set."""
    with running_hub(tmp_path, run_jobs=False, base_url="https://hub.test") as hub:
        answer = hub.client.post("/api/v1/sessions", json=dict(zip(("email", "password"), ADMINISTRATOR, strict=True)))
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-radcommons_session=")
        assert "; Secure" in cookie
        assert "Path=/" in cookie


def test_the_address_behind_proxies_is_the_trusted_ones_word(tmp_path: Any) -> None:
    """What a client says of itself in X-Forwarded-For does not free it from the count of its address."""
    with running_hub(tmp_path, run_jobs=False, trusted_proxies=1) as hub:
        statuses = [
            hub.client.post(
                "/api/v1/sessions",
                json={"email": "x@hospital.example", "password": "wrong"},
                headers={"X-Forwarded-For": f"10.0.0.{number}, 198.51.100.7"},
            ).status_code
            for number in range(throttle.FREE_HERE + 2)
        ]
        assert statuses[-1] == 429

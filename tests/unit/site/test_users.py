"""People of a gateway: who may sign in, how they prove it, and when a session is over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from radcommons.platform.totp import code_at
from radcommons.records.errors import Conflict, NotFound, NotPermitted, UsageError
from radcommons.site import audit, sessions, users
from radcommons.site.sessions import Sessions, check_form
from radcommons.site.settings import SiteSettings, write_settings
from radcommons.site.store import Store, create_store, open_store
from radcommons.site.tables import audit as trail
from radcommons.site.tables_users import account
from radcommons.site.users import SiteRole

NAME, PASSWORD = "M. Roe", "a sentence of my own"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong tries do not pause a test."""
    monkeypatch.setattr(sessions, "_FAILURE_PAUSE_S", 0.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A gateway of a hub that is elsewhere, so that a second factor is asked for."""
    create_store(tmp_path / "gateway")
    write_settings(tmp_path / "gateway", SiteSettings(hub="https://hub.example", sites=("ALFA",), second_factor="off"))
    opened = open_store(tmp_path / "gateway")
    yield opened
    opened.close()


def _enrolled(store: Store, sessions_: Sessions) -> tuple[str, tuple[str, ...]]:
    """Return the secret and the recovery codes of an account that went through set-up."""
    token = users.add_user(store, NAME, role=SiteRole.DATA_MANAGER)
    number = users.accept(store, token, name="", password=PASSWORD)
    session = sessions_.find(sessions_.begin(number, half=True))
    assert session is not None
    secret = session.offered_secret
    return secret, users.enrol(store, number, secret=secret, step=0, by=session.actor)


def _code(secret: str, ahead: int = 0) -> str:
    return code_at(secret, step=int(time.time()) // 30 + ahead)


def _row(store: Store) -> sa.Row[tuple[object, ...]]:
    with store.read() as connection:
        return connection.execute(sa.select(account).where(account.c.name == NAME)).one()


def test_off_is_heard_only_beside_the_hub() -> None:
    """A setting cannot take the second factor from a gateway of a real hub."""
    far = SiteSettings(hub="https://hub.example", sites=("ALFA",), second_factor="off")
    near = SiteSettings(hub="http://127.0.0.1:8042", sites=("ALFA",), second_factor="off")
    tricky = SiteSettings(hub="https://127.0.0.1.hub.example", sites=("ALFA",), second_factor="off")
    assert users.needs_second_factor(far)
    assert users.needs_second_factor(tricky)
    assert not users.needs_second_factor(near)


def test_a_set_up_link_works_once_and_for_a_while(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Used, replaced, too old or made up: it opens nothing; a short password does not use it up."""
    token = users.add_user(store, NAME, role=SiteRole.PRIVACY_OFFICER)
    with pytest.raises(UsageError):
        users.accept(store, token, name="", password="short")
    assert users.invited(store, token) is not None
    users.accept(store, token, name="", password=PASSWORD)
    assert users.invited(store, token) is None
    with pytest.raises(NotFound):
        users.accept(store, token, name="", password=PASSWORD)
    first, second = users.reset_user(store, NAME), users.reset_user(store, NAME)
    assert users.invited(store, first) is None
    assert users.invited(store, "made up") is None
    monkeypatch.setattr(users.time, "time", lambda later=time.time() + 49 * 3600: later)
    assert users.invited(store, second) is None


def test_the_first_link_makes_a_data_manager_and_only_the_first(store: Store) -> None:
    """It is offered until a data manager can sign in; a new start ends the earlier link."""
    earlier = users.first_link(store)
    token = users.first_link(store)
    assert users.invited(store, earlier) is None
    users.accept(store, token, name=" M.  Roe ", password=PASSWORD)
    assert [(one.name, one.role) for one in users.users(store)] == [(NAME, SiteRole.DATA_MANAGER)]
    assert users.first_link(store) == ""


def test_names_are_taken_once_whatever_their_case(store: Store) -> None:
    """Two accounts of one name would blur the audit trail; a removed person's name is free again."""
    users.add_user(store, NAME, role=SiteRole.DATA_MANAGER)
    with pytest.raises(Conflict):
        users.add_user(store, "m. roe", role=SiteRole.DATA_MANAGER)
    users.remove_user(store, "m. roe")
    assert users.users(store) == ()
    users.add_user(store, NAME, role=SiteRole.PRIVACY_OFFICER)
    for bad in ("", "   ", "x" * 81, "a\x1bb"):
        with pytest.raises(UsageError):
            users.add_user(store, bad, role=SiteRole.DATA_MANAGER)


def test_sign_in_needs_password_and_code(store: Store) -> None:
    """Either alone opens nothing, and a code is good once."""
    desk = Sessions(store)
    secret, _ = _enrolled(store, desk)
    assert desk.sign_in(NAME, PASSWORD) is None
    assert desk.sign_in(NAME, "wrong", code=_code(secret)) is None
    code = _code(secret)
    session = desk.find(desk.sign_in("m. roe", PASSWORD, code=code))
    assert session is not None
    assert (session.user, session.is_half) == (NAME, False)
    assert desk.sign_in(NAME, PASSWORD, code=code) is None
    assert PASSWORD not in repr(session)
    assert session.offered_secret not in repr(session)


def test_a_recovery_code_stands_in_once(store: Store) -> None:
    """However it is typed; the second time it is wrong."""
    desk = Sessions(store)
    _, codes = _enrolled(store, desk)
    assert desk.sign_in(NAME, PASSWORD, code=codes[0].upper().replace("-", " ")) is not None
    assert desk.sign_in(NAME, PASSWORD, code=codes[0]) is None
    assert desk.sign_in(NAME, PASSWORD, code=codes[1]) is not None


def test_without_a_phone_the_session_is_half(store: Store) -> None:
    """The password alone leads to the set-up of the second factor and to nothing else."""
    users.add_user(store, NAME, role=SiteRole.DATA_MANAGER, password=PASSWORD)
    desk = Sessions(store)
    session = desk.find(desk.sign_in(NAME, PASSWORD))
    assert session is not None
    assert session.is_half


def test_wrong_tries_wait_longer_each_time(store: Store) -> None:
    """After the free ones even the right password has to wait, at most an hour, and the wait doubles."""
    users.add_user(store, NAME, role=SiteRole.DATA_MANAGER, password=PASSWORD)
    desk, waits = Sessions(store), []
    for _ in range(sessions.FREE_FAILURES + 3):
        assert desk.sign_in(NAME, "wrong") is None
        waits.append(max(_row(store).locked_until - time.time(), 0))
        if waits[-1]:
            assert desk.sign_in(NAME, PASSWORD) is None, "it waits"
            with store.change() as change:  # the wait passes
                change.connection.execute(account.update().values(locked_until=0.0))
    assert waits[: sessions.FREE_FAILURES] == [0] * sessions.FREE_FAILURES
    assert [round(wait / 15) for wait in waits[sessions.FREE_FAILURES :]] == [1, 2, 4]
    assert desk.sign_in(NAME, PASSWORD) is not None
    assert _row(store).failures == 0


def test_a_clock_that_was_set_back_locks_nobody_out(store: Store) -> None:
    """A wait that ends in more than an hour cannot be real."""
    users.add_user(store, NAME, role=SiteRole.DATA_MANAGER, password=PASSWORD)
    with store.change() as change:
        change.connection.execute(account.update().values(locked_until=time.time() + 86400))
    assert Sessions(store).sign_in(NAME, PASSWORD) is not None


def test_sessions_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle too long, open too long, signed out everywhere, reset or removed: the cookie opens nothing."""
    users.add_user(store, NAME, role=SiteRole.DATA_MANAGER, password=PASSWORD)
    desk, now = Sessions(store), [1000.0]
    monkeypatch.setattr(sessions, "_clock", lambda: now[0])
    cookie = desk.sign_in(NAME, PASSWORD)
    now[0] += sessions.IDLE_SECONDS - 1
    assert desk.find(cookie) is not None
    now[0] += sessions.IDLE_SECONDS + 1
    assert desk.find(cookie) is None
    cookie = desk.sign_in(NAME, PASSWORD)
    for _ in range(sessions.LONGEST_SECONDS // 600):
        now[0] += 600
        desk.find(cookie)
    now[0] += 1
    assert desk.find(cookie) is None, "a working day, however busy"
    for end in (
        lambda: users.sign_out_everywhere(store, _row(store).id, by="user:M. Roe"),
        lambda: users.change_password(store, _row(store).id, password=PASSWORD, by="user:M. Roe"),
        lambda: users.remove_user(store, NAME),
    ):
        cookie = desk.sign_in(NAME, PASSWORD)
        assert desk.find(cookie) is not None
        end()
        assert desk.find(cookie) is None


def test_forms_carry_their_sessions_key(store: Store) -> None:
    """Another session's key, or none, is refused."""
    users.add_user(store, NAME, role=SiteRole.DATA_MANAGER, password=PASSWORD)
    desk = Sessions(store)
    one, other = (desk.find(desk.sign_in(NAME, PASSWORD)) for _ in range(2))
    assert one is not None
    assert other is not None
    check_form(one, one.form_key)
    for key in (other.form_key, "", "ключ"):
        with pytest.raises(NotPermitted):
            check_form(one, key)


def test_the_trail_names_people_and_no_secret(store: Store) -> None:
    """Who signed in and who failed; what was typed as a name may be a password and stays out."""
    users.add_user(store, NAME, role=SiteRole.DATA_MANAGER, password=PASSWORD)
    desk = Sessions(store)
    session = desk.find(desk.sign_in(NAME, PASSWORD))
    desk.sign_in(PASSWORD, PASSWORD)
    assert session is not None
    audit.viewed(store, session, "review", "group:abc")
    text = "".join(audit.as_csv(audit.lines(store)))
    assert "user:M. Roe" in text
    assert "page.sign-in-refused" in text
    assert PASSWORD not in text
    assert '""page"": ""review""' in text


def test_a_changed_removed_or_cut_line_is_seen(store: Store) -> None:
    """The chain tells the middle, the signed mark tells the end; a forged mark is none."""
    desk = Sessions(store)
    users.add_user(store, NAME, role=SiteRole.DATA_MANAGER, password=PASSWORD)
    session = desk.find(desk.sign_in(NAME, PASSWORD))
    assert session is not None
    for number in range(3):
        audit.viewed(store, session, "home", f"page:{number}")
    assert audit.verify(store).is_whole
    with store.change() as change:
        change.connection.exec_driver_sql("DROP TRIGGER audit_event_no_delete")
        last = change.connection.execute(sa.select(sa.func.max(trail.c.sequence))).scalar_one()
        change.connection.execute(trail.delete().where(trail.c.sequence == last))
    cut = audit.verify(store)
    assert (cut.broken, cut.is_whole) == ((), False)
    assert "cut off" in cut.problem
    mark = store.directory / "audit-end.json"
    mark.write_text(mark.read_text().replace(f'"sequence": {last}', f'"sequence": {last - 1}'))
    assert "not signed" in audit.verify(store).problem
    mark.unlink()
    with store.change() as change:
        change.connection.execute(trail.delete().where(trail.c.sequence == 2))
    assert audit.verify(store).broken == (3,)


def test_the_export_holds_every_line(store: Store, tmp_path: Path) -> None:
    """CSV and JSON Lines tell the same, and no cell begins like a formula."""
    users.add_user(store, "=HYPERLINK()", role=SiteRole.DATA_MANAGER)
    csv_lines = audit.export(store, tmp_path / "a.csv")
    json_lines = audit.export(store, tmp_path / "a.jsonl")
    assert csv_lines == json_lines == len((tmp_path / "a.jsonl").read_text().splitlines())
    assert ",=HYPERLINK" not in (tmp_path / "a.csv").read_text()

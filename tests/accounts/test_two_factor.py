"""Two-factor sign-in and sessions, on a real database with a clock that the test moves."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from pyotp.totp import TOTP

from syncom.accounts.model import Permission, Principal, Role, Session
from syncom.accounts.service import AccountsService
from syncom.accounts.two_factor import TwoFactorRequired, TwoFactorWrong
from syncom.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Unauthorized
from syncom.keys.service import KeysService, open_keyring
from syncom.postgres.pool import Database
from syncom.security import Keyring
from tests.clocks import HurriedClock, ShiftedClock

EMAIL = "admin@example.com"
PASSWORD = "correct horse"


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
async def accounts(database: Database, clock: ShiftedClock) -> AccountsService:
    accounts = AccountsService(database, Keyring(bytes(32)), clock)
    await accounts.first_run(EMAIL, PASSWORD)
    return accounts


async def sign_in(accounts: AccountsService, code: str | None = None, email: str = EMAIL) -> Session:
    return await accounts.sign_in(email=email, password=PASSWORD, address="::1", agent="Test/1", code=code)


class Phone:
    """An authenticator app."""

    def __init__(self, secret: str, clock: ShiftedClock) -> None:
        self._totp = TOTP(secret)
        self._clock = clock

    def now(self) -> str:
        return self._totp.at(self._clock.now())

    def next(self) -> str:
        """A code that was not used yet: half a minute later."""
        self._clock.ahead += timedelta(seconds=30)
        return self.now()


async def enrol(accounts: AccountsService, clock: ShiftedClock, by: Principal) -> tuple[Phone, list[str]]:
    begun = await accounts.two_factor.begin(by, password=PASSWORD)
    phone = Phone(begun.secret, clock)
    confirmed = await accounts.two_factor.confirm(by, code=phone.now(), keep=None)
    return phone, confirmed.recovery_codes


async def actions(accounts: AccountsService, by: Principal) -> list[str]:
    return [entry.action for entry in await accounts.audit(by, before=None, limit=100)]


async def test_an_app_is_shown_a_secret_once_and_signing_in_takes_its_code(
    accounts: AccountsService, clock: ShiftedClock, database: Database
) -> None:
    session = await sign_in(accounts)
    begun = await accounts.two_factor.begin(session.principal, password=PASSWORD)
    assert begun.uri.startswith("otpauth://totp/Syncom:admin%40example.com?secret=")
    assert begun.secret in begun.uri
    assert ET.fromstring(begun.qr_svg).tag.endswith("svg")
    await sign_in(accounts)  # it counts for nothing yet
    phone = Phone(begun.secret, clock)
    confirmed = await accounts.two_factor.confirm(session.principal, code=phone.now(), keep=session.token)
    assert len(set(confirmed.recovery_codes)) == 10
    with pytest.raises(TwoFactorRequired):
        await sign_in(accounts)
    with pytest.raises(TwoFactorWrong):
        await sign_in(accounts, "000000" if phone.now() != "000000" else "111111")
    assert (await sign_in(accounts, phone.next())).principal.user_id == session.principal.user_id
    status = await accounts.two_factor.status(session.principal)
    assert (status.enabled, status.recovery_codes_left) == (True, 10)
    async with database.system() as connection:
        [row] = await (await connection.execute("SELECT t::text, secret FROM two_factors t")).fetchall()
        codes = await (await connection.execute("SELECT c::text FROM recovery_codes c")).fetchall()
    assert begun.secret not in row[0]
    assert begun.secret.encode() not in bytes(row[1])
    assert all(code not in str(codes) for code in confirmed.recovery_codes)
    assert {"two_factor.begin", "two_factor.enable"} <= set(await actions(accounts, session.principal))


async def test_turning_it_on_ends_all_other_sessions(accounts: AccountsService, clock: ShiftedClock) -> None:
    ended: list[int] = []

    async def told(user_id: int) -> None:
        ended.append(user_id)

    accounts.password_changed = told
    mine, other = await sign_in(accounts), await sign_in(accounts)
    begun = await accounts.two_factor.begin(mine.principal, password=PASSWORD)
    code = Phone(begun.secret, clock).now()
    await accounts.two_factor.confirm(mine.principal, code=code, keep=mine.token)
    await accounts.authenticate_session(mine.token)
    with pytest.raises(Unauthorized):
        await accounts.authenticate_session(other.token)
    assert ended == [mine.principal.user_id], "sign-ins of programs end as well"


async def test_a_code_is_good_once_even_for_two_at_the_same_moment(
    accounts: AccountsService, clock: ShiftedClock
) -> None:
    session = await sign_in(accounts)
    phone, _ = await enrol(accounts, clock, session.principal)
    code = phone.next()
    answers = await asyncio.gather(*(sign_in(accounts, code) for _ in range(3)), return_exceptions=True)
    assert [isinstance(answer, Session) for answer in answers].count(True) == 1
    assert all(isinstance(answer, Session | TwoFactorWrong) for answer in answers)
    with pytest.raises(TwoFactorWrong):
        await sign_in(accounts, code)


async def test_codes_beside_the_present_one_are_good_and_older_ones_are_not(
    accounts: AccountsService, clock: ShiftedClock
) -> None:
    session = await sign_in(accounts)
    phone, _ = await enrol(accounts, clock, session.principal)
    early = phone.next()
    clock.ahead += timedelta(seconds=30)
    await sign_in(accounts, early)
    late = phone.next()
    clock.ahead += timedelta(seconds=90)
    with pytest.raises(TwoFactorWrong):
        await sign_in(accounts, late)


async def test_a_recovery_code_is_good_once_however_it_is_typed(accounts: AccountsService, clock: ShiftedClock) -> None:
    session = await sign_in(accounts)
    phone, codes = await enrol(accounts, clock, session.principal)
    await sign_in(accounts, f" {codes[0].upper().replace('-', ' ')} ")
    with pytest.raises(TwoFactorWrong):
        await sign_in(accounts, codes[0])
    renewed = await accounts.two_factor.renew_codes(session.principal, password=PASSWORD, code=phone.next())
    with pytest.raises(TwoFactorWrong):
        await sign_in(accounts, codes[1])
    await sign_in(accounts, renewed.recovery_codes[1])
    assert (await accounts.two_factor.status(session.principal)).recovery_codes_left == 9


async def test_guessing_codes_is_slowed_for_who_knows_the_password(
    accounts: AccountsService, clock: ShiftedClock
) -> None:
    session = await sign_in(accounts)
    phone, _ = await enrol(accounts, clock, session.principal)
    for _ in range(10):
        with pytest.raises(TwoFactorWrong):
            await accounts.two_factor.check(session.principal.user_id or 0, "not-a-code")
    with pytest.raises(RateLimited):
        await accounts.sign_in(email=EMAIL, password=PASSWORD, address="192.0.2.98", code=phone.next())
    clock.ahead += timedelta(minutes=5)
    await accounts.sign_in(email=EMAIL, password=PASSWORD, address="192.0.2.99", code=phone.next())


async def test_the_second_step_of_a_page_takes_a_ticket_instead_of_the_password(
    accounts: AccountsService, clock: ShiftedClock
) -> None:
    session = await sign_in(accounts)
    phone, _ = await enrol(accounts, clock, session.principal)
    with pytest.raises(TwoFactorRequired) as asked:
        await sign_in(accounts)
    ticket = asked.value.ticket
    for wrong in ("", "x", ticket[:-1] + ("A" if ticket[-1] != "A" else "B")):
        with pytest.raises(Unauthorized, match="sign in again"):
            await accounts.sign_in_with_code(ticket=wrong, code=phone.next(), address="::1")
    with pytest.raises(TwoFactorWrong):
        await accounts.sign_in_with_code(ticket=ticket, code="1", address="::1")
    await accounts.sign_in_with_code(ticket=ticket, code=phone.next(), address="::1")
    clock.ahead += timedelta(minutes=6)
    with pytest.raises(Unauthorized, match="sign in again"):
        await accounts.sign_in_with_code(ticket=ticket, code=phone.next(), address="::1")
    with pytest.raises(TwoFactorRequired) as asked:
        await sign_in(accounts)
    await accounts.change_password(session.principal, current=PASSWORD, new="another horse")
    with pytest.raises(Unauthorized, match="sign in again"):
        await accounts.sign_in_with_code(ticket=asked.value.ticket, code=phone.next(), address="::1")


async def test_turning_it_off_takes_password_and_code(accounts: AccountsService, clock: ShiftedClock) -> None:
    session = await sign_in(accounts)
    phone, codes = await enrol(accounts, clock, session.principal)
    with pytest.raises(Conflict, match="on already"):
        await accounts.two_factor.begin(session.principal, password=PASSWORD)
    with pytest.raises(Invalid, match="password"):
        await accounts.two_factor.disable(session.principal, password="wrong", code=codes[0], keep=None)
    with pytest.raises(Invalid, match="code"):
        await accounts.two_factor.disable(session.principal, password=PASSWORD, code="123", keep=None)
    await accounts.two_factor.disable(session.principal, password=PASSWORD, code=phone.next(), keep=None)
    await sign_in(accounts)
    assert "two_factor.disable" in await actions(accounts, session.principal)


async def test_a_program_does_not_sign_in_with_the_password_alone(
    accounts: AccountsService, clock: ShiftedClock
) -> None:
    await accounts.authenticate_login(email=EMAIL, password=PASSWORD, address="::1")
    await enrol(accounts, clock, (await sign_in(accounts)).principal)
    clock.ahead += timedelta(minutes=1)
    with pytest.raises(Unauthorized, match="API key"):
        await accounts.authenticate_login(email=EMAIL, password=PASSWORD, address="::1")


async def test_an_admin_resets_the_second_factor_of_a_member_but_not_of_an_owner(
    accounts: AccountsService, clock: ShiftedClock
) -> None:
    owner = (await sign_in(accounts)).principal
    made = await accounts.create_user(owner, email="b@example.com", role=Role.ADMIN, password=PASSWORD)
    admin = (await sign_in(accounts, email="b@example.com")).principal
    with pytest.raises(NotFound):
        await accounts.reset_two_factor(owner, made.user.user_id)
    await enrol(accounts, clock, admin)
    await enrol(accounts, clock, owner)
    assert (await accounts.get_user(owner, made.user.user_id)).two_factor
    assert owner.user_id is not None
    with pytest.raises(Forbidden):
        await accounts.reset_two_factor(admin, owner.user_id)
    await accounts.reset_two_factor(owner, made.user.user_id)
    await sign_in(accounts, email="b@example.com")
    assert "two_factor.reset" in await actions(accounts, owner)


async def test_an_account_may_ask_for_it_with_some_days_of_grace(
    accounts: AccountsService, clock: ShiftedClock
) -> None:
    owner = (await sign_in(accounts)).principal
    with pytest.raises(Conflict, match="yourself first"):
        await accounts.update_account(owner, require_two_factor=True)
    _, codes = await enrol(accounts, clock, owner)
    await accounts.create_user(owner, email="b@example.com", role=Role.MARKETER, password=PASSWORD)
    account = await accounts.update_account(owner, require_two_factor=True, two_factor_grace_days=3)
    assert account.two_factor_required_from is not None
    member = await sign_in(accounts, email="b@example.com")
    assert not member.principal.must_enrol
    await accounts.authenticate_login(email="b@example.com", password=PASSWORD, address="::1")
    clock.ahead += timedelta(days=3, minutes=1)
    late = await accounts.authenticate_session(member.token)
    assert late.permissions == {Permission.SIGNED_IN}
    with pytest.raises(Forbidden, match="set it up first"):
        late.require(Permission.READ_CONTACTS)
    assert (await sign_in(accounts, email="b@example.com")).principal.must_enrol
    with pytest.raises(Unauthorized, match="API key"):
        await accounts.authenticate_login(email="b@example.com", password=PASSWORD, address="::1")
    await enrol(accounts, clock, late)
    with pytest.raises(Unauthorized):
        await accounts.authenticate_session(member.token)
    with pytest.raises(Conflict, match="asks for"):
        await accounts.two_factor.disable(owner, password=PASSWORD, code=codes[0], keep=None)
    account = await accounts.update_account(owner, require_two_factor=False)
    assert account.two_factor_required_from is None


async def test_sessions_are_listed_and_ended_by_their_person_only(
    accounts: AccountsService, clock: ShiftedClock
) -> None:
    first = await sign_in(accounts)
    clock.ahead += timedelta(minutes=2)
    second = await accounts.sign_in(email=EMAIL, password=PASSWORD, address="192.0.2.7", agent="Fire\x00fox" * 100)
    [newest, oldest] = await accounts.list_sessions(second.principal, current=second.token)
    assert (newest.current, oldest.current) == (True, False)
    assert (newest.address, oldest.address, oldest.agent) == ("192.0.2.7", "::1", "Test/1")
    assert newest.agent.startswith("FirefoxFirefox")
    assert len(newest.agent) <= 400
    await accounts.create_user(first.principal, email="b@example.com", role=Role.ADMIN, password=PASSWORD)
    other = await sign_in(accounts, email="b@example.com")
    with pytest.raises(NotFound):
        await accounts.end_session(other.principal, oldest.session_id)
    await accounts.end_session(second.principal, oldest.session_id)
    with pytest.raises(Unauthorized):
        await accounts.authenticate_session(first.token)
    third = await sign_in(accounts)
    await accounts.end_other_sessions(second.principal, keep=second.token)
    with pytest.raises(Unauthorized):
        await accounts.authenticate_session(third.token)
    await accounts.authenticate_session(second.token)
    await accounts.authenticate_session(other.token)


async def test_a_secret_moves_to_a_new_master_key(database: Database, clock: ShiftedClock, tmp_path: object) -> None:
    from pathlib import Path

    ring = await open_keyring(database, Path(str(tmp_path)) / "secret.key")
    accounts = AccountsService(database, ring, clock)
    await accounts.first_run(EMAIL, PASSWORD)
    phone, _ = await enrol(accounts, clock, (await sign_in(accounts)).principal)
    keys = KeysService(database, ring, HurriedClock())
    old = ring.current.key_id
    rotated = await keys.rotate()
    assert (rotated.sealed_again, rotated.left) == (1, 0)
    await keys.forget(old)
    await sign_in(accounts, phone.next())

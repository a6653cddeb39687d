"""Accounts, users, keys and sessions, on a real database."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable
from datetime import timedelta

import pytest

from syncom.accounts.model import PERMISSIONS, Permission, Principal, Role
from syncom.accounts.service import SESSION_IDLE, SESSION_LIFE, AccountsService, machine_principal
from syncom.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, SyncomError, Unauthorized
from syncom.pacing import Attempts
from syncom.postgres.pool import Database
from syncom.security import Keyring, hash_token
from tests.clocks import ShiftedClock


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
async def accounts(database: Database, clock: ShiftedClock) -> AccountsService:
    return AccountsService(database, Keyring(bytes(32)), clock)


async def test_the_first_run_makes_one_owner_and_prints_the_password_once(accounts: AccountsService) -> None:
    first = await accounts.first_run("Admin@Example.com", None)
    assert first.created
    assert first.email == "admin@example.com"
    assert first.password is not None
    again = await accounts.first_run("someone@else.example", None)
    assert again == type(again)(created=False, email="admin@example.com", password=None)
    session = await accounts.sign_in(email=first.email, password=first.password, address="192.0.2.1")
    assert session.principal.role is Role.OWNER
    assert session.principal.is_operator


async def test_two_processes_that_start_together_make_one_first_user(accounts: AccountsService) -> None:
    runs = await asyncio.gather(*(accounts.first_run(f"a{i}@example.com", "long enough") for i in range(3)))
    assert sum(run.created for run in runs) == 1
    assert len({run.email for run in runs}) == 1


async def test_passwords_are_stored_as_argon2id_only(accounts: AccountsService, database: Database) -> None:
    await accounts.first_run("admin@example.com", "correct horse")
    async with database.system() as connection:
        row = await (await connection.execute("SELECT password_hash FROM users")).fetchone()
    assert row is not None
    assert row[0].startswith("$argon2id$")


async def test_a_dated_hash_is_replaced_when_its_user_signs_in(accounts: AccountsService, database: Database) -> None:
    from argon2 import PasswordHasher

    await accounts.first_run("admin@example.com", "correct horse")
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse")
    async with database.system() as connection:
        await connection.execute("UPDATE users SET password_hash = %s", (weak,))
    await accounts.sign_in(email="admin@example.com", password="correct horse", address="::1")
    async with database.system() as connection:
        row = await (await connection.execute("SELECT password_hash FROM users")).fetchone()
    assert row is not None
    assert row[0] != weak
    await accounts.sign_in(email="admin@example.com", password="correct horse", address="::1")


@pytest.mark.parametrize("password", ["wrong horse", "x" * 5000])
async def test_a_wrong_password_and_an_unknown_user_are_answered_alike(
    accounts: AccountsService, password: str
) -> None:
    await accounts.first_run("admin@example.com", "correct horse")
    said: set[str] = set()
    for email in ("admin@example.com", "nobody@example.com", "\x00"):
        with pytest.raises(Unauthorized) as refused:
            await accounts.sign_in(email=email, password=password, address="192.0.2.1")
        said.add(refused.value.message)
    assert len(said) == 1


async def test_guessing_is_slowed_and_the_wait_is_told(accounts: AccountsService, clock: ShiftedClock) -> None:
    await accounts.first_run("admin@example.com", "correct horse")
    for _ in range(5):
        with pytest.raises(Unauthorized):
            await accounts.sign_in(email="admin@example.com", password="guess", address="192.0.2.1")
    with pytest.raises(RateLimited) as limited:
        await accounts.sign_in(email="admin@example.com", password="correct horse", address="192.0.2.1")
    assert 0 < limited.value.retry_after <= 20
    # The owner, who comes from elsewhere, is not locked out by it.
    await accounts.sign_in(email="admin@example.com", password="correct horse", address="192.0.2.2")
    clock.ahead += timedelta(seconds=limited.value.retry_after)
    await accounts.sign_in(email="admin@example.com", password="correct horse", address="192.0.2.1")


def test_the_memory_of_attempts_is_bounded(clock: ShiftedClock) -> None:
    attempts = Attempts(clock, burst=1, seconds=60, max_keys=10)
    for number in range(100):
        attempts.take(str(number))
    assert len(attempts._buckets) <= 10


async def test_a_session_ends_by_idleness_by_age_and_by_signing_out(
    accounts: AccountsService, clock: ShiftedClock, database: Database
) -> None:
    await accounts.first_run("admin@example.com", "correct horse")

    async def sign_in() -> str:
        return (await accounts.sign_in(email="admin@example.com", password="correct horse", address="::1")).token

    used, idle, left = await sign_in(), await sign_in(), await sign_in()
    await accounts.sign_out(left)
    await _refused(accounts.authenticate_session(left))
    elapsed = timedelta()
    while elapsed + SESSION_IDLE / 2 < SESSION_LIFE:
        clock.ahead += SESSION_IDLE / 2
        elapsed += SESSION_IDLE / 2
        assert (await accounts.authenticate_session(used)).user_id is not None
    await _refused(accounts.authenticate_session(idle))
    clock.ahead += SESSION_IDLE / 2
    await _refused(accounts.authenticate_session(used))
    await sign_in()
    async with database.system() as connection:
        row = await (await connection.execute("SELECT count(*) FROM sessions")).fetchone()
    assert row == (1,), "dead sessions are removed when somebody signs in"


async def test_after_a_password_change_all_other_sessions_are_dead(accounts: AccountsService) -> None:
    await accounts.first_run("admin@example.com", "correct horse")
    mine = await accounts.sign_in(email="admin@example.com", password="correct horse", address="::1")
    other = await accounts.sign_in(email="admin@example.com", password="correct horse", address="::1")
    with pytest.raises(Invalid, match="current"):
        await accounts.change_password(mine.principal, current="no", new="battery staple")
    await accounts.change_password(mine.principal, current="correct horse", new="battery staple", keep=mine.token)
    await accounts.authenticate_session(mine.token)
    await _refused(accounts.authenticate_session(other.token))
    with pytest.raises(Unauthorized):
        await accounts.sign_in(email="admin@example.com", password="correct horse", address="::1")


async def test_a_role_change_shows_in_a_running_session_and_a_disabled_user_has_none(
    accounts: AccountsService,
) -> None:
    owner = await _owner(accounts)
    added = await accounts.create_user(owner, email="m@example.com", role=Role.MARKETER)
    assert added.password is not None
    session = await accounts.sign_in(email="m@example.com", password=added.password, address="::1")
    await accounts.set_role(owner, added.user.user_id, Role.VIEWER)
    assert (await accounts.authenticate_session(session.token)).role is Role.VIEWER
    await accounts.set_user_disabled(owner, added.user.user_id, disabled=True)
    await _refused(accounts.authenticate_session(session.token))
    await accounts.set_user_disabled(owner, added.user.user_id, disabled=False)
    await _refused(accounts.authenticate_session(session.token))
    await accounts.sign_in(email="m@example.com", password=added.password, address="::1")


async def test_nobody_gives_or_takes_more_than_they_have(accounts: AccountsService) -> None:
    owner = await _owner(accounts)
    admin = Principal(account_id=owner.account_id, role=Role.ADMIN, actor="key:1")
    boss = await accounts.create_user(owner, email="boss@example.com", role=Role.OWNER)
    for act in (
        accounts.create_user(admin, email="x@example.com", role=Role.OWNER),
        accounts.set_role(admin, boss.user.user_id, Role.VIEWER),
        accounts.remove_user(admin, boss.user.user_id),
        accounts.reset_password(admin, boss.user.user_id),
        accounts.set_user_disabled(admin, boss.user.user_id, disabled=True),
        accounts.create_api_key(admin, name="k", role=Role.OWNER),
    ):
        with pytest.raises(Forbidden):
            await act


async def test_an_account_cannot_take_over_a_user_who_belongs_to_another_one_too(
    accounts: AccountsService,
) -> None:
    owner = await _owner(accounts)
    other = await accounts.create_account(owner, name="Other")
    attacker = Principal(account_id=other.account_id, role=Role.OWNER, actor="key:9")
    victim = await accounts.create_user(owner, email="v@example.com", role=Role.ADMIN, password="long enough")
    joined = await accounts.create_user(attacker, email="v@example.com", role=Role.VIEWER, password="mine instead")
    assert joined.password is None
    with pytest.raises(Unauthorized):
        await accounts.sign_in(email="v@example.com", password="mine instead", address="::1")
    with pytest.raises(Forbidden):
        await accounts.reset_password(attacker, victim.user.user_id, "mine instead")
    with pytest.raises(Forbidden):
        await accounts.set_user_disabled(attacker, victim.user.user_id, disabled=True)
    await accounts.remove_user(attacker, victim.user.user_id)
    await accounts.sign_in(email="v@example.com", password="long enough", address="::1")


async def test_the_last_owner_stays(accounts: AccountsService) -> None:
    owner = await _owner(accounts)
    only = (await accounts.list_users(owner))[0].user_id
    for act in (
        accounts.set_role(owner, only, Role.ADMIN),
        accounts.remove_user(owner, only),
        accounts.set_user_disabled(owner, only, disabled=True),
    ):
        with pytest.raises(Conflict):
            await act


async def test_two_owners_cannot_remove_each_other_at_once(accounts: AccountsService) -> None:
    owner = await _owner(accounts)
    first = (await accounts.list_users(owner))[0].user_id
    second = (await accounts.create_user(owner, email="b@example.com", role=Role.OWNER)).user.user_id
    results = await asyncio.gather(
        accounts.remove_user(owner, first), accounts.remove_user(owner, second), return_exceptions=True
    )
    assert sum(isinstance(result, Conflict) for result in results) == 1


async def test_a_key_is_shown_once_and_stored_as_a_hash(accounts: AccountsService, database: Database) -> None:
    owner = await _owner(accounts)
    made = await accounts.create_api_key(owner, name="shop", role=Role.MARKETER)
    assert made.key.startswith(made.api_key.prefix)
    assert len(made.key) == 46
    async with database.system() as connection:
        row = await (await connection.execute("SELECT api_keys::text FROM api_keys")).fetchone()
    assert row is not None
    assert made.key not in row[0]
    assert hash_token(made.key).hex() in row[0]
    principal = await accounts.authenticate_key(made.key)
    assert (principal.account_id, principal.role) == (owner.account_id, Role.MARKETER)
    assert principal.actor == f"key:{made.api_key.api_key_id}"
    assert (await accounts.list_api_keys(owner))[0].last_used_at is not None


@pytest.mark.parametrize("key", ["", "sk_", "sk_" + "a" * 43, "sk_" + "a" * 42 + "\x00", "Ж" * 46, "x" * 10_000])
async def test_anything_but_a_live_key_is_refused(accounts: AccountsService, key: str) -> None:
    await _refused(accounts.authenticate_key(key))


async def test_a_revoked_key_is_refused_at_once_here_and_soon_elsewhere(
    accounts: AccountsService, database: Database, clock: ShiftedClock
) -> None:
    owner = await _owner(accounts)
    elsewhere = AccountsService(database, Keyring(bytes(32)), clock)
    await elsewhere.start()
    try:
        made = await accounts.create_api_key(owner, name="shop")
        for service in (accounts, elsewhere):
            await service.authenticate_key(made.key)
            assert service.known_key(made.key) is not None
        await accounts.revoke_api_key(owner, made.api_key.api_key_id)
        await _refused(accounts.authenticate_key(made.key))
        while elsewhere.known_key(made.key) is not None:  # the notification is on its way
            await asyncio.sleep(0.005)
        await _refused(elsewhere.authenticate_key(made.key))
    finally:
        await elsewhere.stop()


async def test_without_notifications_a_key_is_believed_for_five_seconds(
    accounts: AccountsService, database: Database, clock: ShiftedClock
) -> None:
    owner = await _owner(accounts)
    made = await accounts.create_api_key(owner, name="shop")
    deaf = AccountsService(database, Keyring(bytes(32)), clock)
    await deaf.authenticate_key(made.key)
    await accounts.revoke_api_key(owner, made.api_key.api_key_id)
    await deaf.authenticate_key(made.key)
    clock.ahead += timedelta(seconds=5)
    await _refused(deaf.authenticate_key(made.key))


async def test_a_revocation_during_a_look_up_is_not_forgotten(accounts: AccountsService) -> None:
    cache = accounts._keys
    generation = cache.generation
    cache.forget()
    principal = machine_principal(1)
    cache.put(b"hash", principal, generation=generation)
    assert cache.get(b"hash") is None


async def test_users_keys_and_audit_of_another_account_do_not_exist(accounts: AccountsService) -> None:
    owner = await _owner(accounts)
    other = machine_principal((await accounts.create_account(owner, name="Other")).account_id)
    user = await accounts.create_user(owner, email="m@example.com", role=Role.VIEWER)
    key = await accounts.create_api_key(owner, name="shop")
    for act in (
        accounts.get_user(other, user.user.user_id),
        accounts.remove_user(other, user.user.user_id),
        accounts.reset_password(other, user.user.user_id),
        accounts.revoke_api_key(other, key.api_key.api_key_id),
    ):
        with pytest.raises(NotFound):
            await act
    assert await accounts.list_api_keys(other) == []
    assert {entry.action for entry in await accounts.audit(other, before=None, limit=50)} == {"account.create"}


async def test_the_audit_log_is_looked_through_by_actor_by_act_and_by_kind_of_act(accounts: AccountsService) -> None:
    owner = await _owner(accounts)
    await accounts.create_user(owner, email="m@example.com", role=Role.VIEWER)
    key = await accounts.create_api_key(owner, name="shop")
    await accounts.revoke_api_key(owner, key.api_key.api_key_id)

    async def found(**filters: str) -> list[str]:
        return [entry.action for entry in await accounts.audit(owner, before=None, limit=50, **filters)]

    assert await found(action="api_key") == ["api_key.revoke", "api_key.create"]
    assert await found(action="api_key.create") == ["api_key.create"]
    assert await found(action="api") == []
    assert "account.create" not in await found(actor=owner.actor)
    assert await found(actor=owner.actor, action="user") == ["user.create"]
    assert await found(actor="user:999") == []


async def test_privileged_acts_leave_audit_rows_without_secrets(accounts: AccountsService) -> None:
    owner = await _owner(accounts)
    user = await accounts.create_user(owner, email="m@example.com", role=Role.VIEWER)
    await accounts.reset_password(owner, user.user.user_id)
    key = await accounts.create_api_key(owner, name="shop")
    await accounts.revoke_api_key(owner, key.api_key.api_key_id)
    entries = await accounts.audit(owner, before=None, limit=50)
    actions = [entry.action for entry in entries]
    assert actions == [
        "api_key.revoke",
        "api_key.create",
        "user.reset_password",
        "user.create",
        "account.create",
    ]
    assert key.key not in str(entries)
    assert user.password not in str(entries)


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [("nobody", "long enough", "email"), ("a b@c.d", "long enough", "email"), ("a@b.c", "short", "password")],
)
async def test_bad_logins_are_refused_with_the_field(
    accounts: AccountsService, email: str, password: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await accounts.first_run(email, password)
    assert refused.value.fields[0].field == field


def test_each_role_may_do_what_the_one_below_it_may() -> None:
    order = [Role.VIEWER, Role.MARKETER, Role.ADMIN, Role.OWNER]
    for lower, higher in itertools.pairwise(order):
        assert PERMISSIONS[lower] < PERMISSIONS[higher]
        assert higher.covers(lower)
        assert not lower.covers(higher)
    assert all(Permission.OPERATE not in granted for granted in PERMISSIONS.values())


async def _owner(accounts: AccountsService) -> Principal:
    await accounts.first_run("admin@example.com", "correct horse")
    return machine_principal((await accounts.default_account()).account_id)


async def _refused(answer: Awaitable[object]) -> None:
    with pytest.raises(SyncomError) as refused:
        await answer
    assert isinstance(refused.value, Unauthorized)

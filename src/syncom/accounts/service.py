"""Accounts, users, roles, API keys and sessions: the use cases.

These tables are out of reach for a tenant's role, so the work is done as the system, and every statement names
the account. Who asks, and in which account, is one value: the :class:`Principal`.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import string
import struct
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import Any, Final
from zoneinfo import available_timezones

import msgspec

from syncom.accounts import store
from syncom.accounts.model import (
    LONGEST_KEEPING,
    SHORTEST_KEEPING,
    Account,
    ApiKey,
    AuditEntry,
    Compat,
    FirstRun,
    KeyScope,
    Membership,
    NewApiKey,
    NewUser,
    OpenSession,
    Permission,
    Principal,
    Role,
    Session,
    User,
    Velocity,
)
from syncom.accounts.passwords import Passwords, make_password
from syncom.accounts.two_factor import TwoFactor, TwoFactorRequired
from syncom.clock import Clock
from syncom.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from syncom.pacing import Attempts, household
from syncom.postgres.pool import Connection, Database
from syncom.postgres.remembered import Remembered, listen
from syncom.security import Keyring, hash_token

#: A session ends after this long, whatever happens,
SESSION_LIFE = timedelta(days=30)
#: and after this long without use.
SESSION_IDLE = timedelta(days=7)
_TOUCH_EVERY = timedelta(minutes=1)

#: Days between asking for a second factor and insisting on it.
GRACE_DAYS: Final = 7
_LONGEST_GRACE: Final = 90
#: Time for typing a code after the password.
_TICKET_LIFE = timedelta(minutes=5)
#: User, the second until which it is good, what it is bound to.
_TICKET = struct.Struct(">qq8s")

_BASE62 = string.digits + string.ascii_letters
#: 43 of 62 characters: 256 bits.
_KEY_LENGTH = 43
_SHOWN = 10
_KEY = re.compile(r"sk_[0-9A-Za-z]{43}", re.ASCII)
_EMAIL = re.compile(r"[^\s@\x00-\x20\x7f]{1,64}@[^\s@\x00-\x20\x7f]{1,189}")

#: What every API key begins with.
KEY_PREFIX = "sk_"
#: What every short-lived token begins with.
TOKEN_PREFIX: Final = "st_"  # noqa: S105 - what a token begins with
TOKEN_SECONDS: Final = 24 * 3600
_WRONG_LOGIN = "the email or the password is wrong"
_NO_KEY = "the API key is not valid; `syncom api-key create` makes one"
_NO_SESSION = "sign in again: the session has ended"


class AccountsService:
    """Who may do what on this installation."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock
        self._passwords = Passwords()
        self.two_factor = TwoFactor(database, keyring, clock, self._passwords)
        self._tickets = keyring.signer("second step of signing in")
        self._keys: Remembered[Principal] = Remembered(clock)
        self._listener: asyncio.Task[None] | None = None
        #: What else ends when a person's password changes, besides their sessions; app.py says.
        self.password_changed: Callable[[int], Awaitable[object]] = _nothing
        self.two_factor.changed = self._second_factor_changed
        # A guesser is slowed by address and name together; the wider limits stop many addresses on one name
        # and many names from one address, without letting a stranger lock somebody out with a few requests.
        self._pair_attempts = Attempts(clock, burst=5, seconds=20)
        self._name_attempts = Attempts(clock, burst=50, seconds=5)
        self._address_attempts = Attempts(clock, burst=50, seconds=5)

    # ------------------------------------------------------------ life of the service

    async def start(self) -> None:
        """Follow changes of credentials made by other processes. Only a web server needs it."""
        ready = asyncio.Event()
        self._listener = asyncio.create_task(listen(self._database.dsn, ["syncom_auth"], self._keys, ready))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ready.wait(), timeout=5)

    async def stop(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
            self._listener = None

    async def first_run(self, email: str, password: str | None) -> FirstRun:
        """Make the first account and its owner, an operator, unless there are users already.

        Without a password one is made; it is in the answer once.
        """
        email = _email(email)
        made = None if password else make_password()
        async with self._database.system() as connection:
            present = await store.first_operator(connection)
            if present is not None:
                return FirstRun(created=False, email=present, password=None)
            password_hash = await self._passwords.hash(password or made or "")
            account = await store.add_account(connection, "Main")
            user_id = await store.add_user(
                connection, email=email, name="", password_hash=password_hash, is_operator=True
            )
            if user_id is None:
                raise AssertionError("the users are locked and there are none")
            await store.add_membership(connection, account.account_id, user_id, Role.OWNER)
            await store.add_audit(
                connection,
                account.account_id,
                actor="system",
                action="account.create",
                object_=f"account:{account.account_id}",
                detail={"first_run": True},
            )
        return FirstRun(created=True, email=email, password=made)

    # ------------------------------------------------------------ accounts

    async def create_account(self, by: Principal, *, name: str) -> Account:
        """A new account; a signed-in operator becomes its owner."""
        by.require(Permission.OPERATE)
        name = _name(name)
        async with self._database.system() as connection:
            account = await store.add_account(connection, name)
            if by.user_id is not None:
                await store.add_membership(connection, account.account_id, by.user_id, Role.OWNER)
            await store.add_audit(
                connection,
                account.account_id,
                actor=by.actor,
                action="account.create",
                object_=f"account:{account.account_id}",
                detail={"name": name},
            )
        return account

    async def list_accounts(self, by: Principal) -> list[Account]:
        """All accounts of the installation."""
        by.require(Permission.OPERATE)
        async with self._database.system() as connection:
            return await store.list_accounts(connection)

    async def get_account(self, account_id: int) -> Account:
        async with self._database.system() as connection:
            account = await store.get_account(connection, account_id)
        if account is None:
            raise NotFound("account", account_id)
        return account

    async def default_account(self) -> Account:
        """The oldest account: what the command line works on unless told otherwise."""
        async with self._database.system() as connection:
            accounts = await store.list_accounts(connection)
        if not accounts:
            raise NotFound("account", "(any): run `syncom up` or `syncom account create` first; it")
        return accounts[0]

    async def update_account(
        self,
        by: Principal,
        *,
        name: str | None = None,
        time_zone: str | None = None,
        velocity_truth: Velocity | None = None,
        velocity_lines: Velocity | None = None,
        keep_ledger_days: int | None = None,
        keep_activity_days: int | None = None,
        keep_events_days: int | None = None,
        keep_carts_days: int | None = None,
        require_two_factor: bool | None = None,
        two_factor_grace_days: int = GRACE_DAYS,
    ) -> Account:
        """Rename the account, set the zone its schedules and reports use, the version of Velocity it follows, for
        how many days it keeps facts (0: for ever), or whether its members need a second factor, after days of grace.

        Velocity's rules hold for templates that are saved from then on. Raises Conflict when the caller would lock
        themselves out.
        """
        if not 0 <= two_factor_grace_days <= _LONGEST_GRACE:
            raise Invalid("two_factor_grace_days", f"must be 0 to {_LONGEST_GRACE}")
        if require_two_factor and by.user_id is not None and not await self.two_factor.is_on(by.user_id):
            raise Conflict("turn on two-factor sign-in for yourself first", field="require_two_factor")
        keeping = {
            "keep_ledger_days": keep_ledger_days,
            "keep_activity_days": keep_activity_days,
            "keep_events_days": keep_events_days,
            "keep_carts_days": keep_carts_days,
        }
        for field, days in keeping.items():
            if days and not SHORTEST_KEEPING <= days <= LONGEST_KEEPING:
                raise Invalid(field, f"must be {SHORTEST_KEEPING} to {LONGEST_KEEPING:,} days, or 0 for ever")
        if name is not None:
            name = _name(name)
        if time_zone is not None and time_zone not in available_timezones():
            raise Invalid("time_zone", "must be a name of the tz database, such as Europe/Kyiv")
        async with self._database.system() as connection:
            account = await store.update_account(
                connection,
                by.account_id,
                name=name,
                time_zone=time_zone,
                velocity_truth=velocity_truth,
                velocity_lines=velocity_lines,
                **keeping,
                require_two_factor=require_two_factor,
                two_factor_grace_days=two_factor_grace_days,
            )
            if account is None:
                raise NotFound("account", by.account_id)
            await _audit(
                connection,
                by,
                "account.update",
                f"account:{by.account_id}",
                name=name,
                time_zone=time_zone,
                velocity_truth=velocity_truth and velocity_truth.value,
                velocity_lines=velocity_lines and velocity_lines.value,
                **keeping,
                require_two_factor=require_two_factor,
            )
        return account

    async def audit(
        self, by: Principal, *, before: int | None, limit: int, actor: str = "", action: str = ""
    ) -> list[AuditEntry]:
        """Privileged acts in this account, newest first, those with a lower id than ``before``.

        Only those of ``actor`` and of ``action``: one act (``user.create``), or all of a kind (``user``); empty: all.
        """
        async with self._database.tenant(by.account_id) as connection:
            return await store.list_audit(
                connection, by.account_id, before=before, limit=limit, actor=actor, action=action
            )

    # ------------------------------------------------------------ users

    async def list_users(self, by: Principal) -> list[User]:
        async with self._database.system() as connection:
            return await store.list_users(connection, by.account_id)

    async def get_user(self, by: Principal, user_id: int) -> User:
        async with self._database.system() as connection:
            return await _member(connection, by, user_id)

    async def find_user(self, by: Principal, email: str) -> User:
        """The member with this email."""
        async with self._database.system() as connection:
            user_id = await store.find_member(connection, by.account_id, _email(email))
            if user_id is None:
                raise NotFound("user", email)
            return await _member(connection, by, user_id)

    async def create_user(
        self, by: Principal, *, email: str, role: Role, name: str = "", password: str | None = None
    ) -> NewUser:
        """Add a person to this account.

        Somebody who already is a user of the installation becomes a member with the password they have;
        otherwise one is made when none is given. Raises Conflict for a member.
        """
        email = _email(email)
        name = _text("name", name, longest=200)
        _may_give(by, role)
        made = None if password else make_password()
        password_hash = await self._passwords.hash(password or made or "")
        async with self._database.system() as connection:
            user_id = await store.add_user(
                connection, email=email, name=name, password_hash=password_hash, is_operator=False
            )
            if user_id is None:
                made = None
                known = await store.find_user(connection, email)
                if known is None:
                    raise Conflict("this user was just removed; try again", field="email")
                user_id = known.user_id
            if not await store.add_membership(connection, by.account_id, user_id, role):
                raise Conflict(f"{email} already is a user of this account", field="email")
            await _audit(connection, by, "user.create", f"user:{user_id}", email=email, role=role.value)
            return NewUser(user=await _member(connection, by, user_id), password=made)

    async def set_role(self, by: Principal, user_id: int, role: Role) -> User:
        """Change what a member may do. The last owner stays one."""
        _may_give(by, role)
        async with self._database.system() as connection:
            await self._check_touchable(connection, by, user_id)
            if role is not Role.OWNER:
                await _keep_an_owner(connection, by, user_id)
            await store.set_role(connection, by.account_id, user_id, role)
            await store.notify(connection, f"user:{user_id}")
            await _audit(connection, by, "user.set_role", f"user:{user_id}", role=role.value)
            return await _member(connection, by, user_id)

    async def remove_user(self, by: Principal, user_id: int) -> None:
        """End a membership and its sessions. Other accounts of the same person are not touched."""
        async with self._database.system() as connection:
            await self._check_touchable(connection, by, user_id)
            await _keep_an_owner(connection, by, user_id)
            await store.remove_member(connection, by.account_id, user_id)
            await store.notify(connection, f"user:{user_id}")
            await _audit(connection, by, "user.remove", f"user:{user_id}")

    async def set_user_disabled(self, by: Principal, user_id: int, *, disabled: bool) -> User:
        """Lock a person out of the installation (all sessions end), or let them in again."""
        async with self._database.system() as connection:
            await self._check_touchable(connection, by, user_id)
            await _check_own_member(connection, by, user_id)
            if disabled:
                await _keep_an_owner(connection, by, user_id)
                await store.remove_user_sessions(connection, user_id, keep=None)
            await store.set_disabled(connection, user_id, disabled=disabled)
            await store.notify(connection, f"user:{user_id}")
            await _audit(connection, by, "user.disable" if disabled else "user.enable", f"user:{user_id}")
            return await _member(connection, by, user_id)

    async def reset_password(self, by: Principal, user_id: int, password: str | None = None) -> str | None:
        """Give a member a new password; all their sessions end. Returns the password when it was made here."""
        made = None if password else make_password()
        password_hash = await self._passwords.hash(password or made or "")
        async with self._database.system() as connection:
            await self._check_touchable(connection, by, user_id)
            await _check_own_member(connection, by, user_id)
            await store.set_password(connection, user_id, password_hash)
            await store.remove_user_sessions(connection, user_id, keep=None)
            await _audit(connection, by, "user.reset_password", f"user:{user_id}")
        await self.password_changed(user_id)
        return made

    async def change_password(self, by: Principal, *, current: str, new: str, keep: str | None = None) -> None:
        """Change one's own password; all other sessions end. ``keep`` is the token of the session that goes on."""
        if by.user_id is None:
            raise Forbidden("an API key has no password; sign in to change yours")
        self._pair_attempts.take(f"change:{by.user_id}")
        async with self._database.system() as connection:
            stored = await store.user_for_password(connection, by.user_id)
        if stored is None or not await self._passwords.verify(stored[1], current):
            raise Invalid("current", "is not your password")
        password_hash = await self._passwords.hash(new)
        async with self._database.system() as connection:
            await store.set_password(connection, by.user_id, password_hash)
            await store.remove_user_sessions(connection, by.user_id, keep=hash_token(keep) if keep else None)
            await _audit(connection, by, "user.change_password", f"user:{by.user_id}")
        await self.password_changed(by.user_id)

    async def reset_two_factor(self, by: Principal, user_id: int) -> None:
        """Take away the second factor of a member who lost it; all their sessions end.

        Raises NotFound when they have none, Forbidden as :meth:`reset_password`.
        """
        async with self._database.system() as connection:
            await self._check_touchable(connection, by, user_id)
            await _check_own_member(connection, by, user_id)
            await self.two_factor.reset(connection, by, user_id)
        await self.password_changed(user_id)

    async def _second_factor_changed(self, user_id: int) -> None:
        await self.password_changed(user_id)

    async def _check_touchable(self, connection: Connection, by: Principal, user_id: int) -> None:
        """Nobody changes a member who may do more than they, and only operators change operators."""
        user = await _member(connection, by, user_id)
        if not by.role.covers(user.role):
            raise Forbidden(f"the role {by.role.value} may not change a user with the role {user.role.value}")
        if user.is_operator and not by.is_operator:
            raise Forbidden("only an operator of this installation may change this user")

    async def memberships_of(self, user_id: int) -> list[Membership]:
        """Where a person may act, the oldest account first; nowhere when they may not sign in."""
        async with self._database.system() as connection:
            return await store.memberships_of(connection, user_id)

    # ------------------------------------------------------------ API keys

    async def create_api_key(
        self,
        by: Principal,
        *,
        name: str,
        role: Role = Role.ADMIN,
        scope: KeyScope = KeyScope.FULL,
        compat: Collection[Compat] = (),
    ) -> NewApiKey:
        """A new key, which acts in this account with this role, for this part of it. The secret is in the answer, once.

        ``compat`` shapes answers of the eSputnik API for clients that expect old forms.
        """
        name = _name(name)
        _may_give(by, role)
        key = KEY_PREFIX + "".join(secrets.choice(_BASE62) for _ in range(_KEY_LENGTH))
        async with self._database.system() as connection:
            api_key = await store.add_api_key(
                connection,
                by.account_id,
                name=name,
                prefix=key[:_SHOWN],
                key_hash=hash_token(key),
                role=role,
                scope=scope,
                compat=compat,
            )
            detail = {"name": name, "role": role.value, "scope": scope.value}
            await _audit(connection, by, "api_key.create", f"api_key:{api_key.api_key_id}", **detail)
        return NewApiKey(api_key=api_key, key=key)

    async def list_api_keys(self, by: Principal) -> list[ApiKey]:
        async with self._database.system() as connection:
            return await store.list_api_keys(connection, by.account_id)

    async def revoke_api_key(self, by: Principal, api_key_id: int) -> ApiKey:
        """End a key. This process refuses it at once, the others as soon as they are told."""
        async with self._database.system() as connection:
            api_key = await store.get_api_key(connection, by.account_id, api_key_id)
            if api_key is None:
                raise NotFound("API key", api_key_id)
            if not by.role.covers(api_key.role):
                raise Forbidden(f"the role {by.role.value} may not revoke a key with the role {api_key.role.value}")
            if await store.revoke_api_key(connection, by.account_id, api_key_id) is not None:
                await store.notify(connection, f"key:{api_key_id}")
                await _audit(connection, by, "api_key.revoke", f"api_key:{api_key_id}")
            revoked = await store.get_api_key(connection, by.account_id, api_key_id)
        self._keys.forget()
        return revoked or api_key

    def known_key(self, key: str) -> Principal | None:
        """The principal of a key that was seen in the last seconds, without waiting for anything."""
        return self._keys.get(hash_token(key))

    async def issue_token(self, by: Principal) -> str:
        """A token that stands for this key or login for :data:`TOKEN_SECONDS`, and no longer than that is good."""
        token = TOKEN_PREFIX + "".join(secrets.choice(_BASE62) for _ in range(_KEY_LENGTH))
        async with self._database.system() as connection:
            await store.add_api_token(
                connection, by.account_id, token_hash=hash_token(token), actor=by.actor, seconds=TOKEN_SECONDS
            )
        return token

    async def _authenticate_token(self, token: str) -> Principal:
        token_hash = hash_token(token)
        known = self._keys.get(token_hash)
        if known is not None:
            return known
        generation = self._keys.generation
        async with self._database.system() as connection:
            principal = await store.find_api_token(connection, token_hash)
        if principal is None:
            raise Unauthorized(_NO_KEY)
        self._keys.put(token_hash, principal, generation=generation)
        return principal

    async def forget_tokens(self) -> None:
        """Remove tokens that have had their time."""
        async with self._database.system() as connection:
            await store.forget_api_tokens(connection)

    async def authenticate_key(self, key: str) -> Principal:
        """Who a key, or a token made with one, acts for. Raises Unauthorized for anything but a live one."""
        if key.startswith(TOKEN_PREFIX):
            return await self._authenticate_token(key)
        if _KEY.fullmatch(key) is None:
            raise Unauthorized(_NO_KEY)
        key_hash = hash_token(key)
        known = self._keys.get(key_hash)
        if known is not None:
            return known
        generation = self._keys.generation
        async with self._database.system() as connection:
            row = await store.find_api_key(connection, key_hash)
            if row is not None and row.stale:
                await store.touch_api_key(connection, row.api_key_id)
        if row is None:
            raise Unauthorized(_NO_KEY)
        principal = Principal(
            account_id=row.account_id,
            role=row.role,
            actor=f"key:{row.api_key_id}",
            scope=row.scope,
            compat=row.compat,
        )
        self._keys.put(key_hash, principal, generation=generation)
        return principal

    # ------------------------------------------------------------ sessions

    async def sign_in(
        self,
        *,
        email: str,
        password: str,
        address: str,
        agent: str = "",
        account_id: int | None = None,
        code: str | None = None,
    ) -> Session:
        """Start a session. ``address`` is where the request came from, ``agent`` what the browser calls itself.

        Raises Unauthorized alike for an unknown user, a wrong password and a disabled user, after the same
        work; TwoFactorRequired when the password is right and a ``code`` is missing, TwoFactorWrong for a wrong one;
        RateLimited after too many attempts.
        """
        user_id = await self._verified(email.strip().lower()[:254], password, address)
        if await self.two_factor.is_on(user_id):
            if code is None:
                raise TwoFactorRequired(await self._ticket(user_id))
            await self.two_factor.check(user_id, code)
        return await self._start_session(user_id, account_id, address, agent)

    async def sign_in_with_code(self, *, ticket: str, code: str, address: str, agent: str = "") -> Session:
        """The second step for a page that must not keep the password: a ticket stands for it, for some minutes.

        Raises Unauthorized for a ticket that is not good any more, TwoFactorWrong, RateLimited.
        """
        self._address_attempts.take(household(address))
        payload = self._tickets.verify(ticket)
        user_id, until, mark = _TICKET.unpack(payload) if payload and len(payload) == _TICKET.size else (0, 0, b"")
        if until < self._clock.now().timestamp() or mark != await self._password_mark(user_id):
            raise Unauthorized("that took too long; sign in again")
        await self.two_factor.check(user_id, code)
        return await self._start_session(user_id, None, address, agent)

    async def _ticket(self, user_id: int) -> str:
        until = int((self._clock.now() + _TICKET_LIFE).timestamp())
        return self._tickets.sign(_TICKET.pack(user_id, until, await self._password_mark(user_id)))

    async def _password_mark(self, user_id: int) -> bytes:
        """What a ticket is bound to: it ends with the password, and with the person's right to sign in."""
        async with self._database.system() as connection:
            stored = await store.user_for_password(connection, user_id)
        return hash_token(stored[1] if stored else secrets.token_hex())[:8]

    async def authenticate_login(self, *, email: str, password: str, address: str) -> Principal:
        """Who a login is, for one request: HTTP Basic with the login's own password, as eSputnik allows.

        Raises as :meth:`sign_in`. Believed for some seconds, so that a busy client costs one check of the password.
        """
        email = email.strip().lower()[:254]
        secret = hash_token(f"login\0{email}\0{password}")
        known = self._keys.get(secret)
        if known is not None:
            return known
        generation = self._keys.generation
        user_id = await self._verified(email, password, address)
        async with self._database.system() as connection:
            factor = await store.two_factor(connection, user_id)
            required = await store.two_factor_required_from(connection, user_id)
            if (factor and factor.confirmed_at) or (required and required <= self._clock.now()):
                raise Unauthorized("this user signs in with a second factor; programs use an API key")
            landing = await store.landing_account(connection, user_id, None)
            member = await store.get_user(connection, landing, user_id) if landing is not None else None
        if landing is None or member is None:
            raise Unauthorized(_WRONG_LOGIN)
        principal = _user_principal(landing, user_id, member.role, is_operator=False)
        self._keys.put(secret, principal, generation=generation)
        return principal

    async def _verified(self, email: str, password: str, address: str) -> int:
        """The user with this login and password; alike for all who are refused."""
        self._address_attempts.take(household(address))
        self._name_attempts.take(email)
        self._pair_attempts.take(f"{email} {household(address)}")
        user = None
        if _EMAIL.fullmatch(email):  # nothing else is stored, and PostgreSQL refuses some of it (NUL)
            async with self._database.system() as connection:
                user = await store.find_user(connection, email)
        fits = await self._passwords.verify(user.password_hash if user else None, password)
        if user is None or not fits or user.disabled:
            raise Unauthorized(_WRONG_LOGIN)
        self._pair_attempts.forgive(f"{email} {household(address)}")
        if self._passwords.is_dated(user.password_hash):
            dated = await self._passwords.hash(password)
            async with self._database.system() as connection:
                await store.set_password(connection, user.user_id, dated)
        return user.user_id

    async def _start_session(self, user_id: int, account_id: int | None, address: str, agent: str) -> Session:
        token = secrets.token_urlsafe(32)
        now = self._clock.now()
        expires_at = now + SESSION_LIFE
        async with self._database.system() as connection:
            landing = await store.landing_account(connection, user_id, account_id)
            if landing is None:
                raise Unauthorized("this user belongs to no such account; ask an admin to add you")
            await store.remove_dead_sessions(connection, now=now, idle_since=now - SESSION_IDLE)
            await store.add_session(
                connection,
                session_hash=hash_token(token),
                user_id=user_id,
                account_id=landing,
                now=now,
                expires_at=expires_at,
                address=address[:100],
                agent=_shown(agent),
            )
            member = await store.get_user(connection, landing, user_id)
            if member is None:
                raise Unauthorized(_WRONG_LOGIN)
            principal = _user_principal(landing, user_id, member.role, is_operator=member.is_operator)
            await _audit(connection, principal, "session.start", f"user:{user_id}")
            seen = await store.find_session(connection, hash_token(token), now=now, idle_since=now - SESSION_IDLE)
        if seen is not None and seen.must_enrol:
            principal = msgspec.structs.replace(principal, must_enrol=True)
        return Session(token=token, principal=principal, expires_at=expires_at)

    async def list_sessions(self, by: Principal, *, current: str | None) -> list[OpenSession]:
        """Where one is signed in, in any account, the last used first; nowhere for a key.

        ``current`` is the token of the session that asks.
        """
        if by.user_id is None:
            return []
        now = self._clock.now()
        async with self._database.system() as connection:
            return await store.list_sessions(
                connection,
                by.user_id,
                current=hash_token(current) if current else None,
                now=now,
                idle_since=now - SESSION_IDLE,
            )

    async def end_session(self, by: Principal, session_id: int) -> None:
        """End one of one's own sessions, this one too. Raises NotFound."""
        user_id = _with_sessions(by)
        async with self._database.system() as connection:
            if not await store.remove_one_session(connection, user_id, session_id):
                raise NotFound("session", session_id)
            await _audit(connection, by, "session.end", f"user:{user_id}")

    async def end_other_sessions(self, by: Principal, *, keep: str) -> None:
        """End all of one's own sessions but the one with this token."""
        user_id = _with_sessions(by)
        async with self._database.system() as connection:
            await store.remove_user_sessions(connection, user_id, keep=hash_token(keep))
            await _audit(connection, by, "session.end_others", f"user:{user_id}")

    async def authenticate_session(self, token: str) -> Principal:
        """Who a cookie belongs to, as things are now. Raises Unauthorized for an ended or unknown session."""
        now = self._clock.now()
        session_hash = hash_token(token)
        async with self._database.system() as connection:
            row = await store.find_session(connection, session_hash, now=now, idle_since=now - SESSION_IDLE)
            if row is not None and now - row.last_seen_at > _TOUCH_EVERY:
                await store.touch_session(connection, session_hash, now)
        if row is None:
            raise Unauthorized(_NO_SESSION)
        return _session_principal(row)

    async def look_at_session(self, token: str) -> Principal:
        """The same without counting as a use of it: a page that is only left open does not keep a session alive."""
        now = self._clock.now()
        async with self._database.system() as connection:
            row = await store.find_session(connection, hash_token(token), now=now, idle_since=now - SESSION_IDLE)
        if row is None:
            raise Unauthorized(_NO_SESSION)
        return _session_principal(row)

    async def sign_out(self, token: str) -> None:
        """End a session."""
        async with self._database.system() as connection:
            await store.remove_session(connection, hash_token(token))


async def _nothing(user_id: int) -> None:
    """Nobody else has anything to end."""


def machine_principal(account_id: int) -> Principal:
    """The command line on the server's own machine: who can run it can read the database as well."""
    return Principal(account_id=account_id, role=Role.OWNER, actor="cli", is_operator=True)


def _user_principal(account_id: int, user_id: int, role: Role, *, is_operator: bool) -> Principal:
    return Principal(
        account_id=account_id, role=role, actor=f"user:{user_id}", is_operator=is_operator, user_id=user_id
    )


def _session_principal(row: store.SessionRow) -> Principal:
    return Principal(
        account_id=row.account_id,
        role=row.role,
        actor=f"user:{row.user_id}",
        is_operator=row.is_operator,
        user_id=row.user_id,
        must_enrol=row.must_enrol,
    )


def _with_sessions(by: Principal) -> int:
    if by.user_id is None:
        raise Forbidden("an API key has no sessions; DELETE /api-keys/{api_key_id} revokes a key")
    return by.user_id


def _shown(agent: str) -> str:
    """What a browser calls itself, for people to read."""
    return "".join(letter for letter in agent[:400] if letter.isprintable())


async def _member(connection: Connection, by: Principal, user_id: int) -> User:
    user = await store.get_user(connection, by.account_id, user_id)
    if user is None:
        raise NotFound("user", user_id)
    return user


async def _check_own_member(connection: Connection, by: Principal, user_id: int) -> None:
    """What concerns the whole person is not for one of their accounts to decide: it would open the others."""
    if not by.is_operator and await store.is_member_elsewhere(connection, by.account_id, user_id):
        raise Forbidden("this user belongs to other accounts too; only an operator may do this. Remove them instead")


async def _keep_an_owner(connection: Connection, by: Principal, user_id: int) -> None:
    members = await store.lock_members(connection, by.account_id)
    owners = [member for member, role in members.items() if role is Role.OWNER]
    if owners == [user_id]:
        raise Conflict("this is the account's last owner; make somebody else an owner first")


async def _audit(connection: Connection, by: Principal, action: str, object_: str, **detail: Any) -> None:
    await store.add_audit(
        connection,
        by.account_id,
        actor=by.actor,
        action=action,
        object_=object_,
        detail={key: value for key, value in detail.items() if value is not None},
    )


def _may_give(by: Principal, role: Role) -> None:
    if not by.role.covers(role):
        raise Forbidden(f"the role {by.role.value} may not give the role {role.value}")


def _email(value: str) -> str:
    # Stricter rules are for addresses that mail is sent to; a login may well be admin@localhost.
    value = value.strip().lower()
    if _EMAIL.fullmatch(value) is None:
        raise Invalid("email", "must be an email address, such as name@example.com")
    return value


def _name(value: str) -> str:
    value = _text("name", value, longest=200)
    if not value:
        raise Invalid("name", "must not be empty")
    return value


def _text(field: str, value: str, *, longest: int) -> str:
    value = value.strip()
    if len(value) > longest:
        raise Invalid(field, f"must have at most {longest} characters")
    if not value.isprintable():
        raise Invalid(field, "must not contain control characters")
    return value

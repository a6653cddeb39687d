"""The second factor of signing in: codes of an app on a person's phone (TOTP, RFC 6238), and some for when it is lost.

A secret is sealed as every other of the house, shown while it is set up, and never again. A code is good for its own
half minute and those beside it (RFC 6238, 5.2), once: the step of the newest one that was taken is kept.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import b32encode
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

import msgspec
import pyotp
import segno
from pyotp.totp import TOTP

from syncom.accounts import store
from syncom.accounts.model import Principal
from syncom.accounts.passwords import Passwords
from syncom.clock import Clock
from syncom.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from syncom.pacing import Attempts
from syncom.postgres.pool import Connection, Database
from syncom.security import Keyring, hash_token

_PURPOSE: Final = "two factor"
_ISSUER: Final = "Syncom"
_STEP: Final = 30
#: Steps beside the present one: clocks of phones differ, and people type slowly.
_BESIDE: Final = (0, -1, 1)
_DIGITS: Final = 6
#: Recovery codes of a person.
CODES: Final = 10
#: Ten bytes are sixteen letters and digits of base32.
_CODE_BYTES: Final = 10


class TwoFactorRequired(Unauthorized):
    """The password is right, and a code is asked for. ``ticket`` stands for the password for a few minutes."""

    code = "two_factor_required"

    def __init__(self, ticket: str) -> None:
        super().__init__("enter the code of your authenticator app, or one of your recovery codes")
        self.ticket = ticket


class TwoFactorWrong(Unauthorized):
    """The code is wrong, or was used before."""

    code = "two_factor_wrong"

    def __init__(self) -> None:
        super().__init__("the code is wrong or was used already; wait for the next one, or use a recovery code")


class TwoFactorStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a person signs in with a second factor."""

    enabled: bool
    enabled_at: datetime | None
    recovery_codes_left: int
    #: From when on an account of theirs asks for it; null: none does.
    required_from: datetime | None


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """What an app needs to make codes, shown here and never again. It counts once a code was sent to confirm it."""

    #: For typing, in base32.
    secret: str
    #: `otpauth://…`, which the picture says as well.
    uri: str
    #: A QR code, as SVG.
    qr_svg: str


class RecoveryCodes(msgspec.Struct, frozen=True, kw_only=True):
    """Codes that stand in for the app, each once; shown here and never again."""

    recovery_codes: list[str]


class TwoFactor:
    """Second factors of people."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock, passwords: Passwords) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock
        self._passwords = passwords
        # Of a million codes three are good at any moment; who has the password gets 288 tries a day.
        self._attempts = Attempts(clock, burst=10, seconds=300)
        #: What else ends when a person's second factor changes, besides their sessions.
        self.changed: Callable[[int], Awaitable[object]] | None = None

    async def status(self, by: Principal) -> TwoFactorStatus:
        """One's own; of an API key: not enabled."""
        if by.user_id is None:
            return TwoFactorStatus(enabled=False, enabled_at=None, recovery_codes_left=0, required_from=None)
        async with self._database.system() as connection:
            found = await store.two_factor(connection, by.user_id)
            left = await store.recovery_codes_left(connection, by.user_id)
            required = await store.two_factor_required_from(connection, by.user_id)
        confirmed_at = found.confirmed_at if found else None
        return TwoFactorStatus(
            enabled=confirmed_at is not None, enabled_at=confirmed_at, recovery_codes_left=left, required_from=required
        )

    async def begin(self, by: Principal, *, password: str) -> Enrolment:
        """A new secret for one's app; one that was begun before and not confirmed is forgotten.

        Raises Invalid for a wrong password, Conflict when a second factor is in use.
        """
        user_id = _person(by)
        email = await self._check_password(user_id, password)
        secret = pyotp.random_base32()
        sealed = self._keyring.seal(secret.encode(), purpose=_PURPOSE, owner=_owner(user_id))
        async with self._database.system() as connection:
            if not await store.begin_two_factor(connection, user_id, sealed):
                raise Conflict("two-factor sign-in is on already; turn it off first to use another app")
            await _audit(connection, by, "two_factor.begin", user_id)
        uri = TOTP(secret, digits=_DIGITS, interval=_STEP).provisioning_uri(name=email, issuer_name=_ISSUER)
        picture = segno.make(uri, error="m", micro=False).svg_inline(scale=4, dark="#000", light="#fff", omitsize=True)
        return Enrolment(secret=secret, uri=uri, qr_svg=picture)

    async def confirm(self, by: Principal, *, code: str, keep: str | None) -> RecoveryCodes:
        """Take the app into use by one of its codes; all other sessions end.

        ``keep`` is the token of the session that goes on. Raises Invalid for a wrong code, Conflict without a secret.
        """
        user_id = _person(by)
        self._attempts.take(str(user_id))
        codes = _make_codes()
        async with self._database.system() as connection:
            found = await store.two_factor(connection, user_id)
            if found is None:
                raise Conflict("begin first: POST /session/two-factor gives a secret for the app")
            if found.confirmed_at is not None:
                raise Conflict("two-factor sign-in is on already")
            step = self._step_of(user_id, found.secret, code)
            if step is None or not await store.take_step(connection, user_id, step):
                raise Invalid("code", "is not the code that the app shows now; look at the clock of the phone")
            await store.confirm_two_factor(connection, user_id)
            await store.put_recovery_codes(connection, user_id, [hash_token(_plain(one)) for one in codes])
            await store.remove_user_sessions(connection, user_id, keep=hash_token(keep) if keep else None)
            # A program that signs in with the password alone is believed for seconds.
            await store.notify(connection, f"user:{user_id}")
            await _audit(connection, by, "two_factor.enable", user_id)
        self._attempts.forgive(str(user_id))
        await self._tell(user_id)
        return RecoveryCodes(recovery_codes=codes)

    async def renew_codes(self, by: Principal, *, password: str, code: str) -> RecoveryCodes:
        """Ten new recovery codes; the ones before are worthless."""
        user_id = await self._both(by, password, code)
        codes = _make_codes()
        async with self._database.system() as connection:
            await store.put_recovery_codes(connection, user_id, [hash_token(_plain(one)) for one in codes])
            await _audit(connection, by, "two_factor.renew_codes", user_id)
        return RecoveryCodes(recovery_codes=codes)

    async def disable(self, by: Principal, *, password: str, code: str, keep: str | None) -> None:
        """Sign in with the password alone from now on; all other sessions end.

        Raises Invalid for a wrong password or code, Conflict while an account of theirs asks for a second factor.
        """
        async with self._database.system() as connection:
            required = await store.two_factor_required_from(connection, _person(by))
        if required is not None:
            raise Conflict("your account asks for two-factor sign-in; an owner can change that")
        user_id = await self._both(by, password, code)
        async with self._database.system() as connection:
            await store.remove_two_factor(connection, user_id)
            await store.remove_user_sessions(connection, user_id, keep=hash_token(keep) if keep else None)
            await _audit(connection, by, "two_factor.disable", user_id)
        await self._tell(user_id)

    async def reset(self, connection: Connection, by: Principal, user_id: int) -> None:
        """Take away the second factor of somebody who lost it; all their sessions end. Raises NotFound without one."""
        if not await store.remove_two_factor(connection, user_id):
            raise NotFound("two-factor sign-in of user", user_id)
        await store.remove_user_sessions(connection, user_id, keep=None)
        await _audit(connection, by, "two_factor.reset", user_id)

    async def is_on(self, user_id: int) -> bool:
        """Whether signing in takes a code."""
        async with self._database.system() as connection:
            found = await store.two_factor(connection, user_id)
        return found is not None and found.confirmed_at is not None

    async def check(self, user_id: int, code: str) -> None:
        """Use a code of the app, or a recovery code. Raises TwoFactorWrong, RateLimited."""
        self._attempts.take(str(user_id))
        plain = _plain(code)
        async with self._database.system() as connection:
            found = await store.two_factor(connection, user_id)
            if found is None or found.confirmed_at is None:
                raise TwoFactorWrong
            if len(plain) == _DIGITS:
                step = self._step_of(user_id, found.secret, plain)
                fits = step is not None and await store.take_step(connection, user_id, step)
            else:
                fits = await store.use_recovery_code(connection, user_id, hash_token(plain))
        if not fits:
            raise TwoFactorWrong
        self._attempts.forgive(str(user_id))

    async def _both(self, by: Principal, password: str, code: str) -> int:
        user_id = _person(by)
        await self._check_password(user_id, password)
        try:
            await self.check(user_id, code)
        except TwoFactorWrong as error:
            raise Invalid("code", error.message) from None
        return user_id

    async def _check_password(self, user_id: int, password: str) -> str:
        """The person's email. Raises Invalid, RateLimited."""
        self._attempts.take(f"password:{user_id}")
        async with self._database.system() as connection:
            stored = await store.user_for_password(connection, user_id)
        if stored is None or not await self._passwords.verify(stored[1], password):
            raise Invalid("password", "is not your password")
        self._attempts.forgive(f"password:{user_id}")
        return stored[0]

    def _step_of(self, user_id: int, sealed: bytes, code: str) -> int | None:
        """The half minute that a code belongs to; None for a wrong one."""
        secret = self._keyring.unseal(sealed, purpose=_PURPOSE, owner=_owner(user_id)).decode()
        app = TOTP(secret, digits=_DIGITS, interval=_STEP)
        now = int(self._clock.now().timestamp()) // _STEP
        given = _plain(code).encode()
        found = None
        for beside in _BESIDE:  # all of them, whichever fits: no answer takes longer than another
            if hmac.compare_digest(app.generate_otp(now + beside).encode(), given):
                found = now + beside
        return found

    async def _tell(self, user_id: int) -> None:
        if self.changed is not None:
            await self.changed(user_id)


def _person(by: Principal) -> int:
    if by.user_id is None:
        raise Forbidden("an API key has no second factor; sign in to change yours")
    return by.user_id


def _owner(user_id: int) -> str:
    return f"user:{user_id}"


def _make_codes() -> list[str]:
    """Such as `k3vx-7qpa-m2dd-ht4c`."""
    spelled = [b32encode(secrets.token_bytes(_CODE_BYTES)).decode().lower() for _ in range(CODES)]
    return ["-".join(one[place : place + 4] for place in range(0, len(one), 4)) for one in spelled]


def _plain(code: str) -> str:
    """As it was made, however it was typed."""
    return "".join(code.split()).replace("-", "").lower()[:64]


async def _audit(connection: Connection, by: Principal, action: str, user_id: int, **detail: Any) -> None:
    await store.add_audit(
        connection, by.account_id, actor=by.actor, action=action, object_=f"user:{user_id}", detail=detail
    )

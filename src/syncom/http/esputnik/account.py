"""The account behind a key (eSputnik reference, 5.4): what every integration asks first, to check its key."""

from __future__ import annotations

from typing import Final

import msgspec

from syncom import __version__
from syncom.http.esputnik.method import Call, Method, Scope


class AccountInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Whose key this is. ``user_email`` is a technical name for keys, as it is at eSputnik."""

    user_email: str
    organisation_name: str
    org_id: int


async def account_info(call: Call[None]) -> AccountInfo:
    account = await call.app.accounts.get_account(call.account_id)
    return AccountInfo(
        user_email=f"api-user{account.account_id}",
        organisation_name=account.name,
        org_id=account.account_id,
    )


class Balance(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What may be spent. Nothing is billed here; see docs/esputnik.md."""

    current_balance: float
    credit_limit: float
    currency: str
    bonus_emails: int
    bonus_smses: int


#: An installation of one's own bills nothing. Old modules refuse to send at a balance of 0, so they are shown plenty.
_UNBILLED: Final = Balance(
    current_balance=1_000_000.0, credit_limit=0.0, currency="USD", bonus_emails=1_000_000, bonus_smses=1_000_000
)


async def balance(call: Call[None]) -> Balance:
    del call
    return _UNBILLED


class Version(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Of this server, and of the API that was asked."""

    version: str
    protocol_version: str


async def version_1(call: Call[None]) -> Version:
    del call
    return Version(version=__version__, protocol_version="1.0")


async def version_2(call: Call[None]) -> Version:
    del call
    return Version(version=__version__, protocol_version="2.0")


METHODS = [
    Method(
        "GET",
        "/v1/account/info",
        account_info,
        scope=Scope.GENERAL,
        summary="The account behind the key",
        answer=AccountInfo,
    ),
    Method("GET", "/v1/balance", balance, scope=Scope.GENERAL, summary="What may be spent", answer=Balance),
    Method("GET", "/v1/version", version_1, scope=Scope.GENERAL, summary="Version of the server", answer=Version),
    Method("GET", "/v2/version", version_2, scope=Scope.GENERAL, summary="Version of the server", answer=Version),
]

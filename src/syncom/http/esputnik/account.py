"""The account behind a key (eSputnik reference, 5.4): what every integration asks first, to check its key."""

from __future__ import annotations

import msgspec

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


METHODS = [
    Method(
        "GET",
        "/v1/account/info",
        account_info,
        scope=Scope.GENERAL,
        summary="The account behind the key",
        answer=AccountInfo,
    ),
]

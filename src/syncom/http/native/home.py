"""/home: the first page of an account."""

from __future__ import annotations

from typing import Any

from litestar import get

from syncom.accounts.model import Permission
from syncom.home.model import Home
from syncom.http.native.given import By, FirstPage
from syncom.http.native.routing import needs


@get("/home", tags=["Home"], opt=needs(Permission.READ_CAMPAIGNS))
async def get_home(by: By, first_page: FirstPage) -> Home:
    """What happened, what runs, what needs somebody, and what comes next. Costs the same for every account."""
    return await first_page.page(by.account_id)


HANDLERS: list[Any] = [get_home]

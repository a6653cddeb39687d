"""Promo codes (eSputnik reference, 5.11)."""

from __future__ import annotations

import csv
import io
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from syncom.http.esputnik.lenient import BodyReader
from syncom.http.esputnik.method import PAGING, Answer, Call, Method, Parameter, Refused, Scope
from syncom.http.esputnik.moments import account_zone, read_moment
from syncom.promocodes.model import Promocode, PromocodeFilter, PromocodeInput
from syncom.promocodes.service import MAX_CODES

_FAR: Final = 10**12
_CSV: Final = "text/csv"
_COLUMNS: Final = ("code", "expirationDate", "discount", "type", "inUse")


class ApiPromocode(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A code to give away."""

    code: str
    expiration_date: str = ""
    discount: int = 0
    type: str = ""
    in_use: bool = False


class PromocodesBody(msgspec.Struct, frozen=True, kw_only=True):
    """Codes to add or update. A bare array is taken too, and a file of comma-separated values."""

    promocodes: list[ApiPromocode]


class SwitchOff(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A code is not deleted: it is put into use."""

    in_use: bool


class PromocodeAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A code as stored."""

    id: int
    code: str
    expiration_date: str | None
    discount: int
    type: str
    in_use: bool
    contact_id: int | None


class UploadAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How many codes are new, and how many were known."""

    added: int
    updated: int


class CountAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How many codes there are."""

    count: int


_reader: Final = BodyReader(PromocodesBody)


async def upload(call: Call[None]) -> UploadAnswer:
    is_csv = call.headers.get("content-type", "").partition(";")[0].strip().lower() == _CSV
    given = _from_csv(call.raw) if is_csv else _from_json(call.raw)
    if not given:
        raise Refused(400, "'promocodes' must have at least one code")
    if len(given) > MAX_CODES:
        raise Refused(400, f"Maximum {MAX_CODES} promo codes per request")
    zone = await account_zone(call)
    codes = [_input(place, code, zone) for place, code in enumerate(given)]
    done = await call.app.promocodes.upload(call.account_id, codes)
    return UploadAnswer(added=done.added, updated=done.updated)


def _from_json(raw: bytes) -> list[ApiPromocode]:
    if not raw.strip():
        raise Refused(400, "Request body is missing")
    wrapped = b'{"promocodes":%b}' % raw if raw.lstrip().startswith(b"[") else raw
    return _reader.read(wrapped).promocodes


def _from_csv(raw: bytes) -> list[ApiPromocode]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(400, "The file must be UTF-8 text") from None
    first = text.partition("\n")[0]
    delimiter = ";" if ";" in first else ","
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip() for name in rows.fieldnames or ()]
        rows.fieldnames = names
        found = [{name: (row.get(name) or "").strip() for name in _COLUMNS} for row in rows]
    except csv.Error as error:
        raise Refused(400, f"The file cannot be read: {error}") from None
    if "code" not in names:
        raise Refused(400, f"The first line must name the columns: {', '.join(_COLUMNS)}; 'code' is required")
    filled = [{name: value for name, value in row.items() if value} for row in found]
    return _reader.read(msgspec.json.encode({"promocodes": [row for row in filled if row]})).promocodes


def _input(place: int, code: ApiPromocode, zone: ZoneInfo) -> PromocodeInput:
    expires_at = None
    if code.expiration_date.strip():
        try:
            expires_at = read_moment(code.expiration_date, zone)
        except ValueError as error:
            raise Refused(400, f"'promocodes.{place}.expirationDate' {error}") from None
    return PromocodeInput(
        code=code.code.strip(),
        type=code.type.strip(),
        discount=code.discount,
        expires_at=expires_at,
        in_use=code.in_use,
    )


async def search(call: Call[None]) -> Answer:
    start = call.query.number("startindex", default=1, least=1, clamp=_FAR)
    limit = call.query.number("maxrows", default=500, least=1, clamp=500)
    zone = await account_zone(call)
    page, total = await call.app.promocodes.search(call.account_id, _filter(call), offset=start - 1, limit=limit)
    return Answer([_answer(code, zone) for code in page], {"TotalCount": str(total)})


async def count(call: Call[None]) -> CountAnswer:
    return CountAnswer(count=await call.app.promocodes.count(call.account_id, _filter(call)))


async def get(call: Call[Any]) -> PromocodeAnswer:
    found = await call.app.promocodes.get(call.account_id, call.path["id"])
    return _answer(found, await account_zone(call))


async def switch_off(call: Call[SwitchOff]) -> PromocodeAnswer:
    if not call.body.in_use:
        raise Refused(400, "'inUse' can only become true: a code that was given away must not be given again")
    await call.app.promocodes.switch_off(call.account_id, call.path["id"])
    return await get(call)


def _filter(call: Call[Any]) -> PromocodeFilter:
    query = call.query
    discount = query.number("discount", default=0, clamp=100) if query.has("discount") else None
    return PromocodeFilter(
        code=query.text("code"),
        type=query.text("type"),
        discount=discount,
        in_use=query.flag("inUse") if query.has("inUse") else None,
    )


def _answer(code: Promocode, zone: ZoneInfo) -> PromocodeAnswer:
    expires = code.expires_at
    return PromocodeAnswer(
        id=code.promocode_id,
        code=code.code,
        expiration_date=None if expires is None else f"{expires.astimezone(zone):%Y-%m-%dT%H:%M}",
        discount=code.discount,
        type=code.type,
        in_use=code.in_use,
        contact_id=code.contact_id,
    )


_FILTERS: Final = (
    Parameter(name="code", text="This code."),
    Parameter(name="type", text="Codes of this type."),
    Parameter(name="discount", type="integer", text="Codes of this discount."),
    Parameter(name="inUse", type="boolean", text="Codes that are given away or switched off, or those that are free."),
)

METHODS: Final = [
    Method(
        "POST",
        "/v1/promocodes",
        upload,
        scope=Scope.WRITE_CONTENT,
        media=(_CSV, "application/json"),
        summary="Upload promo codes as JSON or CSV",
        answer=UploadAnswer,
    ),
    Method(
        "GET",
        "/v1/promocodes",
        search,
        scope=Scope.READ_CONTENT,
        query=(*PAGING, *_FILTERS),
        summary="Search promo codes",
        answer=list[PromocodeAnswer],
    ),
    Method(
        "GET",
        "/v1/promocodes/count",
        count,
        scope=Scope.READ_CONTENT,
        query=_FILTERS,
        summary="Count promo codes",
        answer=CountAnswer,
    ),
    Method(
        "GET",
        "/v1/promocodes/{id}",
        get,
        scope=Scope.READ_CONTENT,
        summary="One promo code",
        answer=PromocodeAnswer,
    ),
    Method(
        "PUT",
        "/v1/promocodes/{id}",
        switch_off,
        scope=Scope.WRITE_CONTENT,
        body=SwitchOff,
        summary="Take a promo code out of use",
        answer=PromocodeAnswer,
    ),
]

"""What the pages of a shop report (eSputnik reference, 8.1), in the words of events. Pure.

Events that eSputnik's API names otherwise get the name they have there (5.7): a view is a view, whoever reports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

import msgspec

from syncom.http.esputnik.contact_body import international
from syncom.sites.model import PageEvent, Visitor

#: Our keys of types by the names that pages use. Others are kept.
_KEYS: Final = {
    "PageView": "pageViewed",
    "MainPage": "mainPageViewed",
    "ProductPage": "productViewed",
    "CategoryPage": "productCategoryViewed",
    "StatusCart": "cartUpdated",
    "StatusCartPage": "cartPageViewed",
    "PurchasedItems": "itemsPurchased",
    "CustomerData": "customerData",
    "NotFound": "pageNotFound",
    "404": "pageNotFound",
}
#: Other names of members of a product.
_MEMBERS: Final = {
    "productKey": "productId",
    "product_id": "productId",
    "unit_price": "price",
    "price_currency_code": "currencyCode",
    "currency": "currencyCode",
}


class Cookies(msgspec.Struct, frozen=True, kw_only=True):
    """Cookies that matter."""

    sc: str = ""


class GeneralInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Which event, of which site, about whom."""

    event_name: str = msgspec.field(name="eventName")
    #: The page's own id of this report.
    event_id: str = msgspec.field(name="eventId", default="")
    site_id: str = msgspec.field(name="siteId")
    #: Milliseconds since 1970.
    datetime: int | None = None
    external_customer_id: str = msgspec.field(name="externalCustomerId", default="")
    user_email: str = ""
    user_phone: str = ""
    user_name: str = ""
    #: On whose word it is this person: of `POST /syncom/v1/sites/{site_id}/tokens`.
    token: str = ""
    location: str = ""
    cookies: Cookies = Cookies()


def page_event(info: GeneralInfo, body: Mapping[str, Any]) -> PageEvent:
    """The event. ``body`` is the whole body, whose members depend on the event."""
    name = info.event_name.strip()
    params, key = _PARAMS.get(name, _other)(body)
    if info.location:
        params["location"] = info.location
    if info.user_name:
        params["userName"] = info.user_name
    person = _object(body.get("CustomerData"))
    return PageEvent(
        type_key=_KEYS.get(name, name),
        key=key,
        report_id=info.event_id[:100],
        params=params,
        visitor=Visitor(
            visitor=info.cookies.sc,
            external_id=info.external_customer_id or _text(person.get("externalCustomerId")),
            email=info.user_email or _text(person.get("user_email")),
            phone=international(info.user_phone or _text(person.get("user_phone"))),
            token=info.token,
        ),
        occurred_at=_moment(info.datetime),
    )


def _page_view(body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    page = _object(body.get("PageView"))
    return {"page": {name: _text(page.get(name)) for name in ("location", "title", "referrer")}}, ""


def _product_page(body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    page = _object(body.get("ProductPage"))
    product = _product(page.get("Product") or page)
    return {"product": product, "currencyCode": product.get("currencyCode", "")}, ""


def _category_page(body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    page = _object(body.get("CategoryPage"))
    category = _text(page.get("categoryKey")) or _text(page.get("productCategoryId"))
    return {"category": {"productCategoryId": category}}, ""


def _cart(body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    cart = body.get("StatusCart")
    guid = _text(body.get("GUID")) or _text(_object(cart).get("GUID"))
    params: dict[str, Any] = {"products": _products(cart), "recycleStateId": guid}
    for name in ("currencyCode", "cartUrl"):
        value = _text(_object(cart).get(name))
        if value:
            params[name] = value
    return params, guid


def _purchase(body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    purchase = body.get("PurchasedItems")
    number = _text(body.get("OrderNumber")) or _text(_object(purchase).get("OrderNumber"))
    guid = _text(body.get("TrackedOrderId")) or _text(body.get("GUID"))
    return {"products": _products(purchase), "orderNumber": number, "recycleStateId": guid}, number


def _nothing(_: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    return {}, ""


def _other(body: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """An event of the shop's own: what it says stays together, so that none of it is taken for an identity."""
    return {"data": {name: value for name, value in body.items() if name != "GeneralInfo"}}, ""


_PARAMS: Final = {
    "PageView": _page_view,
    "MainPage": _nothing,
    "StatusCartPage": _nothing,
    "NotFound": _nothing,
    "404": _nothing,
    "CustomerData": _nothing,
    "ProductPage": _product_page,
    "CategoryPage": _category_page,
    "StatusCart": _cart,
    "PurchasedItems": _purchase,
}


def _products(value: Any) -> list[dict[str, Any]]:
    products: object = cast("object", value) if isinstance(value, list) else _object(value).get("Products")
    return [_product(product) for product in cast("list[Any]", products)] if isinstance(products, list) else []


def _product(value: Any) -> dict[str, Any]:
    return {_MEMBERS.get(name, name): inner for name, inner in _object(value).items()}


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""


def _moment(milliseconds: int | None) -> datetime | None:
    try:
        return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None

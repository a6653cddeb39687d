"""Recommended products for a contact (eSputnik reference, 5.10)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from syncom.contacts.model import IdentityKind
from syncom.errors import Unauthorized
from syncom.http.esputnik.contact_body import international
from syncom.http.esputnik.method import Answer, Call, Method, Parameter, Refused, Scope
from syncom.recommendations.model import Product

_MAX_PRODUCTS: Final = 50


class ApiProduct(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A product, as the newest order or view of it shows it; null: nobody has said."""

    id: str
    name: str
    url: str
    image_url: str
    price: Decimal | None
    descr: str
    brand: str | None
    category: list[str]
    is_in_stock: bool | None


async def recommend(call: Call[None]) -> list[ApiProduct]:
    found = await call.app.recommendations.recommend(
        call.account_id,
        call.path["dataSourceId"],
        contact_id=await _contact(call),
        products=_products(call),
        category=call.query.text("category"),
    )
    return [api_product(product) for product in found]


async def recommend_to_bearer(call: Call[None]) -> Answer:
    """The same for the contact whose token an app shows; the answer brings the token to go on with."""
    token = call.headers.get("es-token")
    if not token:
        raise Unauthorized("Authentication error")
    try:
        used = await call.app.contacts.tokens.use(token)
    except Unauthorized:
        raise Unauthorized("Authentication error") from None
    found = await call.app.recommendations.recommend(
        used.account_id,
        call.path["dataSourceId"],
        contact_id=used.contact_id,
        products=_products(call),
        category=call.query.text("category"),
    )
    return Answer([api_product(product) for product in found], {"ES-TOKEN": used.fresh})


def _products(call: Call[None]) -> list[str]:
    products = call.query.words("products")
    if len(products) > _MAX_PRODUCTS:
        raise Refused(400, f"Maximum {_MAX_PRODUCTS} products per request")
    return products


async def _contact(call: Call[None]) -> int | None:
    """The contact the query names. Raises Refused (404) for one nobody knows."""
    query = call.query
    if query.has("contactId"):
        contact_id = query.number("contactId", default=0, least=1, clamp=2**62)
        return (await call.app.contacts.get(call.account_id, contact_id)).contact_id
    for name, kind in (
        ("externalCustomerId", IdentityKind.EXTERNAL_ID),
        ("email", IdentityKind.EMAIL),
        ("phone", IdentityKind.PHONE),
    ):
        value = query.text(name)
        if value is not None:
            wanted = international(value) if kind is IdentityKind.PHONE else value
            found = await call.app.contacts.find(call.account_id, kind, wanted)
            if found is None:
                raise Refused(404, f"Contact with {name}='{value}' not found")
            return found.contact_id
    return None


def api_product(product: Product) -> ApiProduct:
    return ApiProduct(
        id=product.product_id,
        name=product.name,
        url=product.url,
        image_url=product.image_url,
        price=product.price,
        descr=product.description,
        brand=product.brand,
        category=list(product.categories),
        is_in_stock=product.is_in_stock,
    )


_WANTED: Final = (
    Parameter(name="products", text="Products that stand beside what is known of the contact, by commas."),
    Parameter(name="category", text="Products of this category."),
)

METHODS: Final = [
    Method(
        "GET",
        "/v2/contacts/recoms/{dataSourceId}",
        recommend,
        scope=Scope.READ_CONTACTS,
        query=(
            Parameter(name="contactId", type="integer", text="The contact, by its id."),
            Parameter(name="externalCustomerId", text="Or by the id of your system."),
            Parameter(name="email", text="Or by its e-mail address."),
            Parameter(name="phone", text="Or by its phone number."),
            *_WANTED,
        ),
        summary="Products recommended by a data source",
        answer=list[ApiProduct],
    ),
    Method(
        "GET",
        "/v1/recoms/{dataSourceId}",
        recommend_to_bearer,
        scope=Scope.READ_CONTACTS,
        public=True,
        query=_WANTED,
        summary="The same for the contact of the header ES-TOKEN",
        answer=list[ApiProduct],
    ),
]

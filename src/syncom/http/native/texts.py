"""/texts: what a text for phones costs, and /inbound-texts: what people sent."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from syncom.accounts.model import Permission
from syncom.errors import Invalid
from syncom.http.native.given import By, InboundTexts
from syncom.http.native.paging import Cursor, Limit, Page, page_of, read_cursor
from syncom.http.native.routing import needs
from syncom.inbound_texts.model import InboundFilter, InboundText
from syncom.messages.channels.sms.counted import CountedText, count_text

_TAGS = ["Texts"]
#: Characters of a text that is counted: more than any text has.
_LONGEST_TEXT = 10_000


class TextToCount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text as it will be sent: placeholders count as they stand."""

    text: str


ContactId = Annotated[int | None, QueryParameter(description="Of this contact only.")]
Phone = Annotated[str, QueryParameter(description="From this number only, in international form.")]
SenderId = Annotated[int | None, QueryParameter(description="To the numbers of this sender only.")]
KeywordName = Annotated[str, QueryParameter(description="stop, help or start: only those that were read as this.")]


@post("/texts/parts", tags=_TAGS, status_code=200, opt=needs(Permission.READ_CONTENT, replay=False))
async def count_parts(data: JSONBody[TextToCount]) -> CountedText:
    """How many parts a text has, in which alphabet, and which characters force UCS-2."""
    if len(data.text) > _LONGEST_TEXT:
        raise Invalid("text", f"must have at most {_LONGEST_TEXT} characters")
    return count_text(data.text)


@get("/inbound-texts", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def list_inbound_texts(
    by: By,
    inbound_texts: InboundTexts,
    contact_id: ContactId = None,
    phone: Phone = "",
    sender_id: SenderId = None,
    keyword: KeywordName = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[InboundText]:
    """Texts that people sent to the account's numbers, newest first."""
    wanted = InboundFilter(contact_id=contact_id, phone=phone, sender_id=sender_id, keyword=keyword)
    before = read_cursor(cursor, UUID)
    found = await inbound_texts.list(by.account_id, wanted, before=before, limit=limit + 1)
    return page_of(found, limit, lambda text: text.inbound_text_id)


@get("/inbound-texts/{inbound_text_id:uuid}", tags=_TAGS, opt=needs(Permission.READ_CONTACTS))
async def get_inbound_text(by: By, inbound_texts: InboundTexts, inbound_text_id: FromPath[UUID]) -> InboundText:
    """One text that somebody sent."""
    return await inbound_texts.get(by.account_id, inbound_text_id)


HANDLERS: list[Any] = [count_parts, list_inbound_texts, get_inbound_text]

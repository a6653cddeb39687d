"""Pages where recipients decide: the confirmation of a subscription and the preference centre.

=========================  ============================================================================
`GET /t/k/<token>`         a page with a button; changes nothing, since scanners follow every link
`POST /t/k/<token>`        confirms the subscription
`GET /t/p/<token>`         what the person gets; changes nothing
`POST /t/p/<token>`        saves what they want from now on (`action=save`), or ends everything (`everything`)
=========================  ============================================================================

The preference centre opens with the token of the unsubscribe link of any mail.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from syncom.consent.languages import accepted, chosen
from syncom.consent.model import Confirmation, Preferences, PreferencesChoice, Standing, Witness
from syncom.consent.optin import OptIns
from syncom.consent.preferences import PreferencesService, hidden
from syncom.errors import Invalid, NotFound
from syncom.http.tracking import pages
from syncom.http.tracking.answers import (
    BAD_FORM,
    BARE_POLICY,
    NOT_FOUND,
    SECURITY,
    TOO_LARGE,
    WRONG_METHOD_HERE,
    Answer,
    Receive,
    Scope,
    header,
    page_answer,
    peer,
    read_body,
)
from syncom.http.tracking.client import TrustedProxies, clean_agent
from syncom.http.tracking.forms import FormError, parse_form
from syncom.targets import web_address
from syncom.tokens import MessageRef, MessageTokens

_LONGEST_TOKEN = 400
#: Boxes of the preference centre: every category of an account and a few more.
_MAX_FIELDS = 1_000


class ChoicePages:
    """Answers for the pages; tracking hands them over."""

    def __init__(
        self, tokens: MessageTokens, optins: OptIns, preferences: PreferencesService, proxies: TrustedProxies
    ) -> None:
        self._tokens = tokens
        self._optins = optins
        self._preferences = preferences
        self._client = proxies.client

    # ------------------------------------------------------------ confirming

    async def confirm(self, scope: Scope, receive: Receive, method: str, token: str) -> Answer:
        """The link of a confirmation mail."""
        if method in ("GET", "HEAD"):
            found = await self._optins.look(token)
            return NOT_FOUND if found is None else self._confirmation(scope, found)
        if method != "POST":
            return WRONG_METHOD_HERE
        fields = await _form(scope, receive)
        if isinstance(fields, Answer):
            return fields
        if fields.get("action") != "confirm":
            return BAD_FORM
        before = await self._optins.look(token)
        if before is None:
            return NOT_FOUND
        language = _language(scope, before.language)
        text = pages.confirmation_question(language, before.address)
        found = await self._optins.confirm(token, self.witness(scope, language, text))
        if found is None:
            return NOT_FOUND
        if found.standing is Standing.CONFIRMED and found.redirect_url:
            return _led_to(found.redirect_url)
        return self._confirmation(scope, found)

    def _confirmation(self, scope: Scope, found: Confirmation) -> Answer:
        language = _language(scope, found.language)
        body = pages.confirmation(found, language, hidden(found.address))
        status = 410 if found.standing in (Standing.EXPIRED, Standing.GONE) else 200
        policy = (b"content-security-policy", pages.policy_leading_to(found.redirect_url).encode())
        return page_answer(body, status=status, policy=policy)

    # ------------------------------------------------------------ choosing

    async def prefer(self, scope: Scope, receive: Receive, method: str, token: str) -> Answer:
        """The preference centre."""
        reference = self._tokens.read_unsubscribe(token) if len(token) < _LONGEST_TOKEN else None
        if reference is None:
            return NOT_FOUND
        if method not in ("GET", "HEAD", "POST"):
            return WRONG_METHOD_HERE
        try:
            shown = await self._preferences.of(reference.account_id, reference.contact_id)
            language = _language(scope, shown.language)
            if method != "POST":
                return page_answer(pages.preferences(language, shown))
            return await self._save(scope, receive, reference, shown, language)
        except NotFound:
            return page_answer(pages.nothing_to_choose(_language(scope)), status=410)

    async def _save(
        self, scope: Scope, receive: Receive, reference: MessageRef, shown: Preferences, language: str
    ) -> Answer:
        fields = await _form(scope, receive)
        if isinstance(fields, Answer):
            return fields
        text = pages.preferences_texts(language, shown)
        witness = self.witness(scope, language, text, message=reference)
        account_id, contact_id = reference.account_id, shown.contact_id
        try:
            if fields.get("action") == "everything":
                saved = await self._preferences.leave(account_id, contact_id, witness)
            elif fields.get("action") == "save":
                saved = await self._preferences.choose(account_id, contact_id, _choice(fields, shown), witness)
            else:
                return BAD_FORM
        except Invalid:
            return BAD_FORM
        return page_answer(pages.preferences(language, saved, saved=True))

    def witness(self, scope: Scope, language: str, text: str, *, message: MessageRef | None = None) -> Witness:
        """Who asks, and what they were shown."""
        return Witness(
            source="page",
            ip=self._client(peer(scope), header(scope, b"x-forwarded-for")),
            user_agent=clean_agent(header(scope, b"user-agent").encode("latin-1")),
            language=language,
            text=text,
            more={} if message is None else {"message_id": str(message.message_id)},
        )


def _choice(fields: Mapping[str, str], shown: Preferences) -> PreferencesChoice:
    """What the form says about everything that it showed. Raises Invalid."""
    pause = fields.get("pause", "")
    if pause and not (pause.isascii() and pause.isdigit() and len(pause) < 5):
        raise Invalid("pause", "is no number of days")
    return PreferencesChoice(
        channels=frozenset(one.channel for one in shown.channels if f"channel.{one.channel}" in fields),
        topics=frozenset(one.category_id for one in shown.topics if f"topic.{one.category_id}" in fields),
        pause_days=int(pause) if pause else None,
    )


async def _form(scope: Scope, receive: Receive) -> dict[str, str] | Answer:
    body = await read_body(scope, receive)
    if body is None:
        return TOO_LARGE
    try:
        return parse_form(header(scope, b"content-type"), body, fields=_MAX_FIELDS)
    except FormError:
        return BAD_FORM


def _language(scope: Scope, own: str = "") -> str:
    """What the address asks for, else the person's own, else what the browser asks for."""
    asked = parse_qs(scope.get("query_string", b"")[:100].decode("latin-1")).get("lang", [""])[0]
    return chosen(asked, own, *accepted(header(scope, b"accept-language")))


def _led_to(target: str) -> Answer:
    address = web_address(target)
    if address is None:
        return NOT_FOUND
    return Answer(303, [*SECURITY, BARE_POLICY, (b"location", address.encode()), (b"content-length", b"0")], b"")

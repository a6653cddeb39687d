"""Gateways whose protocol is known: an account there becomes the form that describes its requests and answers.

Others speak these protocols too, so the address may be another than the vendor's.
Twilio: https://www.twilio.com/docs/messaging/api/message-resource, which knows no idempotency key.
Vonage: https://developer.vonage.com/en/api/sms, which has none either. Both bring our id back in receipts, so that a
message whose answer was lost is known by them.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from syncom.errors import Invalid
from syncom.messages.channels.sms.codes import Provider
from syncom.messages.channels.sms.form import Body, GatewayAnswers, GatewayCall, GatewayForm, Verb
from syncom.outbound import check_url

_TWILIO_SID: Final = re.compile(r"[A-Za-z0-9]{2,64}")
_VONAGE_KEY: Final = re.compile(r"[A-Za-z0-9_\-]{1,64}")


class SignatureMethod(Enum):
    """How Vonage signs what it posts (https://developer.vonage.com/en/getting-started/concepts/signing-messages)."""

    MD5_HASH = "md5hash"
    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"


class TwilioAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account at Twilio, or at somebody who speaks its protocol. The sender's password is the auth token."""

    account_sid: str
    #: Numbers and names in From; the first one is used when none is named.
    names: tuple[str, ...]
    #: The service chooses the number then, and ``names`` are only what the sender is called here.
    messaging_service_sid: str = ""
    #: SID of an API key, whose secret is the password then; the auth token is the callback secret.
    api_key: str = ""
    base_url: str = "https://api.twilio.com"

    def form(self) -> GatewayForm:
        fields: dict[str, Any] = {"To": "{to}", "Body": "{text}", "StatusCallback": "{callback_of_message}"}
        if self.messaging_service_sid:
            fields["MessagingServiceSid"] = self.messaging_service_sid
        else:
            fields["From"] = "{from}"
        url = f"{self.base_url.rstrip('/')}/2010-04-01/Accounts/{self.account_sid}/Messages.json"
        return GatewayForm(
            sms=GatewayCall(url=url, verb=Verb.POST, body=Body.FORM, fields=fields),
            username=self.api_key or self.account_sid,
            answers=GatewayAnswers(id="sid", error="message", code="code", codes=Provider.TWILIO),
            names=self.names,
        )


class VonageAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account at Vonage, or at somebody who speaks its protocol. The sender's password is the API secret."""

    api_key: str
    names: tuple[str, ...]
    #: As in the account's settings; the signature secret is the callback secret.
    signature_method: SignatureMethod = SignatureMethod.SHA256
    base_url: str = "https://rest.nexmo.com"

    def form(self) -> GatewayForm:
        fields: dict[str, Any] = {
            "api_key": self.api_key,
            "api_secret": "{secret}",
            "from": "{from}",
            "to": "{to_digits}",
            "text": "{text}",
            "type": "{type}",
            "client-ref": "{id}",
            "callback": "{callback}",
        }
        return GatewayForm(
            sms=GatewayCall(url=f"{self.base_url.rstrip('/')}/sms/json", verb=Verb.POST, body=Body.FORM, fields=fields),
            answers=GatewayAnswers(
                id="messages.*.message-id",
                error="messages.*.error-text",
                status="messages.*.status",
                accepted=("0",),
                code="messages.*.status",
                codes=Provider.VONAGE,
            ),
            names=self.names,
        )


def check_twilio(account: TwilioAccount) -> None:
    """Refuse what cannot work. Raises Invalid naming the field."""
    for name in ("account_sid", "messaging_service_sid", "api_key"):
        value = getattr(account, name)
        if not _TWILIO_SID.fullmatch(value) and (value or name == "account_sid"):
            raise Invalid(f"config.twilio.{name}", "must be a SID, as Twilio's console shows it")
    _check_base("config.twilio.base_url", account.base_url)


def check_vonage(account: VonageAccount) -> None:
    """Refuse what cannot work. Raises Invalid naming the field."""
    if not _VONAGE_KEY.fullmatch(account.api_key):
        raise Invalid("config.vonage.api_key", "must be the API key, as Vonage's dashboard shows it")
    _check_base("config.vonage.base_url", account.base_url)


def _check_base(field: str, url: str) -> None:
    check_url(field, url)
    parts = urlsplit(url)
    if parts.query or parts.fragment or "{" in url or "@" in parts.netloc:
        raise Invalid(field, "must be an address such as https://api.example.com, without a login or a query")

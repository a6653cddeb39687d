"""What is answered to STOP, HELP and START: the sender's own words, or ``answers.toml`` in the person's language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from syncom.inbound_texts.keywords import Asked, Keyword
from syncom.messages.model import Sender, SenderKind

_FALLBACK: Final = "en"
#: Words that Twilio answers itself, unless an account had that changed: a second answer of ours would be one too many.
#: https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
_TWILIO_OWN: Final = frozenset(
    (
        *("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"),
        *("start", "unstop", "help", "info"),
    )
)


def answer_to(asked: Asked, sender: Sender, language: str) -> str:
    """The words to send; empty: nothing is answered. ``language``: the contact's, empty when it is not known."""
    replies = sender.config.replies
    if not _answers(asked, sender):
        return ""
    own = {Keyword.STOP: replies.stop, Keyword.HELP: replies.help, Keyword.START: replies.start}[asked.keyword]
    words = own or _words_in(language, asked.language)[asked.keyword.value]
    brand = replies.brand or sender.from_name or sender.name
    return words.replace("{brand}", brand).replace("{contact}", f" {replies.contact}" if replies.contact else "")


def _answers(asked: Asked, sender: Sender) -> bool:
    """Whether the sender answers this, and not its provider."""
    if sender.config.replies.answer is not None:
        return sender.config.replies.answer
    return sender.kind is not SenderKind.TWILIO or asked.word not in _TWILIO_OWN


def _words_in(*languages: str) -> Mapping[str, str]:
    """Words of the first language there are any of."""
    given = _answers_by_language()
    for language in languages:
        found = given.get(language.partition("-")[0].lower())
        if found is not None:
            return found
    return given[_FALLBACK]


@cache
def _answers_by_language() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((files("syncom.inbound_texts") / "answers.toml").read_text("utf-8"))

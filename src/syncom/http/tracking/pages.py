"""The few words and pages that recipients see, in the languages of ``consent/words``."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from urllib.parse import urlsplit

from syncom.consent.languages import languages, words
from syncom.consent.model import Confirmation, Preferences, Standing
from syncom.consent.preferences import PAUSES

_STYLE = (
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "body{margin:0;min-height:100vh;display:grid;place-items:center;background:Canvas;color:CanvasText}"
    "main{max-width:26rem;padding:2rem 1.5rem;text-align:center}"
    "h1{font-size:1.4rem;margin:0 0 .5rem}p{margin:0 0 1.5rem;opacity:.8}"
    "button{font:inherit;padding:.6rem 1.4rem;border:0;border-radius:.5rem;background:#2456d6;color:#fff;"
    "cursor:pointer}button.quiet{background:none;color:inherit;text-decoration:underline}"
    "button:focus-visible,input:focus-visible,a:focus-visible{outline:3px solid #7aa2ff;outline-offset:2px}"
    "fieldset{border:0;margin:0 0 1.25rem;padding:0;text-align:left}legend{font-weight:600;padding:0}"
    "label{display:block;padding:.3rem 0}a{color:inherit}nav{margin-top:1.5rem;font-size:.9rem;opacity:.8}"
    "nav a{margin:0 .4rem}"
)

_POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; form-action 'self'{more}; frame-ancestors 'none'; base-uri 'none'"
)
CONTENT_SECURITY_POLICY = _POLICY.format(more="")

#: For a mail as a page. Its author is not us, and other accounts' people may look at it: pictures, styles and links
#: as in a mail client, and nothing that runs, posts, asks for cookies or leads away by itself.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src http: https: data:; "
    "style-src 'unsafe-inline' https:; font-src https: data:; media-src https:; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


def policy_leading_to(target: str) -> str:
    """The policy of a page whose form ends at somebody else's: browsers hold it for redirects too (CSP 3, 6.4.1)."""
    parts = urlsplit(target)
    origin = f"{parts.scheme}://{parts.netloc}"
    safe = parts.scheme in ("http", "https") and all(character not in origin for character in " ;,'\"")
    return _POLICY.format(more=f" {origin}" if safe else "")


def _page(title: str, text: str, form: str = "", language: str = "en") -> bytes:
    """``title`` and ``text`` are escaped here, ``form`` by its maker."""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1><p>{escape(text)}</p>{form}</main></body></html>"
    ).encode()


def _button(action: str, label: str, *, quiet: bool = False) -> str:
    # Without an action the form posts to the page's own address, which holds the token.
    return (
        f'<form method="post"><input type="hidden" name="action" value="{action}">'
        f'<button type="submit"{_QUIET if quiet else ""}>{escape(label)}</button></form>'
    )


_QUIET = ' class="quiet"'


# ---------------------------------------------------------------- unsubscribing


def question(language: str, categories: Iterable[str] = ()) -> str:
    """What the person reads before they decide, kept with their decision as proof."""
    said = words(language).unsubscribe
    named = ", ".join(categories)
    return said["question_category"].format(categories=named) if named else said["question"]


def undoing(language: str) -> str:
    """What the button says that takes an unsubscription back, kept as proof."""
    return words(language).unsubscribe["mistake"]


def ask(language: str, categories: tuple[str, ...], preferences: str) -> bytes:
    """The page behind an unsubscribe link; ``categories`` are names of what it is about, none: everything."""
    said = words(language).unsubscribe
    if categories:
        form = _button("unsubscribe", said["button_category"].format(categories=", ".join(categories)))
        form += _button("everything", said["button_everything"], quiet=True)
    else:
        form = _button("unsubscribe", said["button"])
    return _page(said["title"], question(language, categories), form + _link(preferences, said["choose"]), language)


def unsubscribed(language: str, categories: tuple[str, ...], preferences: str, *, undo: str = "resubscribe") -> bytes:
    """It is done; and how to take it back: by the action ``undo``."""
    said = words(language).unsubscribe
    if categories:
        text = said["done_category"].format(categories=", ".join(categories))
        form = _button(undo, said["mistake"], quiet=True)
        form += _button("everything", said["button_everything"], quiet=True)
    else:
        text, form = said["done"], _button(undo, said["mistake"], quiet=True)
    return _page(said["done_title"], text, form + _link(preferences, said["choose"]), language)


def resubscribed(language: str) -> bytes:
    """It is taken back."""
    said = words(language).unsubscribe
    return _page(said["back_title"], said["back"], _button("unsubscribe", said["button"]), language)


def _link(target: str, label: str) -> str:
    return f'<nav><a href="{escape(target)}">{escape(label)}</a></nav>'


# ---------------------------------------------------------------- confirming


def confirmation_question(language: str, address: str) -> str:
    """What the person reads before they confirm."""
    return words(language).confirmation["question"].format(address=address)


def confirmation(found: Confirmation, language: str, address: str) -> bytes:
    """The page behind the link of a confirmation mail; ``address`` as it may be shown."""
    said = words(language).confirmation
    if found.standing is Standing.OPEN:
        form = _button("confirm", said["button"])
        return _page(said["title"], confirmation_question(language, address), form, language)
    name = {Standing.CONFIRMED: "done", Standing.EXPIRED: "expired", Standing.GONE: "gone"}[found.standing]
    return _page(said[f"{name}_title"], said[name], "", language)


# ---------------------------------------------------------------- choosing


def preferences_texts(language: str, shown: Preferences) -> str:
    """What the page says, as one text for the proof."""
    said = words(language).preferences
    named = [said[one.channel] for one in shown.channels] + [topic.name for topic in shown.topics]
    return "\n".join((said["title"], said["intro"].format(address=shown.address), *named))


def preferences(language: str, shown: Preferences, *, saved: bool = False) -> bytes:
    """The preference centre."""
    said = words(language).preferences
    parts: list[str] = []
    if shown.channels:
        boxes = [(f"channel.{one.channel}", said[one.channel], one.wanted) for one in shown.channels]
        parts.append(_boxes(said["channels"], boxes))
    if shown.topics:
        boxes = [(f"topic.{one.category_id}", one.name, one.wanted) for one in shown.topics]
        parts.append(_boxes(said["categories"], boxes))
    if any(one.channel == "email" for one in shown.channels):
        parts.append(_pauses(said, shown))
    form = (
        f'<form method="post"><input type="hidden" name="action" value="save">{"".join(parts)}'
        f'<button type="submit">{escape(said["save"])}</button></form>'
    )
    form += _button("everything", said["everything"], quiet=True) + _tongues(language)
    if saved:
        return _page(said["saved_title"], said["saved"], form, language)
    return _page(said["title"], said["intro"].format(address=shown.address), form, language)


def nothing_to_choose(language: str) -> bytes:
    """The contact is gone."""
    said = words(language).preferences
    return _page(said["gone_title"], said["gone"], "", language)


def _boxes(legend: str, boxes: list[tuple[str, str, bool]]) -> str:
    drawn = "".join(
        f'<label><input type="checkbox" name="{name}" value="on"{" checked" if on else ""}> {escape(label)}</label>'
        for name, label, on in boxes
    )
    return f"<fieldset><legend>{escape(legend)}</legend>{drawn}</fieldset>"


def _pauses(said: Mapping[str, str], shown: Preferences) -> str:
    until = shown.paused_until
    choices = [("0", said["pause_none"], until is None)]
    if until is not None:
        choices.append(("", said["paused_until"].format(date=until.strftime("%Y-%m-%d")), True))
    choices += [(str(days), said["pause_days"].format(days=days), False) for days in PAUSES]
    drawn = "".join(
        f'<label><input type="radio" name="pause" value="{value}"{" checked" if on else ""}> {escape(label)}</label>'
        for value, label, on in choices
    )
    return f"<fieldset><legend>{escape(said['pause'])}</legend>{drawn}</fieldset>"


@cache
def _tongues(language: str) -> str:
    links = "".join(
        f'<a href="?lang={tag}" lang="{tag}" hreflang="{tag}">{escape(said.language)}</a>'
        for tag, said in languages().items()
        if tag != language
    )
    return f"<nav>{links}</nav>" if links else ""


NO_LONGER_THERE = _page(
    "This mail is no longer available", "It was kept here for a while; your mailbox may still have it."
)

ONE_CLICK_DONE = b"Unsubscribed.\n"
NOT_FOUND = b"Not found.\n"
WRONG_METHOD = b"This address does not take such requests.\n"
BAD_FORM = b"This request cannot be read. Open the link in a browser and use the button.\n"
TOO_LARGE = b"This request is too large.\n"
TRY_AGAIN = b"This does not work at the moment. Please try again in a minute.\n"

#: A transparent GIF of one pixel, 43 bytes.
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")

"""The few words and pages that recipients see."""

from __future__ import annotations

import hashlib
from base64 import b64encode

_STYLE = (
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"
    "body{margin:0;min-height:100vh;display:grid;place-items:center;background:Canvas;color:CanvasText}"
    "main{max-width:26rem;padding:2rem 1.5rem;text-align:center}"
    "h1{font-size:1.4rem;margin:0 0 .5rem}p{margin:0 0 1.5rem;opacity:.8}"
    "button{font:inherit;padding:.6rem 1.4rem;border:0;border-radius:.5rem;background:#2456d6;color:#fff;"
    "cursor:pointer}button.quiet{background:none;color:inherit;text-decoration:underline}"
    "button:focus-visible{outline:3px solid #7aa2ff;outline-offset:2px}"
)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

#: For a mail as a page. Its author is not us, and other accounts' people may look at it: pictures, styles and links
#: as in a mail client, and nothing that runs, posts, asks for cookies or leads away by itself.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src http: https: data:; "
    "style-src 'unsafe-inline' https:; font-src https: data:; media-src https:; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


def _page(title: str, text: str, form: str = "") -> bytes:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="robots" content="noindex">'
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{title}</h1><p>{text}</p>{form}</main></body></html>"
    ).encode()


def _button(action: str, label: str, kind: str = "") -> str:
    # Without an action the form posts to the page's own address, which holds the token.
    return (
        f'<form method="post"><input type="hidden" name="action" value="{action}">'
        f'<button type="submit"{kind}>{label}</button></form>'
    )


#: What the person reads before they decide, kept with their decision as proof.
UNSUBSCRIBE_QUESTION = "You will get no more newsletters from this sender at this address."

ASK = _page("Unsubscribe?", UNSUBSCRIBE_QUESTION, _button("unsubscribe", "Unsubscribe"))
UNSUBSCRIBED = _page(
    "You are unsubscribed",
    "You will get no more newsletters from this sender. Mails that are on their way may still arrive.",
    _button("resubscribe", "That was a mistake: subscribe me again", ' class="quiet"'),
)
RESUBSCRIBED = _page(
    "You are subscribed again", "Newsletters will reach you as before.", _button("unsubscribe", "Unsubscribe")
)
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

"""The pages of the dev inbox, as text. Every value that comes from a mail is escaped here."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from html import escape
from importlib import resources
from urllib.parse import quote

from syncom.inbox.model import InboxEntry, InboxPage, ParsedMail

_STYLE = resources.files("syncom.http.inbox").joinpath("style.css").read_text("utf-8")

#: For the pages: our own style sheet (by its hash), the frame with the mail, and nothing else.
PAGE_POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
#: For a mail's HTML: pictures and inline styles as in a mail client; no scripts, forms, frames, cookies or
#: origin.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src * data:; "
    "style-src 'unsafe-inline'; frame-ancestors 'self'"
)

_VIEWS = ("html", "text", "headers", "raw")
_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)
#: A page need not show the tail of a mail of many megabytes; its raw form can be downloaded whole.
_LONGEST_SHOWN = 1_000_000


def list_page(page: InboxPage, *, count: int, recipient: str) -> str:
    """The mails, newest first."""
    if page.entries:
        body = '<ul class="mails">' + "".join(_line(entry) for entry in page.entries) + "</ul>"
    elif recipient:
        body = f'<p class="empty">No mail for {escape(recipient)}. <a href="/inbox">Show all</a></p>'
    else:
        body = (
            '<p class="empty">Nothing has been sent yet. Start a campaign with the dev inbox as its sender, '
            "and its mails appear here.</p>"
        )
    if page.next_cursor is not None:
        more = f"/inbox?before={page.next_cursor}"
        if recipient:
            more += f"&recipient={quote(recipient, safe='')}"
        body += f'<nav><a href="{escape(more)}">Older</a></nav>'
    head = (
        f"<h1>Dev inbox <small>{count} mails</small></h1>"
        '<div><form method="get" action="/inbox">'
        '<input type="search" name="recipient" aria-label="Recipient" '
        f'placeholder="Recipient" value="{escape(recipient)}"><button>Filter</button></form> '
        '<form method="post" action="/inbox/clear"><button>Clear all</button></form></div>'
    )
    notice = '<p class="notice">These mails went nowhere else: nobody outside this machine has got them.</p>'
    return _document("Dev inbox", head, notice + body)


def mail_page(entry: InboxEntry, mail: ParsedMail, raw: bytes, view: str) -> str:
    """One mail under its tabs. An unknown ``view`` is the first that the mail has."""
    if view not in _VIEWS:
        view = "html" if mail.html else "text"
    address = f"/inbox/{entry.inbox_id}"
    current = " aria-current=page"
    tabs = "".join(
        f'<a href="{address}?view={name}"{current if name == view else ""}>{name.capitalize()}</a>' for name in _VIEWS
    )
    head = f'<h1>{escape(entry.subject) or "(no subject)"}</h1><a href="/inbox">All mails</a>'
    facts = (
        f"<dl><dt>Channel</dt><dd>{escape(entry.channel)}</dd>"
        f"<dt>To</dt><dd>{escape(entry.to)}</dd>"
        f"<dt>From</dt><dd>{escape(entry.mail_from) or '(empty)'}</dd>"
        f"<dt>Received</dt><dd>{_time(entry)}</dd>{_attachments(mail)}</dl>"
    )
    return _document(
        entry.subject or "(no subject)", head, facts + f"<nav>{tabs}</nav>" + _view(address, mail, raw, view)
    )


def mail_document(mail: ParsedMail) -> str:
    """A mail's own HTML, to be shown in a sandboxed frame only. Its links open new tabs."""
    base = '<base target="_blank" rel="noopener noreferrer">'
    doctype = _DOCTYPE.match(mail.html)
    # A doctype keeps its first place: without it the mail would be laid out by other rules.
    place = doctype.end() if doctype else 0
    return mail.html[:place] + base + mail.html[place:]


def message_page(title: str, text: str) -> str:
    """A page that says one thing."""
    return _document(title, f"<h1>{escape(title)}</h1>", f'<p>{escape(text)}</p><p><a href="/inbox">All mails</a></p>')


def _view(address: str, mail: ParsedMail, raw: bytes, view: str) -> str:
    if view == "html":
        if not mail.html:
            return '<p class="empty">This mail has no HTML.</p>'
        return (
            f'<iframe src="{address}/html" title="The mail" referrerpolicy="no-referrer" '
            'sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>'
        )
    if view == "text":
        if not mail.text:
            return '<p class="empty">This mail has no plain text.</p>'
        return f'<div class="card"><pre>{_shown(mail.text)}</pre></div>'
    if view == "headers":
        rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in mail.headers)
        return f'<div class="card"><table>{rows}</table></div>'
    return (
        f'<p><a href="{address}/raw" download>Download</a></p>'
        f'<div class="card"><pre>{_shown(raw.decode("utf-8", "replace"))}</pre></div>'
    )


def _line(entry: InboxEntry) -> str:
    return (
        f'<li><a href="/inbox/{entry.inbox_id}"><span>{escape(entry.to)} {_channel(entry)}</span>'
        f'<span class="subject">{escape(entry.subject) or "(no subject)"}</span>{_time(entry)}</a></li>'
    )


def _channel(entry: InboxEntry) -> str:
    """Marks what is no mail."""
    return "" if entry.channel == "email" else f"<small class=quiet>{escape(entry.channel)}</small>"


def _time(entry: InboxEntry) -> str:
    at = entry.received_at
    return f'<time datetime="{at.isoformat()}">{at:%Y-%m-%d %H:%M:%S} UTC</time>'


def _attachments(mail: ParsedMail) -> str:
    if not mail.attachments:
        return ""
    names = ", ".join(
        f"{escape(file.file_name)} <span class=quiet>({escape(file.content_type)}, {file.size:,} bytes)</span>"
        for file in mail.attachments
    )
    return f"<dt>Files</dt><dd>{names}</dd>"


def _shown(text: str) -> str:
    if len(text) > _LONGEST_SHOWN:
        return escape(text[:_LONGEST_SHOWN]) + "\n\n(the rest is only in the download)"
    return escape(text)


def _document(title: str, head: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)} - Syncom</title><style>{_STYLE}</style></head>"
        f"<body><header>{head}</header><main>{body}</main></body></html>"
    )

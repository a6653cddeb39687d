"""The first page."""

from __future__ import annotations

from html import escape

from syncom.accounts.model import Account, Principal
from syncom.http.pages.page import page


def home_page(by: Principal | None, account: Account | None) -> bytes:
    """What is here, and who is signed in."""
    if by is None or account is None:
        who = '<p>You are not signed in. <a href="/login">Sign in</a></p>'
    else:
        who = (
            f"<p>You are signed in to <strong>{escape(account.name)}</strong> as {escape(by.role.value)}.</p>"
            '<form method="post" action="/logout"><button>Sign out</button></form>'
        )
    cards = "".join(
        f'<li><a href="{path}">{name}</a><br><span class="soft">{text}</span></li>'
        for path, name, text in (
            ("/docs", "API", "Every route, with examples."),
            ("/inbox", "Dev inbox", "What was sent without an SMTP account. For operators."),
            ("/readyz", "Health", "Whether this server and its database work."),
        )
    )
    tour = (
        "syncom import contacts contacts.csv\n"
        "syncom template add welcome.html --name Welcome --subject Hello\n"
        "syncom campaign create --help"
    )
    return page(
        "Home",
        f'<h1>Syncom</h1>{who}<ul class="cards">{cards}</ul>'
        f'<h2>From the terminal</h2><pre>{tour}</pre><p class="soft"><code>syncom --help</code> lists everything.</p>',
    )

"""Sample readers: they open and click mails of the dev inbox over real HTTP, as browsers do.

What they cause in reports is sample data. Some of them are machines, which reports count beside the people.
"""

from __future__ import annotations

import asyncio
import html
import http.client
import random
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from syncom.activity.model import HONEYPOT_LINK
from syncom.app import App
from syncom.inbox.model import ParsedMail
from syncom.inbox.service import MAX_PAGE

_OPEN, _CLICK, _MACHINES, _UNSUBSCRIBE = 0.35, 0.10, 0.04, 3
_CONNECTIONS = 4
_BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile",
)
#: The bare product is what Apple's privacy relays send.
_RELAY = "Mozilla/5.0"
_ADDRESS = re.compile(r'(?:src|href)="([^"]*/t/[ocr]/[^"]+)"')
_UNSUBSCRIBE_ADDRESS = re.compile(r"<(https?://[^>]+)>")


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """What the sample readers did, in messages."""

    opened: int
    clicked: int
    unsubscribed: int


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    agent: str
    #: The form to POST; None: GET.
    form: str | None = None


async def newest_mail(app: App) -> int:
    """Id of the newest mail of the dev inbox, 0 when it is empty."""
    entries = (await app.inbox.list(limit=1)).entries
    return entries[0].inbox_id if entries else 0


async def read(app: App, *, after: int, host: str, port: int, seed: int = 7) -> Readings:
    """Open and click mails that are newer than the mail ``after``, at the web server of this installation.

    Raises OSError when the server does not answer as it should.
    """
    dice = random.Random(seed)  # noqa: S311 - sample data
    mails = [mail.inbox_id for mail in (await app.inbox.list(limit=MAX_PAGE)).entries if mail.inbox_id > after]
    dice.shuffle(mails)
    opening = mails[: round(len(mails) * _OPEN)]
    clicking = opening[: round(len(mails) * _CLICK)]
    leaving = clicking[:_UNSUBSCRIBE]
    machines = mails[len(opening) : len(opening) + round(len(mails) * _MACHINES)]
    visits: list[list[_Request]] = []
    for inbox_id in opening:
        mail = await app.inbox.parse(inbox_id)
        agent = dice.choice(_BROWSERS)
        visit = [_Request(path=_pixel(mail), agent=agent)]
        if inbox_id in clicking:
            visit.append(_Request(path=_choose(dice, _links(mail)), agent=agent))
        if inbox_id in leaving:
            visit.append(_Request(path=_unsubscribe_path(mail), agent=agent, form="List-Unsubscribe=One-Click"))
        visits.append(visit)
    visits += [[_Request(path=_pixel(await app.inbox.parse(inbox_id)), agent=_RELAY)] for inbox_id in machines]
    shares = [visits[place::_CONNECTIONS] for place in range(_CONNECTIONS)]
    await asyncio.gather(*(asyncio.to_thread(_visit, host, port, share) for share in shares))
    return Readings(opened=len(opening), clicked=len(clicking), unsubscribed=len(leaving))


def _visit(host: str, port: int, visits: Sequence[Sequence[_Request]]) -> None:
    """All requests of some readers, one after the other on one connection. Redirects are not followed."""
    connection = http.client.HTTPConnection(host.strip("[]"), port, timeout=30)
    try:
        for request in (request for visit in visits for request in visit):
            headers = {"User-Agent": request.agent, "Accept-Language": "en,uk;q=0.8"}
            if request.form is None:
                connection.request("GET", request.path, headers=headers)
            else:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
                connection.request("POST", request.path, request.form, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status >= 400:
                raise OSError(f"the web server answered {answer.status} to {request.path.split('/')[2]}")
    finally:
        connection.close()


def _addresses(mail: ParsedMail) -> list[str]:
    """Paths of the tracked addresses of a mail, without the one that people do not see."""
    paths = [urlsplit(html.unescape(address)).path for address in _ADDRESS.findall(mail.html)]
    return [path for path in paths if not path.endswith(f"/{HONEYPOT_LINK}")]


def _pixel(mail: ParsedMail) -> str:
    return next(path for path in _addresses(mail) if "/t/o/" in path)


def _links(mail: ParsedMail) -> list[str]:
    return [path for path in _addresses(mail) if "/t/o/" not in path]


def _choose(dice: random.Random, links: Sequence[str]) -> str:
    """People click what stands first most."""
    return dice.choices(links, weights=[1 / (place + 1) for place in range(len(links))])[0]


def _unsubscribe_path(mail: ParsedMail) -> str:
    header = next(value for name, value in mail.headers if name.lower() == "list-unsubscribe")
    found = _UNSUBSCRIBE_ADDRESS.search(header)
    if found is None:
        raise OSError("a mail has no List-Unsubscribe address")
    return urlsplit(found.group(1)).path

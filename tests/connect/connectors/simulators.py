"""Servers that answer as apps do, at the byte level: their credentials, pages, errors and limits. No app was asked.

Each holds a few rows in memory, checks what it is sent as strictly as the app's documentation says the app does, and
keeps the requests it got.
"""

from __future__ import annotations

import json
import re
import time
from abc import ABC, abstractmethod
from base64 import b64decode
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Seen:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Simulator(ABC):
    """One app. ``url`` is where it listens."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    #: Answers that come before the right ones: status, headers, body.
    hiccups: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)

    @abstractmethod
    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path, handler."""

    @abstractmethod
    def refusal(self, request: web.Request) -> web.Response | None:
        """What somebody without the right credentials is told."""

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append(Seen(request.method, request.path, dict(request.query), headers, body))
        if self.hiccups:
            status, extra, answer = self.hiccups.pop(0)
            return web.json_response(answer, status=status, headers=extra)
        return self.refusal(request) or await handler(request)

    @asynccontextmanager
    async def run(self) -> AsyncGenerator[str]:
        app = web.Application(middlewares=[self._guard], client_max_size=2**26)
        for method, path, handler in self.routes():
            app.router.add_route(method, path, handler)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        try:
            yield self.url
        finally:
            await runner.cleanup()


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""


class Shopify(Simulator):
    """Token in a header of its own; pages by Link (RFC 8288) with `page_info`; errors under `errors`."""

    token = "shpat_canary_5d1c"
    customers = tuple({"id": 1000 + n, "email": f"buyer{n}@example.com", "first_name": f"Buyer {n}"} for n in range(5))

    def refusal(self, request: web.Request) -> web.Response | None:
        if request.headers.get("X-Shopify-Access-Token") == self.token:
            return None
        text = "[API] Invalid API key or access token (unrecognized login or wrong password)"
        return web.json_response({"errors": text}, status=401)

    def routes(self) -> list[tuple[str, str, Handler]]:
        base = "/admin/api/2025-07"
        return [
            ("GET", f"{base}/shop.json", self._shop),
            ("GET", f"{base}/customers.json", self._list),
            ("POST", f"{base}/customers.json", self._create),
            ("GET", f"{base}/customers/{{id}}.json", self._get),
            ("GET", f"{base}/orders.json", self._orders),
        ]

    async def _orders(self, request: web.Request) -> web.Response:
        orders = [
            {
                "id": 7000 + n,
                "email": f"buyer{n}@example.com",
                "total_price": "120.50",
                "currency": "UAH",
                "financial_status": "paid",
                "created_at": f"2026-11-0{n + 1}T10:00:00+02:00",
                "line_items": [{"title": "Tea", "quantity": 2, "price": "60.25"}],
            }
            for n in range(2)
        ]
        return web.json_response({"orders": orders})

    async def _shop(self, request: web.Request) -> web.Response:
        return web.json_response({"shop": {"id": 1, "name": "Tea shop", "currency": "UAH"}})

    async def _list(self, request: web.Request) -> web.Response:
        # Pages are of two whatever is asked, so that a few rows make several.
        start = int(request.query.get("page_info", "0"))
        if "page_info" in request.query and set(request.query) - {"page_info", "limit", "fields"}:
            return web.json_response({"errors": {"page_info": "Invalid value."}}, status=400)
        headers = {}
        if start + 2 < len(self.customers):
            link = f"{self.url}/admin/api/2025-07/customers.json?limit=2&page_info={start + 2}"
            headers["Link"] = f'<{link}>; rel="next"'
        return web.json_response({"customers": self.customers[start : start + 2]}, headers=headers)

    async def _create(self, request: web.Request) -> web.Response:
        given = (await request.json()).get("customer")
        if given is None:
            return web.json_response({"errors": {"customer": "Required parameter missing or invalid"}}, status=400)
        if any(given.get("email") == known["email"] for known in self.customers):
            return web.json_response({"errors": {"email": ["has already been taken"]}}, status=422)
        return web.json_response({"customer": {"id": 2000, **given}}, status=201)

    async def _get(self, request: web.Request) -> web.Response:
        for known in self.customers:
            if str(known["id"]) == request.match_info["id"]:
                return web.json_response({"customer": known})
        return web.json_response({"errors": "Not Found"}, status=404)


class HubSpot(Simulator):
    """Bearer; pages by `paging.next.after`; errors with a category and a correlation id."""

    token = "pat-na1-canary-8842"
    contacts = tuple({"id": str(500 + n), "properties": {"email": f"lead{n}@example.com"}} for n in range(5))

    def refusal(self, request: web.Request) -> web.Response | None:
        if _bearer(request) == self.token:
            return None
        return _hubspot(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")

    def routes(self) -> list[tuple[str, str, Handler]]:
        base = "/crm/v3/objects/contacts"
        return [
            ("GET", "/account-info/v3/details", self._account),
            ("GET", base, self._list),
            ("POST", base, self._create),
            ("POST", f"{base}/search", self._search),
            ("GET", f"{base}/{{id}}", self._get),
            ("DELETE", f"{base}/{{id}}", self._delete),
        ]

    async def _account(self, request: web.Request) -> web.Response:
        return web.json_response({"portalId": 77, "timeZone": "Europe/Kyiv"})

    async def _list(self, request: web.Request) -> web.Response:
        start = int(request.query.get("after", "0"))
        answer: dict[str, Any] = {"results": self.contacts[start : start + 2]}
        if start + 2 < len(self.contacts):
            answer["paging"] = {"next": {"after": str(start + 2), "link": "ignored"}}
        return web.json_response(answer)

    async def _create(self, request: web.Request) -> web.Response:
        email = (await request.json())["properties"].get("email")
        if any(email == known["properties"]["email"] for known in self.contacts):
            return _hubspot(409, "CONFLICT", "Contact already exists. Existing ID: 500")
        return web.json_response({"id": "900", "properties": {"email": email}}, status=201)

    async def _search(self, request: web.Request) -> web.Response:
        wanted = (await request.json())["filterGroups"][0]["filters"][0]["value"]
        found = [known for known in self.contacts if known["properties"]["email"] == wanted]
        return web.json_response({"total": len(found), "results": found})

    async def _get(self, request: web.Request) -> web.Response:
        by = request.query.get("idProperty", "id")
        for known in self.contacts:
            if request.match_info["id"] in (known["id"] if by == "id" else "", known["properties"].get(by)):
                return web.json_response(known)
        return _hubspot(404, "OBJECT_NOT_FOUND", "resource not found")

    async def _delete(self, request: web.Request) -> web.Response:
        return web.Response(status=204)


def _hubspot(status: int, category: str, message: str) -> web.Response:
    answer = {"status": "error", "message": message, "correlationId": "c-1", "category": category}
    return web.json_response(answer, status=status)


class Stripe(Simulator):
    """Bearer; bodies are forms with brackets; pages by the last id and `has_more`; errors under `error`."""

    token = "sk_test_canary_4eC39"
    customers = tuple({"id": f"cus_{n}", "email": f"payer{n}@example.com"} for n in range(5))

    def refusal(self, request: web.Request) -> web.Response | None:
        if _bearer(request) == self.token:
            return None
        return _stripe(401, "Invalid API Key provided: sk_test_****")

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "/v1/balance", self._balance),
            ("GET", "/v1/customers", self._list),
            ("POST", "/v1/customers", self._create),
            ("POST", "/v1/subscriptions", self._subscribe),
            ("POST", "/v1/refunds", self._refund),
        ]

    async def _balance(self, request: web.Request) -> web.Response:
        return web.json_response({"available": [{"amount": 100, "currency": "eur"}], "pending": []})

    async def _list(self, request: web.Request) -> web.Response:
        ids = [customer["id"] for customer in self.customers]
        after = request.query.get("starting_after")
        start = ids.index(after) + 1 if after else 0
        rows = self.customers[start : start + 2]
        return web.json_response({"object": "list", "data": rows, "has_more": start + 2 < len(ids)})

    async def _create(self, request: web.Request) -> web.Response:
        return web.json_response({"id": "cus_new", **await _form(request)})

    async def _subscribe(self, request: web.Request) -> web.Response:
        given = await _form(request)
        if not given.get("customer", "").startswith("cus_"):
            return _stripe(400, f"No such customer: '{given.get('customer')}'", param="customer")
        return web.json_response({"id": "sub_1", "items": given["items"], "status": "active"})

    async def _refund(self, request: web.Request) -> web.Response:
        return web.json_response({"id": "re_1", "status": "succeeded", **await _form(request)})


def _stripe(status: int, message: str, **more: str) -> web.Response:
    error = {"type": "invalid_request_error", "message": message, **more}
    return web.json_response({"error": error}, status=status)


async def _form(request: web.Request) -> dict[str, Any]:
    """A form whose names have brackets: `items[0][price]`, `metadata[k]`."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType
    found: dict[str, Any] = {}
    for name, value in parse_qsl((await request.read()).decode(), keep_blank_values=True):
        first, *rest = re.findall(r"[^\[\]]+", name)
        place = found
        for step, following in zip([first, *rest], rest, strict=False):
            place = place.setdefault(step, {})
            assert isinstance(place, dict), following
        place[[first, *rest][-1]] = value
    return found


class Slack(Simulator):
    """Bearer; always 200, with `ok` and `error`; pages by `response_metadata.next_cursor`, empty on the last."""

    token = "xoxb-canary-2211"
    channels = tuple({"id": f"C{n}", "name": f"channel-{n}"} for n in range(5))

    def refusal(self, request: web.Request) -> web.Response | None:
        return None if _bearer(request) == self.token else web.json_response({"ok": False, "error": "invalid_auth"})

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "/api/auth.test", self._test),
            ("GET", "/api/conversations.list", self._list),
            ("POST", "/api/chat.postMessage", self._post),
        ]

    async def _test(self, request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "team": "Tea", "user": "bot"})

    async def _list(self, request: web.Request) -> web.Response:
        start = int(request.query.get("cursor", "0") or 0)
        following = str(start + 2) if start + 2 < len(self.channels) else ""
        answer = {"ok": True, "channels": self.channels[start : start + 2]}
        return web.json_response({**answer, "response_metadata": {"next_cursor": following}})

    async def _post(self, request: web.Request) -> web.Response:
        given = await request.json()
        if not any(given["channel"] == channel["id"] for channel in self.channels):
            return web.json_response({"ok": False, "error": "channel_not_found"})
        return web.json_response({"ok": True, "channel": given["channel"], "ts": "1.2", "message": given})


class GoogleSheets(Simulator):
    """A token for a signed assertion (RFC 7523); ranges in paths; errors with a status word."""

    def __init__(self) -> None:
        super().__init__()
        self.key = RSAKey.generate_key(2048)
        self.token = "ya29.canary"
        self.rows: list[list[Any]] = [["Email", "Name"], ["anna@example.com", "Anna"]]

    @property
    def private_key(self) -> str:
        return self.key.as_pem(private=True).decode()

    def refusal(self, request: web.Request) -> web.Response | None:
        if request.path == "/token" or _bearer(request) == self.token:
            return None
        return _google(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")

    def routes(self) -> list[tuple[str, str, Handler]]:
        sheet = "/v4/spreadsheets/{id}"
        return [
            ("POST", "/token", self._token),
            ("GET", "/drive/v3/about", self._about),
            ("GET", sheet + "/values/{range}", self._read),
            ("POST", sheet + "/values/{range}:append", self._append),
        ]

    async def _token(self, request: web.Request) -> web.Response:
        given = dict(await request.post())
        if given.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        try:
            claims = jwt.decode(str(given["assertion"]), self.key, algorithms=["RS256"]).claims
        except Exception:
            return web.json_response({"error": "invalid_grant", "error_description": "Bad signature"}, status=400)
        if claims["exp"] < time.time() or "spreadsheets" not in claims["scope"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"access_token": self.token, "expires_in": 3599, "token_type": "Bearer"})

    async def _about(self, request: web.Request) -> web.Response:
        return web.json_response({"user": {"emailAddress": "robot@example.com"}})

    async def _read(self, request: web.Request) -> web.Response:
        if request.match_info["id"] != "sheet-1":
            return _google(404, "NOT_FOUND", "Requested entity was not found.")
        wanted = request.match_info["range"]
        return web.json_response({"range": wanted, "majorDimension": "ROWS", "values": self.rows})

    async def _append(self, request: web.Request) -> web.Response:
        if request.query.get("valueInputOption") not in ("RAW", "USER_ENTERED"):
            return _google(400, "INVALID_ARGUMENT", "'valueInputOption' is required but not specified")
        given = (await request.json())["values"]
        self.rows += given
        return web.json_response({"spreadsheetId": "sheet-1", "updates": {"updatedRows": len(given)}})


def _google(status: int, word: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": status, "message": message, "status": word}}, status=status)


class Zendesk(Simulator):
    """Basic with `address/token`; pages by `page[after]` and `meta`; bodies wrapped in the noun."""

    token = "canary-zd-91"
    tickets = tuple({"id": n, "subject": f"Where is order {n}?", "status": "open"} for n in range(1, 6))

    def refusal(self, request: web.Request) -> web.Response | None:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic" and b64decode(value).decode() == f"agent@example.com/token:{self.token}":
            return None
        return web.json_response({"error": "Couldn't authenticate you"}, status=401)

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "/api/v2/users/me.json", self._me),
            ("GET", "/api/v2/tickets.json", self._list),
            ("POST", "/api/v2/tickets.json", self._create),
            ("PUT", "/api/v2/tickets/{id}.json", self._update),
        ]

    async def _me(self, request: web.Request) -> web.Response:
        return web.json_response({"user": {"id": 1, "email": "agent@example.com", "role": "agent"}})

    async def _list(self, request: web.Request) -> web.Response:
        start = int(request.query.get("page[after]", "0"))
        more = start + 2 < len(self.tickets)
        meta = {"has_more": more, "after_cursor": str(start + 2), "before_cursor": "x"}
        return web.json_response({"tickets": self.tickets[start : start + 2], "meta": meta, "links": {"next": None}})

    async def _create(self, request: web.Request) -> web.Response:
        ticket = (await request.json())["ticket"]
        if not ticket["comment"].get("body"):
            details = {"comment": [{"description": "Comment: cannot be blank", "error": "BlankValue"}]}
            answer = {"error": "RecordInvalid", "description": "Record validation errors", "details": details}
            return web.json_response(answer, status=422)
        return web.json_response({"ticket": {"id": 99, **ticket}}, status=201)

    async def _update(self, request: web.Request) -> web.Response:
        if int(request.match_info["id"]) > len(self.tickets):
            return web.json_response({"error": "RecordNotFound", "description": "Not found"}, status=404)
        return web.json_response({"ticket": {"id": int(request.match_info["id"]), **(await request.json())["ticket"]}})


class Typeform(Simulator):
    """Bearer; lists by page number, answers by the token of the last one; errors with a code."""

    token = "tfp_canary_77"
    forms = tuple({"id": f"form{n}", "title": f"Form {n}"} for n in range(5))
    responses = tuple({"token": f"t{n}", "response_id": f"r{n}", "answers": []} for n in range(5))

    def refusal(self, request: web.Request) -> web.Response | None:
        if _bearer(request) == self.token:
            return None
        return web.json_response({"code": "AUTHENTICATION_FAILED", "description": "Invalid token"}, status=403)

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("GET", "/me", self._me),
            ("GET", "/forms", self._list),
            ("GET", "/forms/{id}/responses", self._responses),
            ("PUT", "/forms/{id}/webhooks/{tag}", self._webhook),
        ]

    async def _me(self, request: web.Request) -> web.Response:
        return web.json_response({"alias": "Tea", "email": "tea@example.com", "language": "uk"})

    async def _list(self, request: web.Request) -> web.Response:
        page = int(request.query.get("page", "1"))
        rows = self.forms[(page - 1) * 2 : page * 2]
        return web.json_response({"total_items": len(self.forms), "page_count": 3, "items": rows})

    async def _responses(self, request: web.Request) -> web.Response:
        if request.match_info["id"] not in [form["id"] for form in self.forms]:
            return web.json_response({"code": "FORM_NOT_FOUND", "description": "Non existing form"}, status=404)
        tokens = [response["token"] for response in self.responses]
        before = request.query.get("before")
        start = tokens.index(before) + 1 if before else 0
        rows = self.responses[start : start + 2]
        return web.json_response({"total_items": len(tokens), "page_count": 3, "items": rows})

    async def _webhook(self, request: web.Request) -> web.Response:
        return web.json_response({"id": "w1", "tag": request.match_info["tag"], **await request.json()})


class OwnServer(Simulator):
    """A server nobody knows: a key in a header that its owner names; answers what it was sent."""

    token = "canary-own-3"

    def refusal(self, request: web.Request) -> web.Response | None:
        return None if request.headers.get("X-Token") == self.token else web.Response(status=401, text="no")

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [("*", "/v1/{rest:.*}", self._echo)]

    async def _echo(self, request: web.Request) -> web.Response:
        body = await request.read()
        sent = json.loads(body) if body else None
        return web.json_response({"method": request.method, "query": dict(request.query), "body": sent})

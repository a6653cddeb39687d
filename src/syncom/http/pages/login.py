"""Signing in and out with a browser: a plain form, no script."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qsl, quote, unquote

from litestar.types import Receive, Scope, Send

from syncom.accounts.model import Session
from syncom.accounts.service import AccountsService
from syncom.accounts.two_factor import TwoFactorRequired, TwoFactorWrong
from syncom.errors import Forbidden, RateLimited, SyncomError, Unauthorized
from syncom.http.authentication import Authentication
from syncom.http.headers import header
from syncom.http.pages.page import page, send_page, send_redirect
from syncom.http.problems import TooLarge, UnsupportedMedia

_MAX_FORM = 16_000
_FORM = "application/x-www-form-urlencoded"


class LoginPages:
    """``/login`` and ``/logout``."""

    def __init__(self, accounts: AccountsService, authentication: Authentication) -> None:
        self._accounts = accounts
        self._authentication = authentication

    async def login(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The form (GET) and its answer (POST)."""
        if scope.get("method") != "POST":
            query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
            await send_page(send, _form(local_path(query.get("next", ""))))
            return
        self._authentication.check_origin(scope)
        fields = await read_form(scope, receive)
        following = local_path(fields.get("next", ""))
        ticket = fields.get("ticket", "")
        try:
            session = await self._session(scope, fields)
        except TwoFactorRequired as error:
            await send_page(send, _code_form(following, error.ticket))
            return
        except TwoFactorWrong as error:
            await send_page(send, _code_form(following, ticket, problem=error), status=401)
            return
        except (Unauthorized, RateLimited) as error:
            status = 429 if isinstance(error, RateLimited) else 401
            body = _form(following, email=fields.get("email", ""), problem=error)
            await send_page(send, body, status=status)
            return
        cookie = self._authentication.set_cookie(session.token).encode("ascii")
        await send_redirect(send, following, [(b"set-cookie", cookie)])

    async def _session(self, scope: Scope, fields: Mapping[str, str]) -> Session:
        """The first step asks for the password, the second for a code; a ticket stands for the first one."""
        address = self._authentication.client_address(scope)
        agent = header(scope, b"user-agent")
        if fields.get("ticket"):
            return await self._accounts.sign_in_with_code(
                ticket=fields["ticket"], code=fields.get("code", ""), address=address, agent=agent
            )
        return await self._accounts.sign_in(
            email=fields.get("email", ""), password=fields.get("password", ""), address=address, agent=agent
        )

    async def logout(self, scope: Scope, receive: Receive, send: Send) -> None:
        """End the session (POST only: a link must not sign anybody out)."""
        if scope.get("method") != "POST":
            content = '<h1>Sign out</h1><form method="post" action="/logout"><button>Sign out</button></form>'
            await send_page(send, page("Sign out", content))
            return
        self._authentication.check_origin(scope)
        token = self._authentication.session_token(scope)
        if token is not None:
            await self._accounts.sign_out(token)
        cookie = self._authentication.clear_cookie().encode("ascii")
        await send_redirect(send, "/login", [(b"set-cookie", cookie)])


def local_path(given: str) -> str:
    """The path to go to after signing in; ``/`` for anything that could lead to another server.

    Browsers read ``//host`` and ``/\\host`` as another server, and drop control characters on the way.
    """
    plain = unquote(given)
    if not given.startswith("/") or not plain.isascii() or not plain.isprintable():
        return "/"
    if "\\" in plain or plain.startswith("//") or "://" in plain:
        return "/"
    return quote(plain, safe="/?&=%._-~")


async def read_form(scope: Scope, receive: Receive) -> dict[str, str]:
    """The fields of a small URL-encoded form. Raises as :func:`read_fields`."""
    return dict(await read_fields(scope, receive))


async def read_fields(
    scope: Scope, receive: Receive, *, longest: int = _MAX_FORM, fields: int = 20
) -> list[tuple[str, str]]:
    """The fields of a URL-encoded form in their order, each as often as it comes.

    ``longest`` is in bytes. Raises UnsupportedMedia, TooLarge, Forbidden (cut off).
    """
    if header(scope, b"content-type").partition(";")[0].strip().lower() != _FORM:
        raise UnsupportedMedia(f"send {_FORM}")
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Forbidden("the request was cut off")
        body += message["body"]
        if len(body) > longest:
            raise TooLarge(f"a form may have up to {longest} bytes")
        if not message["more_body"]:
            break
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=fields)
    except ValueError:
        raise TooLarge(f"a form may have up to {fields} fields") from None


def _form(following: str, *, email: str = "", problem: SyncomError | None = None) -> bytes:
    said = f'<p class="bad" role="alert">{escape(problem.message)}</p>' if problem else ""
    content = (
        f'<h1>Sign in</h1>{said}<form class="stack" method="post" action="/login">'
        f'<input type="hidden" name="next" value="{escape(following)}">'
        f'<label>Email <input name="email" type="text" inputmode="email" autocomplete="username" required '
        f'value="{escape(email)}"></label>'
        '<label>Password <input name="password" type="password" autocomplete="current-password" required></label>'
        "<button>Sign in</button></form>"
        '<p class="soft">Forgot it? On the server, <code>syncom user password EMAIL</code> sets a new one.</p>'
    )
    return page("Sign in", content)


def _code_form(following: str, ticket: str, *, problem: SyncomError | None = None) -> bytes:
    said = f'<p class="bad" role="alert">{escape(problem.message)}</p>' if problem else ""
    content = (
        f'<h1>Your code</h1>{said}<form class="stack" method="post" action="/login">'
        f'<input type="hidden" name="next" value="{escape(following)}">'
        f'<input type="hidden" name="ticket" value="{escape(ticket)}">'
        '<label>Code of your authenticator app, or a recovery code <input name="code" type="text" '
        'autocomplete="one-time-code" autocapitalize="none" spellcheck="false" required autofocus></label>'
        "<button>Sign in</button></form>"
        '<p class="soft">Lost the phone? Use a recovery code, or ask an admin of the account to reset two-factor '
        "sign-in.</p>"
    )
    return page("Your code", content)

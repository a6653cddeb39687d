"""Talks to the server's API.

The standard library's client, because it is loaded soonest. Certificates are always checked. Proxies of the environment
(HTTP_PROXY and the like) are not used: a token would go where nobody meant it to. Redirections are not followed.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, urlencode, urlsplit

import syncom
from syncom.cli.membrane.document import object_of, text
from syncom.cli.membrane.errors import Failed
from syncom.cli.membrane.output import one_line, remark

#: Seconds to reach the server, and for it to say something; it holds an answer back for a minute at most.
_REACH, _ANSWER = 10.0, 90.0

Query = Mapping[str, str | int | bool | None]


class Tokens(Protocol):
    """Where the bearer token comes from."""

    def token(self) -> str:
        """A token that should be good. Raises Failed when one must log in first."""
        ...

    def renewed(self, refused: str) -> str | None:
        """Another token after the server refused this one; None when there is none."""
        ...


class Answer(NamedTuple):
    """An answer whose body is still to be read."""

    status: int
    reason: str
    headers: http.client.HTTPMessage
    read: Callable[[int], bytes]

    @property
    def content_type(self) -> str:
        """``application/json``, without parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().casefold()


class Client:
    """One server. Without ``tokens``, calls say nothing of who asks."""

    def __init__(self, api_uri: str, tokens: Tokens | None = None, *, verbose: bool = False) -> None:
        self.api_uri = api_uri
        self._tokens = tokens
        self._verbose = verbose

    def get(self, path: str, query: Query | None = None) -> Any:
        return self.call("GET", path, query=query)

    def post(self, path: str, body: object = None, query: Query | None = None) -> Any:
        return self.call("POST", path, query=query, body={} if body is None else body)

    def call(self, method: str, path: str, *, query: Query | None = None, body: object = None) -> Any:
        """The JSON of an answer; None of one without a body. Raises Failed for every answer that is an error."""
        with self.open(method, path, query=query, body=body) as answer:
            content = self._whole(answer)
            if answer.status >= 300:
                raise self._error(answer, content)
        if not content:
            return None
        try:
            return json.loads(content)
        except ValueError:
            raise self._stranger(answer) from None

    def form(self, path: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """The JSON object of an answer to a form, as OAuth's endpoints want it. Raises Failed."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        with self._exchange("POST", path, headers, urlencode(fields).encode()) as answer:
            content = self._whole(answer)
            if answer.status >= 300:
                raise self._error(answer, content)
        try:
            found = object_of(json.loads(content or b"{}"))
        except ValueError:
            found = None
        if found is None:
            raise self._stranger(answer)
        return found

    def failure(self, answer: Answer) -> Failed:
        """The error that an open answer of the server itself holds."""
        return self._error(answer, self._whole(answer))

    @contextmanager
    def open(self, method: str, path: str, *, query: Query | None = None, body: object = None) -> Generator[Answer]:
        """An answer, whatever its status. A token that the server refuses is renewed once."""
        headers: dict[str, str] = {}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        target = path + (f"?{_query(query)}" if query and _query(query) else "")
        token = self._tokens.token() if self._tokens else None
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        with self._exchange(method, target, headers, content) as answer:
            newer = self._renewed(answer, token)
            if newer is None:
                yield answer
                return
        headers["Authorization"] = f"Bearer {newer}"
        with self._exchange(method, target, headers, content) as answer:
            yield answer

    def _renewed(self, answer: Answer, refused: str | None) -> str | None:
        """Another token, where this server (and not the app behind it) refused the one that was sent."""
        if answer.status != 401 or "x-membrane-upstream" in answer.headers or refused is None or self._tokens is None:
            return None
        return self._tokens.renewed(refused)

    @contextmanager
    def _exchange(
        self, method: str, target: str, headers: Mapping[str, str], content: bytes | None
    ) -> Generator[Answer]:
        begun = time.monotonic()
        connection = self._connection()
        try:
            response = self._sent(connection, method, target, headers, content)
            if self._verbose:
                remark(f"{method} /{target} {response.status} in {time.monotonic() - begun:.3f} s")
            yield Answer(response.status, response.reason, response.headers, _reader(response))
        finally:
            connection.close()

    def _sent(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        headers: Mapping[str, str],
        content: bytes | None,
    ) -> http.client.HTTPResponse:
        every = {"Accept": "application/json", "User-Agent": f"membrane-cli/{syncom.__version__}", **headers}
        path = f"{urlsplit(self.api_uri).path}/{target}"
        try:
            connection.connect()
            connection.sock.settimeout(_ANSWER)
            connection.request(method, path, body=content, headers=every)
            return connection.getresponse()
        except TimeoutError:
            raise Failed(
                f"{self.api_uri} did not answer in time: try again, and see `syncom doctor` at the server",
                key="timeout", kind="internal",
            ) from None  # fmt: skip
        except OSError as error:
            raise self._away(error) from None
        except http.client.HTTPException as error:
            raise Failed(
                f"{self.api_uri} does not speak HTTP: {type(error).__name__}", key="server_unreachable"
            ) from None

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.api_uri)
        host = parts.hostname or ""
        if parts.scheme == "https":
            import ssl

            return http.client.HTTPSConnection(host, parts.port, timeout=_REACH, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, parts.port, timeout=_REACH)

    def _away(self, error: OSError) -> Failed:
        words = getattr(error, "verify_message", None) or error.strerror or type(error).__name__
        local = urlsplit(self.api_uri).hostname in ("127.0.0.1", "localhost", "::1")
        advice = "start it with `syncom up`, or name another with --apiUri" if local else "is --apiUri right?"
        return Failed(
            f"no server answers at {self.api_uri} ({words}): {advice}", key="server_unreachable", kind="internal"
        )

    def _whole(self, answer: Answer) -> bytes:
        pieces: list[bytes] = []
        while piece := answer.read(1 << 16):
            pieces.append(piece)
        return b"".join(pieces)

    def _error(self, answer: Answer, content: bytes) -> Failed:
        try:
            document = object_of(json.loads(content))
        except ValueError:
            document = None
        if document is None:
            return self._stranger(answer)
        # OAuth's own endpoints answer in OAuth's shape (RFC 6749, 5.2), other parts of the server in RFC 9457's.
        if "message" not in document and (key := text(document, "error")):
            return Failed(one_line(text(document, "error_description") or key), key=key)
        if "message" not in document and (words := text(document, "detail") or text(document, "title")):
            document = {"key": str(answer.status), "message": words}
        return Failed.answered(document, answer.status)

    def _stranger(self, answer: Answer) -> Failed:
        hint = "" if urlsplit(self.api_uri).path else f" (did you mean {self.api_uri}/membrane?)"
        return Failed(
            f"{self.api_uri} answered {answer.status}, and not as the integration layer does: is --apiUri right?{hint}",
            key="server_unreachable",
            kind="internal",
        )


def part(name: str) -> str:
    """One part of a path."""
    return quote(name, safe="")


def _query(query: Query) -> str:
    said = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
    return urlencode({name: value for name, value in said.items() if value is not None})


def _reader(response: http.client.HTTPResponse) -> Callable[[int], bytes]:
    def read(size: int) -> bytes:
        try:
            piece = response.read1(size)
        except TimeoutError:
            raise Failed("the answer stopped in the middle", key="timeout", kind="internal") from None
        except (OSError, http.client.HTTPException):
            raise Failed("the answer broke off", key="answer_broken", kind="internal") from None
        if not piece and response.length:
            raise Failed("the answer broke off", key="answer_broken", kind="internal")
        return piece

    return read

"""Files that we are told to get: downloaded in the background, then imported like any other."""

from __future__ import annotations

import logging
from typing import Final
from uuid import UUID

import msgspec

from syncom.contacts.imports.model import ImportOptions
from syncom.contacts.imports.service import ImportService
from syncom.contacts.model import SessionStatus
from syncom.contacts.sessions import ApiSessions
from syncom.errors import Invalid, NotFound, SyncomError, Upstream
from syncom.outbound import OutboundClient, check_url

_log = logging.getLogger(__name__)

#: Bytes of a file, and seconds of its download.
_LIMIT: Final = 1 << 30
_SECONDS: Final = 1800.0
_REDIRECTS: Final = 5
KIND: Final = "upload"


class FileRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A file to get, the session that tells about it, and how it is imported."""

    account_id: int
    session_id: UUID
    link: str
    options: ImportOptions


class FileFetcher:
    """Gets files. ``outbound`` reaches no private network, unless the operator allows it."""

    def __init__(self, imports: ImportService, sessions: ApiSessions, outbound: OutboundClient) -> None:
        self._imports = imports
        self._sessions = sessions
        self._outbound = outbound

    async def begin(self, request: FileRequest) -> None:
        """Open the session of a file that is about to be queued. Raises Invalid for what is no http(s) address."""
        check_url("link", request.link)
        await self._sessions.put(request.account_id, request.session_id, KIND, SessionStatus.STARTED)

    async def fetch(self, request: FileRequest) -> int | None:
        """Download and record the import, whose state the session follows from then on; its id.

        None: it failed, and the session says why; or it was done before, by a worker that died a moment later.
        """
        try:
            session = await self._sessions.get(request.account_id, request.session_id)
        except NotFound:
            return None
        if session.import_id or session.status is not SessionStatus.STARTED:
            return session.import_id or None
        try:
            import_id = await self._import(request)
        except (Invalid, Upstream) as error:
            await self._fail(request, error)
            return None
        await self._sessions.put(
            request.account_id, request.session_id, KIND, SessionStatus.IMPORTING, import_id=import_id
        )
        return import_id

    async def _import(self, request: FileRequest) -> int:
        url = check_url("link", request.link)
        async with self._outbound.stream("GET", url, seconds=_SECONDS, limit=_LIMIT, follow=_REDIRECTS) as answer:
            if answer.status != 200:
                raise Upstream(f"{url.host} answered {answer.status}")
            file = await self._imports.store(request.account_id, url.name or "contacts.csv", answer.pieces)
        return (await self._imports.create(request.account_id, file, request.options)).import_id

    async def _fail(self, request: FileRequest, error: SyncomError) -> None:
        _log.warning("the file of session %s was not imported: %s", request.session_id, error.message)
        await self._sessions.put(
            request.account_id, request.session_id, KIND, SessionStatus.ERROR, description=error.message
        )

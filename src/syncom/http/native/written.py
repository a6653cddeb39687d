"""``python -m syncom.http.native.written FILE`` writes the OpenAPI document of the native API to a file.

The web application's client is generated from it, so an endpoint that changed breaks the build of the application.
It needs neither a database nor settings.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any, cast

import msgspec

from syncom.app import App
from syncom.clock import SystemClock
from syncom.http.authentication import Authentication
from syncom.http.native.app import native_api
from syncom.http.native.document import openapi_document
from syncom.postgres.pool import Database
from syncom.security import Keyring
from syncom.settings import Settings


async def written(to: Path) -> None:
    """Write the document as JSON. Services are made, none is opened."""
    settings = Settings()
    app = App(settings, Database("host=none"), Keyring(bytes(32)), SystemClock())
    api = native_api(app, Authentication(app.accounts, settings), cast("Any", None))
    to.write_bytes(msgspec.json.format(msgspec.json.encode(openapi_document(api, settings.base_url)), indent=1))


if __name__ == "__main__":
    asyncio.run(written(Path(sys.argv[1])))

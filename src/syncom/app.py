"""The only place where parts are wired together: settings in, services out."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from syncom.accounts.service import AccountsService
from syncom.activity.service import ActivityService
from syncom.clock import Clock, SystemClock
from syncom.contacts.imports.service import ImportService
from syncom.contacts.service import ContactsService
from syncom.errors import Invalid
from syncom.inbox.service import InboxService
from syncom.orders.service import OrdersService
from syncom.postgres.pool import Database
from syncom.security import Keyring
from syncom.segments.service import SegmentsService
from syncom.settings import Settings
from syncom.tokens import MessageTokens


class App:
    """Everything an edge may use. Made by :func:`open_app`."""

    def __init__(self, settings: Settings, database: Database, keyring: Keyring, clock: Clock) -> None:
        self.settings = settings
        self.database = database
        self.keyring = keyring
        self.clock = clock
        self.tokens = MessageTokens(keyring)
        self.accounts = AccountsService(database, keyring, clock)
        self.contacts = ContactsService(database, clock)
        self.imports = ImportService(database, self.contacts, settings.data_dir, clock)
        self.segments = SegmentsService(database, clock)
        self.orders = OrdersService(database)
        self.activity = ActivityService(database, clock)
        self.inbox = InboxService(database)


@asynccontextmanager
async def open_app(
    settings: Settings, *, dsn: str | None = None, clock: Clock | None = None, pool_size: int = 16, name: str = "syncom"
) -> AsyncGenerator[App]:
    """The services on one database, until the block ends.

    ``dsn`` stands in for ``settings.database_url``, which is empty while the embedded server is used; ``name`` is
    how the process shows in ``pg_stat_activity``. The schema must be there: ``syncom migrate`` makes it.
    Raises Unavailable when the database does not answer.
    """
    address = dsn or settings.database_url
    if not address:
        raise Invalid("SYNCOM_DATABASE_URL", "is empty, and no embedded server was started for this process")
    keyring = Keyring.open(settings.key_file)
    async with Database(address, max_size=pool_size, name=name) as database:
        app = App(settings, database, keyring, clock or SystemClock())
        try:
            yield app
        finally:
            await app.contacts.close()
            await app.accounts.stop()

"""The services of this machine's installation, for the time of one command."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import psycopg
from cyclopts import Parameter

from syncom.accounts.model import Principal
from syncom.accounts.service import machine_principal
from syncom.app import App, open_app
from syncom.errors import Unavailable
from syncom.postgres.embedded import running
from syncom.postgres.migrate import migrate
from syncom.settings import Settings, load_settings


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Output:
    """How every command may answer."""

    json: Annotated[bool, Parameter(help="Print exact JSON.", negative=())] = False


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Options(Output):
    """What every command about an account knows besides."""

    account: Annotated[int | None, Parameter(help="Account to work in; the oldest one unless given.")] = None


class Here(msgspec.Struct, frozen=True, kw_only=True):
    """The services, and who asks in which account."""

    app: App
    by: Principal

    @property
    def account_id(self) -> int:
        return self.by.account_id


@asynccontextmanager
async def installation() -> AsyncGenerator[App]:
    """The services without an account."""
    settings = load_settings()
    async with database(settings) as dsn:
        try:
            async with open_app(settings, dsn=dsn, pool_size=4, name="syncom-cli") as app:
                yield app
        except psycopg.errors.UndefinedTable as error:
            raise Unavailable("the database has no schema of this release: run `syncom migrate`") from error


@asynccontextmanager
async def here(options: Options) -> AsyncGenerator[Here]:
    """The services and an account. Raises NotFound when there is no such account."""
    async with installation() as app:
        if options.account is None:
            account = await app.accounts.default_account()
        else:
            account = await app.accounts.get_account(options.account)
        yield Here(app=app, by=machine_principal(account.account_id))


@asynccontextmanager
async def database(settings: Settings) -> AsyncGenerator[str]:
    """Connection string of the database, embedded or not. The embedded one is started for the time it is needed."""
    if settings.database_url:
        yield settings.database_url
        return
    async with running(settings.data_dir, binaries=postgres_folder(settings), on_progress=tell) as dsn:
        await migrate(dsn)
        yield dsn


def postgres_folder(settings: Settings) -> Path | None:
    """Where the operator wants the embedded server's programs to be taken from."""
    return Path(settings.postgres_dir) if settings.postgres_dir else None


def tell(sentence: str) -> None:
    """Progress goes to standard error: standard output is for answers."""
    print(sentence, file=sys.stderr)

"""``syncom migrate``, ``syncom doctor``, ``syncom config``: the installation itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from syncom.cli.output import show, table
from syncom.cli.services import Output, postgres_folder, tell
from syncom.errors import SyncomError
from syncom.settings import Settings, describe_settings, load_settings

if TYPE_CHECKING:
    from syncom.doctor import BounceTarget, SigningTarget, SmtpTarget

_PLAIN = Output()


async def migrate(*, output: Output = _PLAIN) -> None:
    """Bring the database to this release's schema. Safe to repeat."""
    from syncom.postgres.embedded import running
    from syncom.postgres.migrate import migrate as run_migrations

    settings = load_settings()
    if settings.database_url:
        done = await run_migrations(settings.database_url, on_progress=tell)
    else:
        async with running(settings.data_dir, binaries=postgres_folder(settings), on_progress=tell) as dsn:
            done = await run_migrations(dsn, on_progress=tell)
    said = f"Ran {len(done)} migrations." if done else "The database is up to date."
    show({"migrations": done}, json=output.json, human=lambda: print(said))


async def doctor(*, output: Output = _PLAIN) -> int:
    """Say what is wrong with this installation, and what to do. Changes nothing; exit code 1 when something is."""
    from syncom.doctor import examine

    settings = load_settings()
    smtp_senders, signing = await _senders(settings)
    findings = await examine(
        host=settings.host,
        port=settings.port,
        inbox_port=settings.inbox_port,
        data_dir=settings.data_dir,
        database_url=settings.database_url or None,
        secret_key_file=settings.key_file,
        bounces=_bounces(settings),
        smtp_senders=smtp_senders,
        signing=signing,
    )

    def human() -> None:
        for finding in findings:
            mark = "ok" if finding.ok else "WRONG"
            print(f"{mark:<6} {finding.check}: {finding.problem or finding.note or 'fine'}")
            if finding.remedy:
                print(f"       {finding.remedy}")

    show(findings, json=output.json, human=human)
    return 0 if all(finding.ok for finding in findings) else 1


def _bounces(settings: Settings) -> BounceTarget | None:
    from syncom.doctor import BounceTarget

    if not settings.bounce_port:
        return None
    return BounceTarget(
        host=settings.bounce_host,
        port=settings.bounce_port,
        name=settings.public_host,
        files=settings.bounce_files,
    )


async def _senders(settings: Settings) -> tuple[list[SmtpTarget], list[SigningTarget]]:
    """The SMTP servers of every account, and the domains of their mails, when the database can tell; what is wrong with
    that is a finding by itself."""
    from syncom.app import open_app
    from syncom.doctor import SigningTarget, SmtpTarget, Tls
    from syncom.messages.channels.email.model import Security
    from syncom.postgres.embedded import EmbeddedServer

    tls = {Security.PLAIN: Tls.NONE, Security.STARTTLS: Tls.STARTTLS, Security.TLS: Tls.IMPLICIT}
    try:
        dsn = settings.database_url or await EmbeddedServer(settings.data_dir).attach()
        if dsn is None or not settings.key_file.exists():
            return [], []
        async with open_app(settings, dsn=dsn, pool_size=1, name="syncom-doctor") as app:
            servers = await app.senders.servers()
            covered = await app.domains.covering([sender for sender, _ in servers])
    except (psycopg.Error, SyncomError, OSError):
        return [], []
    smtp = [
        SmtpTarget(
            name=sender.name,
            host=sender.config.host,
            port=sender.config.port,
            tls=tls[sender.config.security],
            username=sender.config.username or None,
            password=password,
        )
        for sender, password in servers
    ]
    signing = [
        SigningTarget(
            name=sender.name,
            from_email=sender.from_email,
            domain=standing.domain if standing else "",
            signs=standing is not None and standing.signs,
            problem=standing.problem if standing else "",
        )
        for (sender, _), standing in zip(servers, covered, strict=True)
    ]
    return smtp, signing


def config(*, output: Output = _PLAIN) -> None:
    """List all settings with their values and where these come from. Secrets are masked."""
    found = describe_settings()
    rows = [(setting.variable, setting.value, setting.origin, setting.help) for setting in found]
    show(found, json=output.json, human=lambda: table(("setting", "value", "from", "what it is"), rows, empty=""))

"""``syncom migrate``, ``syncom doctor``, ``syncom config``: the installation itself."""

from __future__ import annotations

from syncom.cli.output import show, table
from syncom.cli.services import Output, postgres_folder, tell
from syncom.settings import describe_settings, load_settings

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
    findings = await examine(
        host=settings.host,
        port=settings.port,
        inbox_port=settings.inbox_port,
        data_dir=settings.data_dir,
        database_url=settings.database_url or None,
        secret_key_file=settings.key_file,
    )

    def human() -> None:
        for finding in findings:
            mark = "ok" if finding.ok else "WRONG"
            print(f"{mark:<6} {finding.check}: {finding.problem or finding.note or 'fine'}")
            if finding.remedy:
                print(f"       {finding.remedy}")

    show(findings, json=output.json, human=human)
    return 0 if all(finding.ok for finding in findings) else 1


def config(*, output: Output = _PLAIN) -> None:
    """List all settings with their values and where these come from. Secrets are masked."""
    found = describe_settings()
    rows = [(setting.variable, setting.value, setting.origin, setting.help) for setting in found]
    show(found, json=output.json, human=lambda: table(("setting", "value", "from", "what it is"), rows, empty=""))

"""``syncom connector``."""

from __future__ import annotations

from pathlib import Path

import msgspec
from cyclopts import App

from syncom.cli.given import read_bytes
from syncom.cli.output import facts, show, table
from syncom.cli.services import Here, Options, Output, here
from syncom.connect.catalogue.compile import read_folder, read_settings
from syncom.connect.catalogue.lint import lint
from syncom.connect.catalogue.model import MAX_DOCUMENT, ConnectorSettings, Imported
from syncom.connect.model import Action, Connector
from syncom.errors import Invalid

app = App(name="connector", help="Apps that can be connected, and what can be called there.")
_DEFAULT = Options()
_OUTPUT = Output()
_PAGE = 1000
_SECONDS = 60.0
#: Redirects that the address of a document may take.
_FOLLOW = 5


@app.command
async def add(
    source: str,
    *,
    settings: Path | None = None,
    overlay: Path | None = None,
    key: str | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Make a connector of any OpenAPI document. Added again with the same key, it becomes its next version.

    Parameters
    ----------
    source
        A file or an https address: OpenAPI 3 or Swagger 2.0, YAML or JSON. Or a folder with connector.yaml.
    settings
        A connector.yaml: name, authentication, hand-shaped actions. Everything in it is optional here.
    overlay
        An OpenAPI Overlay that changes the document.
    key
        What the connector is called by; made of its name unless given.
    """
    given = ConnectorSettings() if settings is None else read_settings(read_bytes("settings", settings), settings.name)
    changes = None if overlay is None else read_bytes("overlay", overlay)
    address, document = "", None
    name = source.rstrip("/").rpartition("/")[2][:80] or "document"
    async with here(options) as services:
        if source.startswith(("https://", "http://")):
            address, document = source, await _fetched(services, source)
        elif Path(source).is_dir():
            found = read_folder(Path(source))
            document, name = found.document, found.document_name
            given = found.settings if settings is None else given
            changes = found.overlay if overlay is None else changes
        else:
            document = read_bytes("source", Path(source))
        if key is not None:
            given = msgspec.structs.replace(given, key=key)
        added = await services.app.catalogue.bring_in(
            services.account_id, document=document, settings=given, overlay=changes, source=address, name=name
        )
    show(added, json=options.json, human=lambda: _describe_added(added))


async def _fetched(services: Here, address: str) -> bytes:
    answer = await services.app.outbound.call(
        "GET",
        address,
        headers={"Accept": "application/json, application/yaml;q=0.9, */*;q=0.5"},
        seconds=_SECONDS,
        limit=MAX_DOCUMENT,
        follow=_FOLLOW,
    )
    if answer.status != 200:
        raise Invalid("source", f"{address} answered {answer.status}")
    return answer.body


@app.command(name="list")
async def list_connectors(*, search: str = "", options: Options = _DEFAULT) -> None:
    """List the apps that can be connected.

    Parameters
    ----------
    search
        Words of a name or key, or a domain.
    """
    found: list[Connector] = []
    async with here(options) as services:
        await services.app.catalogue.sync()
        while len(found) % _PAGE == 0:
            page = await services.app.catalogue.connectors(
                services.account_id, search=search, limit=_PAGE, offset=len(found)
            )
            found += page
            if not page:
                break
    rows = [(one.connector_id, one.key, one.name, one.account_id is not None, one.description) for one in found]
    empty = "No connectors. Add one: `syncom connector add openapi.yaml`."
    columns = ("id", "key", "name", "own", "description")
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


@app.command(name="show")
async def show_connector(connector: str, *, options: Options = _DEFAULT) -> None:
    """Show one connector and its actions.

    Parameters
    ----------
    connector
        Its id or key.
    """
    actions: list[Action] = []
    async with here(options) as services:
        await services.app.catalogue.sync()
        found = await services.app.catalogue.connector(services.account_id, connector)
        while len(actions) % _PAGE == 0:
            page = await services.app.catalogue.actions(
                services.account_id, connector_id=found.connector_id, limit=_PAGE, offset=len(actions)
            )
            actions += page
            if not page:
                break

    def human() -> None:
        _describe(found)
        print()
        rows = [(one.action_id, one.key, one.name, one.effect) for one in actions]
        table(("id", "key", "name", "effect"), rows, empty="No actions.")

    value = {**msgspec.to_builtins(found), "actions": actions}
    show(value, json=options.json, human=human)


@app.command(name="lint")
def check(folder: Path, *, output: Output = _OUTPUT) -> int:
    """Say what a connector folder lacks before it is shipped; exit code 1 when it lacks anything.

    Parameters
    ----------
    folder
        A folder with connector.yaml.
    """
    report = lint(folder.resolve())

    def human() -> None:
        for problem in report.problems:
            print(problem)
        print(
            f"{report.key}: {report.actions} actions of {report.operations} operations and connector.yaml; "
            f"an input schema has {report.input_tokens} tokens in the middle; problems: {len(report.problems)}."
        )

    show(report, json=output.json, human=human)
    return 1 if report.problems else 0


@app.command
async def remove(connector: str, *, options: Options = _DEFAULT) -> None:
    """Remove one of your own connectors, and its actions. Added again, it has its ids again.

    Parameters
    ----------
    connector
        Its id or key.
    """
    async with here(options) as services:
        await services.app.catalogue.remove(services.account_id, connector)
    show({"removed": connector}, json=options.json, human=lambda: print(f"Connector {connector} is removed."))


def _describe(connector: Connector) -> None:
    facts(
        [
            ("id", connector.connector_id),
            ("key", connector.key),
            ("name", connector.name),
            ("description", connector.description or None),
            ("base URL", connector.base_url),
            ("hosts", ", ".join(connector.hosts) or None),
            ("domains", ", ".join(connector.domains) or None),
            ("authentication", ", ".join(f"{one.key} ({one.kind.value})" for one in connector.auth)),
            ("test call", " ".join(connector.test) if connector.test else None),
            ("own", connector.account_id is not None),
            ("version", connector.version),
            ("changed", connector.updated_at),
        ]
    )


def _describe_added(added: Imported) -> None:
    _describe(added.connector)
    print(f"\n{added.actions} actions; the document has {added.operations} operations.")
    for note in added.notes:
        print(f"note: {note}")
    key = added.connector.key
    print(f"Connect it: `syncom connect --connectorKey={key}`. See its actions: `syncom connector show {key}`.")

"""``syncom list``."""

from __future__ import annotations

from cyclopts import App

from syncom.cli.contact import list_contacts
from syncom.cli.given import list_id
from syncom.cli.output import show, table
from syncom.cli.services import Options, here

app = App(name="list", help="Static groups of contacts.")
_DEFAULT = Options()


@app.command
async def add(name: str, *, options: Options = _DEFAULT) -> None:
    """Make an empty list.

    Parameters
    ----------
    name
        What to call it.
    """
    async with here(options) as services:
        made = await services.app.contacts.lists.create(services.account_id, name)
    said = f"List {made.list_id}. Fill it: `syncom list join {made.list_id} CONTACT_ID` or `syncom import contacts`."
    show(made, json=options.json, human=lambda: print(said))


@app.command(name="list")
async def list_lists(*, options: Options = _DEFAULT) -> None:
    """List all lists with their sizes."""
    async with here(options) as services:
        found = await services.app.contacts.lists.all(services.account_id)
    rows = [(one.list_id, one.name, one.size, one.created_at) for one in found]
    empty = "No list yet: `syncom list add NAME` makes one."
    show(found, json=options.json, human=lambda: table(("id", "name", "contacts", "made"), rows, empty=empty))


@app.command
async def members(list_: str, *, limit: int = 100, options: Options = _DEFAULT) -> None:
    """List the contacts of a list, newest first.

    Parameters
    ----------
    list_
        Its id or name.
    limit
        How many at most.
    """
    await list_contacts(list_=list_, limit=limit, options=options)


@app.command
async def join(list_: str, *contacts: int, options: Options = _DEFAULT) -> None:
    """Put contacts on a list.

    Parameters
    ----------
    list_
        Its id or name.
    contacts
        Their ids; unknown ones are skipped.
    """
    async with here(options) as services:
        chosen = await list_id(services, list_)
        changed = await services.app.contacts.lists.add(services.account_id, chosen, contacts)
    show({"changed": changed}, json=options.json, human=lambda: print(f"{changed} joined."))


@app.command
async def leave(list_: str, *contacts: int, options: Options = _DEFAULT) -> None:
    """Take contacts off a list.

    Parameters
    ----------
    list_
        Its id or name.
    contacts
        Their ids.
    """
    async with here(options) as services:
        chosen = await list_id(services, list_)
        changed = await services.app.contacts.lists.remove(services.account_id, chosen, contacts)
    show({"changed": changed}, json=options.json, human=lambda: print(f"{changed} left."))


@app.command
async def delete(list_: str, *, options: Options = _DEFAULT) -> None:
    """Delete a list; its contacts stay.

    Parameters
    ----------
    list_
        Its id or name.
    """
    async with here(options) as services:
        chosen = await list_id(services, list_)
        await services.app.contacts.lists.delete(services.account_id, chosen)
    show({"deleted": chosen}, json=options.json, human=lambda: print(f"List {chosen} is deleted."))

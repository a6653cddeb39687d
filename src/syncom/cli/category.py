"""``syncom category``."""

from __future__ import annotations

from cyclopts import App

from syncom.cli.output import show, table
from syncom.cli.services import Options, here
from syncom.errors import NotFound

app = App(name="category", help="What subscribers can choose from.")
_DEFAULT = Options()


@app.command
async def put(key: str, name: str, *, options: Options = _DEFAULT) -> None:
    """Add a subscription category, or rename it.

    Parameters
    ----------
    key
        What programs call it, such as news.
    name
        What people read.
    """
    async with here(options) as services:
        made = await services.app.contacts.categories.put(services.account_id, key, name)
    show(made, json=options.json, human=lambda: print(f"Category {made.key}: {made.name}"))


@app.command(name="list")
async def list_categories(*, options: Options = _DEFAULT) -> None:
    """List all subscription categories."""
    async with here(options) as services:
        found = await services.app.contacts.categories.all(services.account_id)
    rows = [(one.key, one.name) for one in found]
    empty = "No category yet: `syncom category put KEY NAME` makes one."
    show(found, json=options.json, human=lambda: table(("key", "name"), rows, empty=empty))


@app.command
async def delete(key: str, *, options: Options = _DEFAULT) -> None:
    """Remove a category, from every contact too.

    Parameters
    ----------
    key
        What programs call it.
    """
    async with here(options) as services:
        categories = services.app.contacts.categories
        found = [one for one in await categories.all(services.account_id) if one.key.lower() == key.lower()]
        if not found:
            raise NotFound("category", key)
        await categories.delete(services.account_id, found[0].category_id)
    show({"deleted": key}, json=options.json, human=lambda: print(f"Category {key} is deleted."))


@app.command(name="set")
async def set_of_contact(contact: int, *keys: str, options: Options = _DEFAULT) -> None:
    """Give a contact these categories and no others.

    Parameters
    ----------
    contact
        Its id.
    keys
        Categories; none: the contact gets none.
    """
    async with here(options) as services:
        found = await services.app.subscriptions.choose(services.account_id, contact, keys, source="cli")
    said = f"Contact {contact}: {', '.join(found) or 'no category'}"
    show({"contact": contact, "categories": found}, json=options.json, human=lambda: print(said))

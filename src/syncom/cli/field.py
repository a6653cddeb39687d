"""``syncom field``."""

from __future__ import annotations

from cyclopts import App

from syncom.cli.given import Many
from syncom.cli.output import show, table
from syncom.cli.services import Options, here
from syncom.contacts.model import FieldType
from syncom.errors import NotFound

app = App(name="field", help="Custom fields of contacts.")
_DEFAULT = Options()


@app.command
async def add(
    key: str,
    *,
    type: FieldType = FieldType.TEXT,  # noqa: A002 - the option's name
    name: str | None = None,
    choice: Many = (),
    options: Options = _DEFAULT,
) -> None:
    """Add a field.

    Parameters
    ----------
    key
        Its name in templates, such as favourite_colour.
    type
        What its values are.
    name
        How people read it; the key unless given.
    choice
        One of the choices of a choice or multichoice field. May be repeated.
    """
    async with here(options) as services:
        made = await services.app.contacts.fields.create(
            services.account_id, key=key, name=name or key, type=type, choices=choice
        )
    said = f"Field {made.field_id}: write {{{{ {made.key} }}}} in a template."
    show(made, json=options.json, human=lambda: print(said))


@app.command(name="list")
async def list_fields(*, options: Options = _DEFAULT) -> None:
    """List the custom fields."""
    async with here(options) as services:
        found = await services.app.contacts.fields.all(services.account_id)
    rows = [(field.field_id, field.key, field.name, field.type, ", ".join(field.choices)) for field in found]
    empty = "No custom field yet: `syncom field add KEY --type number` makes one."
    columns = ("id", "key", "name", "type", "choices")
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


@app.command
async def delete(key: str, *, options: Options = _DEFAULT) -> None:
    """Delete a field. Its values are not shown any more.

    Parameters
    ----------
    key
        Its key.
    """
    async with here(options) as services:
        fields = services.app.contacts.fields
        field = (await fields.by_key(services.account_id, wanted={key})).get(key)
        if field is None:
            raise NotFound("custom field", key)
        await fields.delete(services.account_id, field.field_id)
    show(field, json=options.json, human=lambda: print(f"Field {key} is deleted."))

"""``syncom form``."""

from __future__ import annotations

from pathlib import Path

import msgspec
from cyclopts import App

from syncom.cli.given import read_bytes
from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, here
from syncom.consent.forms import Form, FormInput
from syncom.errors import Invalid
from syncom.http.native.forms import shown

app = App(name="form", help="Forms and pop-ups that people subscribe with.")
_DEFAULT = Options()


@app.command
async def add(file: Path, *, options: Options = _DEFAULT) -> None:
    """Add a form.

    Parameters
    ----------
    file
        JSON with its members, such as {"name": "Footer", "title": "News", "lists": [1]}; docs/consent.md has them all.
    """
    given = _read(file)
    async with here(options) as services:
        made = await services.app.forms.add(services.account_id, given)
        _show(made, services.app.settings.base_url, options)


@app.command
async def change(form: int, file: Path, *, options: Options = _DEFAULT) -> None:
    """Give a form other members: its next version, at the same address.

    Parameters
    ----------
    form
        Its id.
    file
        JSON with all its members.
    """
    given = _read(file)
    async with here(options) as services:
        made = await services.app.forms.put(services.account_id, form, given)
        _show(made, services.app.settings.base_url, options)


@app.command(name="list")
async def list_forms(*, limit: int = 1000, options: Options = _DEFAULT) -> None:
    """List forms.

    Parameters
    ----------
    limit
        How many at most.
    """
    async with here(options) as services:
        found = await services.app.forms.list(services.account_id, limit=limit)
        base_url = services.app.settings.base_url
    told = [shown(one, base_url) for one in found]
    rows = [(one.form_id, one.definition.name, one.version, one.url) for one in told]
    empty = "No forms yet: `syncom form add FILE` makes one."
    show(told, json=options.json, human=lambda: table(("form", "name", "version", "page"), rows, empty=empty))


@app.command(name="show")
async def show_form(form: int, *, options: Options = _DEFAULT) -> None:
    """Show a form, its page, and what a page of a site has to hold.

    Parameters
    ----------
    form
        Its id.
    """
    async with here(options) as services:
        found = await services.app.forms.get(services.account_id, form)
        _show(found, services.app.settings.base_url, options)


@app.command
async def delete(form: int, *, options: Options = _DEFAULT) -> None:
    """Remove a form. What it proved stays.

    Parameters
    ----------
    form
        Its id.
    """
    async with here(options) as services:
        await services.app.forms.delete(services.account_id, form)
    show({"deleted": form}, json=options.json, human=lambda: print(f"Form {form} is removed."))


def _read(file: Path) -> FormInput:
    try:
        return msgspec.json.decode(read_bytes("file", file), type=FormInput)
    except msgspec.DecodeError as error:
        raise Invalid("file", f"is no form: {error}") from None


def _show(form: Form, base_url: str, options: Options) -> None:
    told = shown(form, base_url)
    members = (
        ("form", told.form_id),
        ("name", told.definition.name),
        ("version", told.version),
        ("page", told.url),
        ("inline", told.snippet),
        ("pop-up", told.popup_snippet),
    )
    show(told, json=options.json, human=lambda: facts(members))

"""``syncom recipe``."""

from __future__ import annotations

from cyclopts import App

from syncom.cli.output import show, table
from syncom.cli.services import Options, here
from syncom.workflows.recipes.service import recipes

app = App(name="recipe", help="Ready workflows with their templates.")
_DEFAULT = Options()


@app.command(name="list")
async def list_recipes(*, options: Options = _DEFAULT) -> None:
    """List the recipes."""
    found = [{"key": key, "name": one.name, "about": one.about} for key, one in recipes().items()]
    rows = [(one["key"], one["name"], one["about"]) for one in found]
    show(found, json=options.json, human=lambda: table(("key", "name", "what it does"), rows, empty="None."))


@app.command
async def install(recipe: str, *, name: str = "", options: Options = _DEFAULT) -> None:
    """Make a recipe's templates, segments, fields and workflow. Nobody enters until the workflow is started.

    Parameters
    ----------
    recipe
        Its key.
    name
        What to call the workflow.
    """
    async with here(options) as services:
        made = await services.app.recipes.install(services.account_id, recipe, name=name)
    said = (
        f"Workflow {made.workflow_id} is saved, with its templates: look at their texts and links, then"
        f" `syncom workflow start {made.workflow_id}`."
    )
    show(made, json=options.json, human=lambda: print(said))

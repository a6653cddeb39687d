"""/workflow-recipes: ready workflows, and installing them."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from syncom.accounts.model import Permission
from syncom.http.native.given import By, Contacts, Recipes
from syncom.http.native.paging import Page
from syncom.http.native.routing import needs
from syncom.workflows.model import Workflow
from syncom.workflows.recipes.service import recipes as known_recipes

_TAGS = ["Workflows"]


class RecipeLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A template that a recipe brings."""

    key: str
    name: str
    subject: str


class RecipeSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A ready workflow."""

    key: str
    name: str
    about: str
    #: As in docs/workflows.md; `template` and `segment` name parts of the recipe, which are made when it is installed.
    definition: dict[str, Any]
    templates: list[RecipeLetter]
    #: Names of the segments that it brings.
    segments: list[str]
    #: Keys of the contact fields that it reads, and makes where they are missing.
    fields: list[str]


class Installing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to install a recipe."""

    #: Of the workflow; left out: the recipe's.
    name: str = ""


@get("/workflow-recipes", tags=_TAGS, opt=needs(Permission.READ_CAMPAIGNS))
async def list_workflow_recipes(by: By) -> Page[RecipeSeen]:
    """Ready workflows."""
    found = [
        RecipeSeen(
            key=key,
            name=one.name,
            about=one.about,
            definition=one.definition,
            templates=[
                RecipeLetter(key=part, name=letter.name, subject=letter.subject)
                for part, letter in one.templates.items()
            ],
            segments=[audience.name for audience in one.segments.values()],
            fields=list(one.fields),
        )
        for key, one in known_recipes().items()
    ]
    return Page(items=found, next_cursor=None)


@post("/workflow-recipes/{recipe:str}/install", tags=_TAGS, opt=needs(Permission.WRITE_CAMPAIGNS))
async def install_workflow_recipe(
    by: By, recipes: Recipes, contacts: Contacts, recipe: FromPath[str], data: JSONBody[Installing]
) -> Workflow:
    """Make a recipe's templates, segments, fields and workflow. Nobody enters until it is started."""
    by.require(Permission.WRITE_CONTENT)
    wanted = set(ready[recipe].fields) if recipe in (ready := known_recipes()) else set[str]()
    if wanted - set(await contacts.fields.by_key(by.account_id, wanted=wanted)):
        by.require(Permission.MANAGE_SETTINGS)
    return await recipes.install(by.account_id, recipe, name=data.name)


HANDLERS: list[Any] = [list_workflow_recipes, install_workflow_recipe]

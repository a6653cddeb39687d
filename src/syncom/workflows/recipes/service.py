"""Ready workflows: read from the files beside this one, installed with their templates, segments and fields."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from importlib.resources import files
from typing import Any, cast

import msgspec

from syncom.contacts.fields import CustomFields
from syncom.contacts.model import FieldType
from syncom.content.model import Format, TemplateInput
from syncom.content.service import ContentService
from syncom.errors import NotFound
from syncom.segments.service import SegmentsService
from syncom.workflows.model import Workflow
from syncom.workflows.service import WorkflowsService


class Letter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A template of a recipe. The page of its button is the shop's to fill in, where the event names none."""

    name: str
    subject: str
    text: str
    button: str
    link: str = "https://shop.example/"


class Audience(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A segment of a recipe."""

    name: str
    condition: dict[str, Any]


class OwnField(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field of contacts that a recipe reads."""

    name: str
    type: FieldType


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ready workflow. In its definition ``template`` and ``segment`` name parts of the recipe."""

    name: str
    about: str
    definition: dict[str, Any]
    templates: dict[str, Letter]
    segments: dict[str, Audience] = {}
    #: By key.
    fields: dict[str, OwnField] = {}


@lru_cache(maxsize=1)
def recipes() -> Mapping[str, Recipe]:
    """All of them, by key."""
    found: dict[str, Recipe] = {}
    for file in sorted(files("syncom.workflows.recipes").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            found[file.name.removesuffix(".toml")] = msgspec.convert(tomllib.loads(file.read_text("utf-8")), Recipe)
    return found


class RecipesService:
    """Installs recipes."""

    def __init__(
        self,
        workflows: WorkflowsService,
        content: ContentService,
        segments: SegmentsService,
        fields: CustomFields,
    ) -> None:
        self._workflows = workflows
        self._content = content
        self._segments = segments
        self._fields = fields

    async def install(self, account_id: int, key: str, *, name: str = "") -> Workflow:
        """Make the recipe's templates, segments and fields, and its workflow, which is not started yet.

        A field that is there already is the one it reads. What was made is removed when the rest cannot be. Raises
        NotFound, Conflict where the name of a segment is taken, and Invalid where a field is of another type.
        """
        recipe = recipes().get(key)
        if recipe is None:
            raise NotFound("recipe", key)
        segments: dict[str, int] = {}
        templates: dict[str, int] = {}
        fields: list[int] = []
        try:
            known = await self._fields.by_key(account_id, wanted=set(recipe.fields))
            for field_key, own in recipe.fields.items():
                if field_key not in known:
                    added = await self._fields.create(account_id, key=field_key, name=own.name, type=own.type)
                    fields.append(added.field_id)
            for part, audience in recipe.segments.items():
                made = await self._segments.create(account_id, audience.name, audience.condition)
                segments[part] = made.segment_id
            for part, letter in recipe.templates.items():
                templates[part] = (await self._content.create(account_id, _template(letter))).template_id
            definition = _filled(recipe.definition, templates, segments)
            return await self._workflows.create(account_id, name or recipe.name, definition)
        except BaseException:
            for template_id in templates.values():
                await self._content.delete(account_id, template_id)
            for segment_id in segments.values():
                await self._segments.delete(account_id, segment_id)
            for field_id in fields:
                await self._fields.delete(account_id, field_id)
            raise


def _filled(node: Any, templates: Mapping[str, int], segments: Mapping[str, int]) -> Any:
    """The definition with the numbers of what was made."""
    if isinstance(node, dict):
        members = {name: _filled(part, templates, segments) for name, part in cast("dict[str, Any]", node).items()}
        for member, made in (("template", templates), ("segment", segments)):
            if isinstance(members.get(member), str):
                members[f"{member}_id"] = made[members.pop(member)]
        return members
    if isinstance(node, list):
        return [_filled(part, templates, segments) for part in cast("Sequence[Any]", node)]
    return node


def _template(letter: Letter) -> TemplateInput:
    return TemplateInput(
        name=letter.name,
        subject=letter.subject,
        format=Format.MJML,
        source=f"""\
<mjml>
  <mj-head><mj-attributes><mj-all font-family="Helvetica, Arial, sans-serif" /></mj-attributes></mj-head>
  <mj-body background-color="#f5f5f5">
    <mj-section background-color="#ffffff">
      <mj-column>
        <mj-text font-size="20px">Hello{{% if first_name %}} {{{{ first_name }}}}{{% endif %}},</mj-text>
        <mj-text line-height="1.6">{escape(letter.text)}</mj-text>
        <mj-button background-color="#1f6feb" href="{letter.link}">{escape(letter.button)}</mj-button>
      </mj-column>
    </mj-section>
    <mj-section>
      <mj-column>
        <mj-text font-size="12px" color="#767676"><a href="{{{{ unsubscribe_url }}}}">Unsubscribe</a></mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
""",
    )

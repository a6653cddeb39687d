"""Values of editing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from syncom.content.model import Format, Rendered, TemplateInput


class Preview(Rendered, frozen=True, kw_only=True):
    """A message as one reader would get it, and where a frame loads its HTML.

    ``url`` is null for channels without HTML. Whoever has the address can look, until ``expires_at``.
    """

    url: str | None
    expires_at: datetime


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps a draft from being published: where, and why."""

    field: str
    reason: str


class TemplateDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What is being written of a template, beside what is published."""

    template_id: int
    #: As it was saved, whether it can be compiled or not: the members of a template.
    content: dict[str, Any]
    #: It began from this one.
    from_version: int
    #: Greater than ``from_version``: somebody published meanwhile.
    newest_version: int
    drafted_at: datetime
    #: Who saved it last: an address, or an API key's name.
    drafted_by: str
    #: Members that are missing or of the wrong kind. What only compiling finds is told by a check.
    problems: list[Problem]


class TemplateVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a template in a list."""

    version: int
    name: str
    subject: str
    saved_at: datetime
    #: Whether it is the published one.
    is_newest: bool


class FullTemplateVersion(TemplateVersion, frozen=True, kw_only=True):
    """With what its author wrote. Versions in other languages are kept by themselves."""

    content: TemplateInput


class BlockInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of mails to be used again: MJML (sections, columns or what stands in them) or HTML."""

    name: str
    source: str
    format: Format = Format.MJML
    #: What it is filed under, such as "Headers".
    category: str = ""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A block of the library."""

    block_id: int
    name: str
    category: str
    format: Format
    source: str
    created_at: datetime
    updated_at: datetime

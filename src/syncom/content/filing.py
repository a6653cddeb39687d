"""What a template says about itself beside its texts: tags, language, the sender's name. Put into one form."""

from __future__ import annotations

import msgspec

from syncom.contacts.model import Channel
from syncom.contacts.normalise import normalise_language
from syncom.content.members import checked_members
from syncom.content.model import Format, TemplateInput
from syncom.errors import Invalid

MAX_TAGS = 50
MAX_TAG = 100
_MAX_FROM_NAME = 200


def filed(template: TemplateInput) -> TemplateInput:
    """The template with its tags, language and name of the sender checked. Raises Invalid naming one of them."""
    return msgspec.structs.replace(
        template,
        tags=clean_tags(template.tags),
        categories=clean_tags(template.categories, field="categories"),
        language=clean_language(template.language) if template.language.strip() else "",
        from_name=clean_from_name(template.from_name),
        format=template.format if template.channel is Channel.EMAIL else Format.TEXT,
        members=checked_members(template.channel, template.members),
    )


def clean_tags(tags: tuple[str, ...], *, field: str = "tags") -> tuple[str, ...]:
    """Each once, without blanks around it. Raises Invalid."""
    found = tuple(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(found) > MAX_TAGS:
        raise Invalid(field, f"must be at most {MAX_TAGS}")
    for tag in found:
        if len(tag) > MAX_TAG or not tag.isprintable():
            raise Invalid(field, f"must each have 1 to {MAX_TAG} printable characters")
    return found


def clean_language(language: str) -> str:
    """A language tag in its usual form. Raises Invalid."""
    try:
        return normalise_language(language.strip())
    except ValueError as error:
        raise Invalid("language", str(error)) from None


def clean_from_name(name: str) -> str:
    """A name that can stand in a header. Raises Invalid."""
    name = name.strip()
    if len(name) > _MAX_FROM_NAME or not name.isprintable():
        raise Invalid("from_name", f"must have at most {_MAX_FROM_NAME} printable characters")
    return name

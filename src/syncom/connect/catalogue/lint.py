"""What a connector folder should have before it is shipped."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Final

import msgspec

from syncom.connect.catalogue.compile import compile_connector, read_folder
from syncom.connect.catalogue.model import ActionDraft, Draft
from syncom.connect.catalogue.servers import host_pattern
from syncom.connect.model import AuthKind
from syncom.errors import Invalid

#: Example intents that a person wrote for each action.
MIN_INTENTS: Final = 3
#: Median of the tokens of an input schema: what an agent pays to look at an action.
MAX_TOKENS: Final = 400
#: Characters of JSON that make a token, about.
_TOKEN: Final = 4


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found."""

    key: str
    problems: tuple[str, ...]
    actions: int = 0
    operations: int = 0
    #: Median over the actions.
    input_tokens: int = 0


def lint(folder: Path) -> Report:
    """Compile a folder and look at the outcome. What cannot be compiled is a problem, not an error."""
    try:
        draft = compile_connector(read_folder(folder, texts_too=False))
    except Invalid as error:
        return Report(key=folder.name, problems=tuple(f"{one.field}: {one.reason}" for one in error.fields))
    tokens = [tokens_of(one) for one in draft.actions]
    problems = [*_of_connector(draft), *(problem for one in draft.actions for problem in _of_action(one)), *draft.notes]
    median = int(statistics.median(tokens)) if tokens else 0
    if median > MAX_TOKENS:
        problems.append(f"half of the input schemas have more than {median} tokens; {MAX_TOKENS} are enough")
    return Report(
        key=folder.name,
        problems=tuple(problems),
        actions=len(draft.actions),
        operations=draft.operations,
        input_tokens=median,
    )


def tokens_of(action: ActionDraft) -> int:
    """About how many tokens an input schema has."""
    return len(msgspec.json.encode(action.input_schema)) // _TOKEN


def _of_connector(draft: Draft) -> list[str]:
    connector = draft.connector
    anywhere = connector.base_url.startswith("{") and "://" not in connector.base_url
    found = [
        (not connector.description, "description: is missing"),
        (not connector.categories, "categories: are missing"),
        (not connector.aliases and not connector.domains, "aliases: are missing, and so are domains"),
        (not draft.actions, "actions: there are none"),
        (not anywhere and not host_pattern(connector.base_url) and not connector.hosts, "hosts: are missing"),
        # Where only the person who connects knows the address, nobody knows a call either.
        (connector.test is None and not anywhere and not connector.own, "test: is missing"),
    ]
    found += [
        (
            option.kind not in (AuthKind.NONE, AuthKind.OAUTH2) and not option.input_schema,
            f"auth.{option.key}.inputSchema: is missing",
        )
        for option in connector.auth
    ]
    return [problem for wrong, problem in found if wrong]


def _of_action(action: ActionDraft) -> list[str]:
    about = action.description.strip().rstrip(".")
    found = [
        (not about or about == action.name.strip().rstrip("."), "has no description of its own"),
        (not action.keywords, "has no keywords"),
        (len(set(action.intents)) < MIN_INTENTS, f"has fewer than {MIN_INTENTS} example intents"),
        (action.input_schema.get("type") != "object", "has an input that is no object"),
    ]
    return [f"actions.{action.key}: {problem}" for wrong, problem in found if wrong]

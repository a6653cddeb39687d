"""The one place that says what an action is searched by."""

from __future__ import annotations

from syncom.connect.catalogue.model import ActionDraft, SearchDocument
from syncom.connect.catalogue.words import split_words
from syncom.connect.model import Action, Connector


def search_document(connector: Connector, action: Action | ActionDraft) -> SearchDocument:
    """Everything that may be matched with an intent. Words of the key that the name has not come with the name."""
    said = {word.casefold() for word in split_words(action.name)}
    more = [word for word in split_words(action.key) if word.casefold() not in said]
    return SearchDocument(
        name=" ".join([action.name, *more]),
        keywords=action.keywords,
        intents=action.intents,
        description=action.description,
        app=tuple(dict.fromkeys((connector.name, connector.key, *connector.aliases))),
    )

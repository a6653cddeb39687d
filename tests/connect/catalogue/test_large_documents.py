"""Documents of the size and the shapes that real ones have: every operation becomes an action that can be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from syncom.connect.catalogue.service import CatalogueService
from syncom.connect.model import AuthKind, Place
from syncom.errors import Invalid
from tests.connect.catalogue import large
from tests.connect.catalogue.made import check, compiled


@pytest.mark.parametrize(("make", "count"), large.DOCUMENTS.items(), ids=[make.__name__ for make in large.DOCUMENTS])
def test_every_operation_of_a_large_document_becomes_an_action(make: Callable[[], dict[str, Any]], count: int) -> None:
    draft = compiled(make())
    assert len(draft.actions) == draft.operations == count
    assert len({one.key for one in draft.actions}) == count
    for number, action in enumerate(draft.actions):
        check(action, whole=number % 20 == 0)
    assert draft.connector.base_url.startswith(("https://", "{"))
    assert draft.connector.auth


async def test_a_large_document_is_added_by_a_process_of_its_own(catalogue: CatalogueService, account_id: int) -> None:
    content = msgspec.json.encode(large.cluster())
    assert len(content) > 100_000
    added = await catalogue.bring_in(account_id, document=content)
    assert (added.connector.key, added.actions, added.operations) == ("cluster", 400, 400)
    found = await catalogue.actions(account_id, connector_id=added.connector.connector_id, limit=1000)
    assert len(found) == 400
    with pytest.raises(Invalid, match="bundle them"):
        await catalogue.add(account_id, document=content.replace(b'"#/definitions', b'"other.json#/definitions'))
    assert len(await catalogue.actions(account_id, connector_id=added.connector.connector_id, limit=1000)) == 400


def test_forms_keep_how_their_members_are_written() -> None:
    posting = next(one for one in compiled(large.payments()).actions if one.key == "post-objects0")
    assert posting.operation is not None
    assert posting.operation.media == "application/x-www-form-urlencoded"
    assert {(one.input, one.style, one.explode) for one in posting.operation.arguments} == {
        ("amount", "", None),
        ("expand", "deepObject", True),
        ("shipping", "deepObject", True),
        ("metadata", "", None),
    }


def test_credentials_are_no_input_and_become_ways_of_authenticating() -> None:
    draft = compiled(large.crm())
    asked = draft.actions[0].input_schema["properties"]
    assert list(asked) == ["recordId", "filter_status", "where", "properties", "body"]
    assert [(one.key, one.kind) for one in draft.connector.auth] == [
        ("oauth", AuthKind.OAUTH2),
        ("oauth-client", AuthKind.CLIENT_CREDENTIALS),
        ("oauth-token", AuthKind.BEARER),
        ("hapikey", AuthKind.API_KEY),
        ("hapikey-portal", AuthKind.FIELDS),
    ]
    both = draft.connector.auth[-1]
    assert (both.query, both.headers) == ({"hapikey": "{hapikey}"}, {"X-Portal": "{portal}"})
    assert both.input_schema["required"] == ["hapikey", "portal"]


def test_files_are_base64_and_several_servers_are_a_choice() -> None:
    draft = compiled(large.storage())
    upload, put = draft.actions[0], draft.actions[1]
    assert upload.operation is not None
    assert put.operation is not None
    assert upload.operation.base_url == "https://upload.storage.example/eu"
    assert put.operation.base_url == "https://eu.storage.example/raw"
    assert {one.input: one.style for one in upload.operation.arguments} == {
        "path": "",
        "file": "file",
        "more": "file",
        "meta": "",
    }
    assert upload.input_schema["properties"]["file"]["contentEncoding"] == "base64"
    assert (put.operation.media, put.operation.arguments[-1].place) == ("application/octet-stream", Place.WHOLE_BODY)
    assert draft.connector.base_url == "{server}"
    assert draft.connector.parameters_schema["properties"]["server"]["enum"] == [
        "https://eu.storage.example/v2",
        "https://us.storage.example/v2",
    ]
    assert draft.connector.hosts == ("us.storage.example", "*.private.storage.example")


def test_names_that_collide_are_told_apart() -> None:
    draft = compiled(large.mail())
    keys = [one.key for one in draft.actions]
    assert keys[:2] == ["get-mail", "post-lists-id-mail0"]
    assert "get-mail-2" in keys
    posting = draft.actions[1]
    assert list(posting.input_schema["properties"]) == ["id", "query_id", "name", "subject"]
    assert posting.input_schema["required"] == ["id", "name", "subject"]
    putting = draft.actions[2]
    assert list(putting.input_schema["properties"]) == ["id", "body"]
    patching = draft.actions[3]
    assert patching.input_schema["required"] == ["id"], "the document says that the body need not be there"
    assert "dependentRequired" not in patching.input_schema


def test_what_was_left_out_is_said() -> None:
    notes = " ".join(compiled(large.cloud()).notes + compiled(large.erp()).notes + compiled(large.mail()).notes)
    for piece in ("T50 is not in the document", "is left out", "Itself is defined by itself", "mutualTLS"):
        assert piece in notes, piece

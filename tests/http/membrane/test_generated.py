"""Requests made up from the document, right ones and wrong ones: none may make the server fail."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from syncom.http.membrane.app import METHODS
from tests.connect.tenants.people import minted
from tests.http.membrane.conftest import Product
from tests.http.running_site import Site

#: Requests a method, kind and token, with a body and without. Enough to find what a type does not say.
_EXAMPLES, _WITHOUT_BODY = 4, 2


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_no_request_makes_the_server_fail(product: Product, site: Site, mode: GenerationMode) -> None:
    paths = {path: item for path, item in site.document["paths"].items() if path.startswith("/membrane/")}
    schema = schemathesis.openapi.from_dict({**site.document, "paths": paths})
    failures: list[str] = []
    person = await _person(site)
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        tried += 1
        for token in _tokens(product, operation, person):
            await asyncio.to_thread(_try, operation, mode, product.url, token, failures)
    assert not failures, "\n".join(failures)
    assert tried == len(METHODS)


async def _person(site: Site) -> str:
    """A token of the person who owns the account."""
    users = await site.app.accounts.list_users(site.owner)
    made = await site.app.tenants.oauth.create_token(site.owner.account_id, name="p", user_id=users[0].user_id)
    return made.token


def _tokens(product: Product, operation: Any, person: str) -> list[str]:
    """Of those who may call it."""
    # A new secret would end the others' tokens.
    if operation.definition.raw["x-permission"] == "platform-user" and "rotate" not in operation.path:
        return [person]
    manager = minted(product.secret, workspaceKey=product.key, isAdmin=True)
    allowed = operation.definition.raw["x-permission"]
    return {"manager": [manager], "workspace": [manager, product.token()]}.get(allowed, [product.token()])


def _try(operation: Any, mode: GenerationMode, url: str, token: str, failures: list[str]) -> None:
    @settings(
        max_examples=_EXAMPLES if "requestBody" in operation.definition.raw else _WITHOUT_BODY,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case: Any) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        answer = case.call(base_url=url, headers=headers, timeout=30)
        if answer.status_code >= 500:
            body = repr(case.body)[:300]
            failures.append(f"{operation.label}: {answer.status_code} {case.path_parameters} {case.query} {body}")

    try:
        attempt()
    except schemathesis.errors.SchemathesisError as error:
        # Some operations have nothing that could be wrong about them.
        if mode is GenerationMode.POSITIVE:
            failures.append(f"{operation.label}: {error}")
    except Exception as error:
        if "Unsatisfiable" not in type(error).__name__:
            failures.append(f"{operation.label}: {type(error).__name__} {error}")

"""Requests made up from the document, right ones and wrong ones: none may make the server fail."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from syncom.http.esputnik.app import METHODS
from tests.http.esputnik.conftest import Shop
from tests.http.running_site import Site

#: Requests a method and kind. Enough to find what a type does not say; `make faults` is for more.
_EXAMPLES = 12


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_no_request_makes_the_server_fail(shop: Shop, site: Site, mode: GenerationMode) -> None:
    document = {
        **site.document,
        "paths": {path: item for path, item in site.document["paths"].items() if path.startswith("/api/")},
    }
    schema = schemathesis.openapi.from_dict(document)
    failures: list[str] = []
    tried: set[str] = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        name = f"{operation.method.upper()} {operation.path}"
        tried.add(name)
        await asyncio.to_thread(_try, operation, mode, shop, failures)
    assert not failures, "\n".join(failures)
    assert len(tried) == len(METHODS)


def _try(operation: Any, mode: GenerationMode, shop: Shop, failures: list[str]) -> None:
    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def attempt(case: Any) -> None:
        answer = case.call(base_url=shop.url, auth=("any", shop.key), timeout=30)
        if answer.status_code >= 500 and answer.status_code != 501:
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

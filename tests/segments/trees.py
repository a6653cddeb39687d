"""Condition trees of every kind, for Hypothesis."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from tests.segments.world import CLASSES, DOMAINS, EVENT_TYPES, MOMENTS, NOW, PARAMETERS, STATUSES, TODAY, WORDS

Tree = dict[str, Any]

_ORDER = ["equals", "not_equals", "greater", "at_least", "less", "at_most"]
_BARE = ["is_set", "is_empty"]
_days = st.sampled_from([0, 1, 7, 30, 60, 366])
_moments = st.sampled_from([0, 1, 7, 30, 60]).map(lambda days: (NOW - timedelta(days=days)).isoformat())
_dates = st.integers(-45, 45).map(lambda days: (TODAY + timedelta(days=days)).isoformat())


def _leaf(**members: Any) -> st.SearchStrategy[Tree]:
    return st.fixed_dictionaries(members)


def _with(*strategies: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    return st.tuples(*strategies).map(lambda parts: {key: value for part in parts for key, value in part.items()})


def _compared(operators: list[str], values: st.SearchStrategy[Any], **members: Any) -> st.SearchStrategy[Tree]:
    return st.one_of(
        _leaf(op=st.sampled_from(operators), value=values, **members), _leaf(op=st.sampled_from(_BARE), **members)
    )


def _optional(**members: Any) -> st.SearchStrategy[Tree]:
    return st.fixed_dictionaries({}, optional=members)


_windows = st.one_of(
    st.just({}),
    _leaf(in_last_days=_days),
    _optional(**{"from": st.just((NOW - timedelta(days=60)).isoformat()), "to": st.just(NOW.isoformat())}),
    _optional(to=_moments),
)
_counts = st.one_of(
    st.just({}),
    _leaf(at_least=st.integers(1, 4)),
    _leaf(at_most=st.integers(0, 3)),
    _leaf(at_least=st.integers(1, 2), at_most=st.integers(2, 4)),
)
_near = ["in_last_days", "in_next_days", "more_than_days_ago", "anniversary_in_next_days"]
_fields = st.one_of(
    _compared(
        ["equals", "not_equals", "contains", "starts_with"],
        st.sampled_from(WORDS),
        field=st.sampled_from(["city", "email"]),
    ),
    _leaf(field=st.just("city"), op=st.just("in"), value=st.lists(st.sampled_from(WORDS), min_size=1)),
    _compared(_ORDER, st.one_of(st.integers(-5, 60), st.sampled_from([42.5, 0.0])), field=st.just("shoe_size")),
    _leaf(field=st.just("vip"), op=st.just("equals"), value=st.booleans()),
    _compared(["contains"], st.sampled_from("abc"), field=st.just("tags")),
    _compared(_ORDER, _dates, field=st.just("birthday")),
    _compared(_near, _days, field=st.sampled_from(["birthday", "met"])),
    _compared(_ORDER, _moments, field=st.just("met")),
    _leaf(field=st.just("created_at"), op=st.sampled_from(_near), value=_days),
)
_activity = _with(
    _leaf(
        activity=st.sampled_from(["sent", "opened", "clicked", "delivered", "bounced", "unsubscribed", "complained"])
    ),
    _optional(campaign=st.integers(0, 3), channel=st.sampled_from(["email", "sms"])),
    _counts,
    _windows,
)
_clicks = _with(
    _leaf(activity=st.just("clicked"), campaign=st.integers(0, 2), link=st.integers(0, 3)), _counts, _windows
)
_ordered = _with(_leaf(activity=st.just("ordered")), _counts, _windows)
_names = st.sampled_from(
    ["colour", "price", "basket.total", "basket.products.price", "basket.price", "basket.products.a b", "basket"]
)
_parameters = st.one_of(
    _leaf(
        param=_names,
        op=st.sampled_from(["equals", "not_equals"]),
        value=st.sampled_from([value for value in PARAMETERS if isinstance(value, str | int | float)]),
    ),
    _leaf(
        param=_names,
        op=st.sampled_from(["greater", "at_least", "less", "at_most"]),
        value=st.sampled_from([5, 5.5, -3, 0, 10**18, *MOMENTS]),
    ),
    _leaf(param=_names, op=st.just("contains"), value=st.sampled_from(["RED", "5", "%", ""])),
    _leaf(param=_names, op=st.just("in"), value=st.just(["5", 5.5, True])),
    _leaf(
        param=st.one_of(_names, st.sampled_from(["nothing", "basket.nothing", "colour.x"])), op=st.sampled_from(_BARE)
    ),
)
_events = _with(
    _leaf(event=st.sampled_from(list(EVENT_TYPES))),
    _optional(where=st.lists(_parameters, min_size=1, max_size=2)),
    st.one_of(
        _with(_counts, _windows),
        _leaf(which=st.sampled_from(["first", "last"]), in_last_days=_days),
        _leaf(which=st.sampled_from(["first", "last"]), to=_moments),
    ),
)
_filters = _optional(
    where=_optional(
        status=st.lists(st.sampled_from(STATUSES), min_size=1, max_size=2),
        item=st.sampled_from("xyq"),
        category=st.sampled_from(["Shoes", "Hats"]),
        currency=st.sampled_from(["uah", "EUR"]),
    )
)
_orders = st.one_of(
    _with(_leaf(orders=st.just("count")), _filters, _counts, _windows),
    _with(
        _leaf(
            orders=st.sampled_from(["count", "sum", "average"]),
            op=st.sampled_from(_ORDER),
            value=st.sampled_from([0, 1, 2, -1, 10.5, 100, 99.99, 350]),
        ),
        _filters,
        _windows,
    ),
    _with(_leaf(orders=st.sampled_from(["first_at", "last_at"]), op=st.sampled_from(_ORDER), value=_moments), _filters),
)
_score = st.one_of(_leaf(at_least=st.integers(1, 5)), _leaf(at_least=st.integers(1, 3), at_most=st.integers(2, 5)))
_rfm = _leaf(
    rfm=st.one_of(
        _with(
            _leaf(**{"class": st.lists(st.sampled_from(CLASSES), min_size=1, max_size=4)}),
            _optional(recency=_score, monetary=_score),
        ),
        _leaf(frequency=_score),
    )
)
# No score of the world's contacts is near one of these numbers, but for the floors of bands.
_scores = st.sampled_from([0.3, 0.7, 1.9, 2.6, 6.1])
_bands = st.lists(st.sampled_from(["active", "warm", "cooling", "inactive"]), min_size=1, max_size=4)
_engagement = _leaf(
    engagement=st.one_of(
        _with(_leaf(band=_bands), _optional(at_least=_scores)),
        _with(_leaf(at_least=_scores), _optional(at_most=_scores)),
        _leaf(at_most=_scores),
    )
)
_predictions = st.one_of(
    _compared(
        _ORDER,
        st.sampled_from([0.7, 0.1, 2, 3, 100, 99.99, 350]),
        prediction=st.sampled_from(["churn", "orders_30_days", "orders_90_days", "order_value", "lifetime_value"]),
    ),
    _compared(_ORDER, _dates, prediction=st.just("next_order")),
    _compared(_near[:3], _days, prediction=st.just("next_order")),
)
LEAVES = st.one_of(
    _predictions,
    _rfm,
    _engagement,
    _fields,
    _leaf(list=st.integers(1, 3)),
    _leaf(category=st.sampled_from(["news", "Sales"])),
    _leaf(
        subscription=st.sampled_from(["email", "sms", "webpush"]),
        **{"is": st.sampled_from(["none", "subscribed", "unsubscribed"])},
    ),
    _leaf(email_domain=st.one_of(st.sampled_from(DOMAINS), st.lists(st.sampled_from(DOMAINS), min_size=1))),
    _activity,
    _clicks,
    _ordered,
    _events,
    _orders,
)
TREES = st.recursive(
    LEAVES,
    lambda children: st.one_of(
        _leaf(all=st.lists(children, max_size=3)),
        _leaf(any=st.lists(children, max_size=3)),
        _leaf(**{"not": children}),
    ),
    max_leaves=6,
)

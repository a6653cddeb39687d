"""What docs/orders.md shows is what the API takes."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from syncom.http.native.orders import OrderBatch, RefundBatch

_PAGE = Path(__file__).parents[2] / "docs" / "orders.md"


def test_the_orders_and_refunds_of_the_page_are_understood() -> None:
    orders, refunds, *_ = re.findall(r"^```json\n(.*?)^```", _PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert msgspec.json.decode(orders, type=OrderBatch).orders[0].items[0].external_id == "p1"
    assert msgspec.json.decode(refunds, type=RefundBatch).refunds[0].external_id == "R-1"

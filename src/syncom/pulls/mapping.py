"""From an app's rows to contacts and orders. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, TypeVar, cast

import msgspec

from syncom.connect.runs.formula import evaluate
from syncom.contacts.model import ContactInput
from syncom.errors import Invalid
from syncom.orders.model import OrderInput
from syncom.pulls.model import PullProblem

Row = TypeVar("Row", ContactInput, OrderInput)

#: Numbers and texts that stand in for each other, as apps mix them.
_STRICT: Final = False


def filled(input_: dict[str, Any], since: datetime | None) -> Any:
    """The action's input. Raises Invalid naming the member of a formula that does not work."""
    return without_nulls(evaluate(input_, {"since": None if since is None else since.isoformat()}, place="$.input"))


def rows_of(output: Any, path: str) -> list[Any]:
    """The rows in an output. Raises Invalid when there is no list."""
    found = output if path == "$" else evaluate({"$var": path}, output_scope(output), place="$.rows")
    if not isinstance(found, list):
        raise Invalid("rows", f"{path} of the action's output is no list of rows")
    return cast("list[Any]", found)


def output_scope(output: Any) -> dict[str, Any]:
    """What paths of an output begin with."""
    return cast("dict[str, Any]", output) if isinstance(output, dict) else {"items": output}


def mapped(
    rows: Sequence[Any], mapping: dict[str, Any], into: type[Row]
) -> tuple[list[tuple[int, Row]], list[PullProblem]]:
    """Rows that are understood, with their places; and why the others are not."""
    good: list[tuple[int, Row]] = []
    problems: list[PullProblem] = []
    for place, row in enumerate(rows):
        try:
            members = without_nulls(evaluate(mapping, {"row": row}, place="$.mapping") if mapping else _same(row, into))
            good.append((place, msgspec.convert(members, into, strict=_STRICT)))
        except Invalid as error:
            problems.append(PullProblem(row=place, field=error.fields[0].field, reason=error.fields[0].reason))
        except msgspec.ValidationError as error:
            reason, _, at = str(error).partition(" - at `$")
            problems.append(PullProblem(row=place, field=at.rstrip("`").lstrip(".") or "row", reason=reason))
    return good, problems


def without_nulls(value: Any) -> Any:
    """Members that are null left out: what an app does not say changes nothing."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: without_nulls(inner) for name, inner in members.items() if inner is not None}
    return value


def _same(row: Any, into: type[ContactInput | OrderInput]) -> Any:
    if not isinstance(row, dict):
        raise Invalid("row", "is no object")
    members = cast("dict[str, Any]", row)
    return {name: members[name] for name in into.__struct_fields__ if name in members}

"""Methods of lists and maps. They grow by add and put; nothing is taken away or put in order."""

from __future__ import annotations

from typing import Any

from syncom.content.velocity.model import Entry, KeySet, VelocityError
from syncom.content.velocity.printing import same
from syncom.content.velocity.run import Run
from syncom.content.velocity.signatures import ANY, MEMBER, Methods, is_empty, member


def at_place(_run: Run, members: list[Any], at: int) -> Any:
    if not 0 <= at < len(members):
        raise VelocityError(f"there is no item {at} in a list of {len(members)}")
    return members[at]


def _add(run: Run, members: list[Any], value: Any) -> bool:
    run.pay(MEMBER)
    members.append(value)
    return True


def _insert(run: Run, members: list[Any], at: int, value: Any) -> str:
    if not 0 <= at <= len(members):
        raise VelocityError(f"nothing can be put at {at} in a list of {len(members)}")
    run.pay(MEMBER + len(members) // 8)
    members.insert(at, value)
    # A method without a result prints nothing, and is not missing.
    return ""


def _add_all(run: Run, members: list[Any], others: list[Any]) -> bool:
    run.pay(MEMBER * len(others))
    members.extend(list(others))
    return bool(others)


def _find(run: Run, members: list[Any], value: Any) -> int:
    return next((place for place, member in enumerate(members) if same(run, member, value)), -1)


def _find_last(run: Run, members: list[Any], value: Any) -> int:
    places = [place for place, member in enumerate(members) if same(run, member, value)]
    return places[-1] if places else -1


def _contains(run: Run, members: list[Any], value: Any) -> bool:
    return _find(run, members, value) >= 0


def _contains_all(run: Run, members: list[Any], others: list[Any]) -> bool:
    return all(_contains(run, members, other) for other in others)


def _sub_list(run: Run, members: list[Any], start: int, end: int) -> list[Any]:
    if not 0 <= start <= end <= len(members):
        raise VelocityError(f"there is no part from {start} to {end} in a list of {len(members)}")
    run.pay(MEMBER * (end - start))
    return members[start:end]


def _listed(run: Run, members: list[Any]) -> list[Any]:
    run.pay(MEMBER * len(members))
    return list(members)


def _size(_run: Run, members: Any) -> int:
    return len(members)


COLLECTION: Methods = ANY | {
    "contains": (("o", _contains),),
    "containsAll": (("l", _contains_all),),
    "isEmpty": (("", is_empty),),
    "iterator": (("", _listed),),
    "size": (("", _size),),
    "toArray": (("", _listed),),
}
LIST: Methods = COLLECTION | {
    "add": (("o", _add), ("io", _insert)),
    "addAll": (("l", _add_all),),
    "get": (("i", at_place),),
    "indexOf": (("o", _find),),
    "lastIndexOf": (("o", _find_last),),
    "subList": (("ii", _sub_list),),
}


def _key(key: Any) -> Any:
    """Keys of JSON are texts; a number is another key, as in Java, and nothing else is one."""
    if key is None or isinstance(key, str):
        return key
    return (type(key), key) if isinstance(key, int | float) else None


def _get(_run: Run, members: dict[Any, Any], key: Any) -> Any:
    return members.get(_key(key))


def put_key(run: Run, members: dict[Any, Any], key: Any, value: Any) -> Any:
    if not isinstance(key, str):
        raise VelocityError("the key of a map is a text")
    run.pay(MEMBER)
    before = members.get(key)
    members[str(key)] = value
    return before


def _put_all(run: Run, members: dict[Any, Any], others: dict[Any, Any]) -> str:
    run.pay(MEMBER * len(others))
    members.update(dict(others))
    return ""


def _put_if_absent(run: Run, members: dict[Any, Any], key: Any, value: Any) -> Any:
    return put_key(run, members, key, value) if members.get(_key(key)) is None else members[key]


def _has_key(_run: Run, members: dict[Any, Any], key: Any) -> bool:
    return _key(key) in members


def _has_value(run: Run, members: dict[Any, Any], value: Any) -> bool:
    return any(same(run, member, value) for member in members.values())


def _get_or(_run: Run, members: dict[Any, Any], key: Any, fallback: Any) -> Any:
    return members.get(_key(key), fallback)


def _keys(run: Run, members: dict[Any, Any]) -> KeySet:
    run.pay(MEMBER * len(members))
    return KeySet(members)


def _values(run: Run, members: dict[Any, Any]) -> KeySet:
    run.pay(MEMBER * len(members))
    return KeySet(members.values())


def _entries(run: Run, members: dict[Any, Any]) -> KeySet:
    run.pay(MEMBER * len(members))
    return KeySet(Entry(key, value) for key, value in members.items())


MAP: Methods = ANY | {
    "containsKey": (("o", _has_key),),
    "containsValue": (("o", _has_value),),
    "entrySet": (("", _entries),),
    "get": (("o", _get),),
    "getOrDefault": (("oo", _get_or),),
    "isEmpty": (("", is_empty),),
    "keySet": (("", _keys),),
    "put": (("oo", put_key),),
    "putAll": (("m", _put_all),),
    "putIfAbsent": (("oo", _put_if_absent),),
    "size": (("", _size),),
    "values": (("", _values),),
}
ENTRY: Methods = ANY | {
    "getKey": (("", member("key")),),
    "getValue": (("", member("value")),),
}

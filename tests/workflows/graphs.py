"""Random workflows, contacts and events for the comparison with the reference interpreter."""

# pyright: basic
from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

#: Looks at the world in one script.
LOOKS = 14
ZONES = ("Europe/Kyiv", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC")
CITIES = ("Kyiv", "Lviv")
TIMES = ("00:00", "02:30", "03:00", "09:00", "18:30", "23:15")
Draw = Any


def _where() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.just({}),
        st.just({}),
        st.builds(lambda number: {"n": number}, st.integers(0, 2)),
        st.builds(lambda number: {"n": {"gte": number}}, st.integers(0, 2)),
    )


_CITY = st.sampled_from(CITIES).map(lambda city: {"field": "city", "op": "equals", "value": city})
_LIST = st.sampled_from(("given", "tagged")).map(lambda name: {"list": name})
_PLAIN = st.one_of(_CITY, _LIST)
CONDITIONS = st.one_of(
    _PLAIN,
    _PLAIN.map(lambda one: {"not": one}),
    st.tuples(_CITY, _LIST).map(lambda both: {"all": list(both)}),
    st.tuples(_PLAIN, _LIST).map(lambda both: {"any": list(both)}),
)
_WEEKDAYS = st.lists(st.sampled_from(("mon", "tue", "wed", "thu", "fri", "sat", "sun")), max_size=3, unique=True)
_SPANS = st.one_of(
    st.builds(lambda number: {"minutes": number}, st.sampled_from((1, 30))),
    st.builds(lambda number: {"hours": number}, st.sampled_from((1, 5, 24))),
    st.builds(lambda number: {"days": number}, st.integers(1, 3)),
)
_RULES = st.fixed_dictionaries(
    {},
    optional={
        "entry": st.one_of(
            st.just({"again": "never"}),
            st.just({"again": "never", "key": "n"}),
            st.builds(lambda days: {"again": "after", "days": days}, st.integers(1, 2)),
            st.just({"one_active": True}),
            st.just({"again": "after", "days": 1, "one_active": True, "key": "n"}),
        ),
        "quiet_hours": st.lists(st.sampled_from(TIMES), min_size=2, max_size=2, unique=True).map(
            lambda two: {"begin": two[0], "end": two[1]}
        ),
        "holdout": st.sampled_from((0, 0, 0, 10, 50)),
    },
)
_MOSTLY_ANY: tuple[dict[str, Any], ...] = ({}, {}, {}, {"n": {"gte": 1}}, {"n": 2})
_LISTED = st.sampled_from(({"list_id": "given"}, {"tag": "tagged"}))


def _window(draw: Draw) -> dict[str, Any]:
    begin, end = draw(st.sampled_from(TIMES)), draw(st.sampled_from(TIMES))
    return {"begin": begin, "end": end, "weekdays": draw(_WEEKDAYS)}


def _until(draw: Draw, later: list[str]) -> dict[str, Any]:
    match draw(st.sampled_from(("date", "field", "yearly", "weekly"))):
        case "date":
            # So many hours after the beginning of the script.
            return {"date": draw(st.integers(-5, 200))}
        case "field":
            at = draw(st.sampled_from(({}, {"at": "09:00"}, {"at": "02:30"})))
            return {"field": "day", "days": draw(st.integers(-2, 2)), **at, **_maybe(draw, "missing", later)}
        case "yearly":
            days = draw(st.sampled_from((-400, -1, 0, 1, 366)))
            return {"field": "day", "yearly": True, "days": max(days, -366), **_maybe(draw, "missing", later)}
        case _:
            return {"at": draw(st.sampled_from(TIMES)), "weekdays": draw(_WEEKDAYS)}


def _maybe(draw: Draw, member: str, later: list[str]) -> dict[str, Any]:
    return {member: draw(st.sampled_from(later))} if draw(st.booleans()) else {}


class _Words:
    """What steps of a workflow may name, so that nothing goes round without an end."""

    def __init__(self, *, awaited: tuple[str, ...], aims: tuple[str, ...], said: tuple[str, ...], chance: bool) -> None:
        self.awaited = awaited
        self.aims = aims
        self.said = said
        self.chance = chance


def _step(draw: Draw, name: str, later: list[str], words: _Words) -> dict[str, Any]:
    kinds = ["send_email", "send_email", "wait", "wait", "wait_until", "wait_for", "wait_for", "condition", "switch"]
    kinds += ["update_contact", "update_contact", "add_to_list", "remove_from_list", "generate_event", "goal"]
    kinds += ["split"] * words.chance + ["send"]
    kind = draw(st.sampled_from(kinds))
    following = later[0]
    step: dict[str, Any] = {"type": kind, "id": name}
    match kind:
        case "send_email":
            step["template_id"] = draw(st.sampled_from(("A", "B")))
        case "send":
            step["channels"] = [{"template_id": draw(st.sampled_from(("A", "B")))}, {"template_id": "T"}]
        case "wait":
            step |= draw(_SPANS)
            if draw(st.integers(0, 2)) == 0:
                step["within"] = _window(draw)
        case "wait_until":
            step |= _until(draw, later)
        case "wait_for":
            step |= {"event_type": draw(st.sampled_from(words.awaited)), "where": draw(_where()), **draw(_SPANS)}
            step |= _maybe(draw, "timeout", later)
        case "condition":
            step["condition"] = draw(CONDITIONS)
            step |= _maybe(draw, "otherwise", later)
        case "switch":
            count = draw(st.integers(1, 3))
            step["cases"] = [
                {"condition": draw(CONDITIONS), "next": draw(st.sampled_from(later))} for _ in range(count)
            ]
        case "split":
            ways = [following, *(draw(st.sampled_from(later)) for _ in range(draw(st.integers(1, 2))))]
            step["branches"] = [{"weight": draw(st.integers(1, 3)), "next": way} for way in ways]
        case "update_contact":
            step |= draw(
                st.one_of(
                    st.sampled_from((*CITIES, "")).map(lambda city: {"set": {"city": city}}),
                    st.sampled_from(("2027-01-05", "2024-02-29")).map(lambda day: {"fields": {"day": day}}),
                )
            )
        case "generate_event":
            step |= {"event_type": draw(st.sampled_from(words.said)), "params": {"n": draw(st.integers(0, 2))}}
        case "goal":
            step |= {"event_type": draw(st.sampled_from(words.aims)), "where": draw(_where())}
            step |= draw(st.sampled_from(({"next": following}, {"otherwise": following})))
        case _:
            step |= draw(_LISTED)
    return step


@st.composite
def _definitions(draw: Draw, *, second: bool, partner: bool) -> dict[str, Any]:
    loops = not second and draw(st.integers(0, 2)) == 0
    count = draw(st.integers(1, 4 if second else 7))
    names = [f"s{number}" for number in range(count)]
    if second:
        words = _Words(awaited=("a", "said"), aims=("b", "said"), said=("said",), chance=False)
        trigger = {"type": "event", "event_type": "told", "where": draw(_where())}
    else:
        said = ("told", "said") if partner else ("said",)
        awaited, aims = (("a", "b"), ("a", "b")) if loops else (("a", "b", "said"), ("a", "b", "said"))
        words = _Words(awaited=awaited, aims=aims, said=said, chance=True)
        trigger = {"type": "event", "event_type": "begun", "where": draw(st.sampled_from(_MOSTLY_ANY))}
    last: list[dict[str, Any]] = []
    if loops:
        # Time passes in it, and from it they go back.
        back = draw(st.sampled_from(names))
        last = [{"type": "wait", "id": "last", "hours": draw(st.integers(1, 30)), "next": back}]
    elif draw(st.booleans()):
        jumps = partner and draw(st.booleans())
        last = [{"id": "last", **({"type": "jump", "workflow_id": 1} if jumps else {"type": "stop"})}]
    ends = [*("last" for _ in last), "end"]
    steps = [_step(draw, name, [*names[place + 1 :], *ends], words) for place, name in enumerate(names)]
    steps += last
    rules = draw(_RULES)
    exits = draw(st.sampled_from((None, None, "a", "b", "condition")))
    if exits == "condition" and not second:
        rules = {**rules, "exits": [{"condition": draw(_PLAIN)}]}
    elif exits in ("a", "b"):
        rules = {**rules, "exits": [{"event_type": exits, "where": draw(_where())}]}
    elif exits is None and not second:
        # At most one condition of each graph is noticed: which of two comes first is nobody's business.
        goals = [step for step in steps if step["type"] == "goal"]
        if goals and draw(st.booleans()):
            goal = goals[-1]
            del goal["event_type"], goal["where"]
            goal["condition"] = draw(_PLAIN)
    return {"trigger": trigger, "rules": rules, "steps": steps}


@st.composite
def _cases(draw: Draw) -> dict[str, Any]:
    partner = draw(st.booleans())
    workflows = [draw(_definitions(second=False, partner=partner))]
    if partner:
        workflows.append(draw(_definitions(second=True, partner=False)))
    people = [
        {
            "zone": draw(st.sampled_from(ZONES)),
            "kind": draw(st.sampled_from(("mailed", "mailed", "mailed", "unsubscribed", "phone"))),
            "city": draw(st.sampled_from(("", *CITIES))),
            "day": draw(st.sampled_from(("", "", "2027-03-28", "1990-12-03", "2024-02-29", "1980-11-01"))),
        }
        for _ in range(draw(st.integers(1, 3)))
    ]
    event = st.tuples(
        st.integers(0, LOOKS - 1),
        st.integers(0, len(people) - 1),
        st.sampled_from(("begun", "begun", "begun", "a", "a", "b", "told", "said")),
        st.one_of(st.just({}), st.builds(lambda number: {"n": number}, st.integers(0, 2))),
    )
    # Everybody comes in somewhere at the beginning, so that the rest of the script is about somebody.
    script = [(draw(st.integers(0, 3)), person, "begun", {"n": 2}) for person in range(len(people))]
    script += draw(st.lists(event, min_size=2, max_size=12))
    script.sort(key=lambda one: one[0])
    return {"workflows": workflows, "people": people, "script": script}


CASES = _cases()

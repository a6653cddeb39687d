"""How values look on the wire: consistent whatever the state, and never a null."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from syncom.connect.connections.model import Integration
from syncom.connect.model import (
    ActionRun,
    AuthKind,
    AuthOption,
    Connection,
    ConnectionState,
    Connector,
    Fault,
    RunStatus,
)
from syncom.http.membrane.answers import connection_answer, instant, integration_answer, integration_link, run_record

_NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
_FAULTS = st.none() | st.builds(
    Fault,
    type=st.sampled_from(["connection", "bad_request"]),
    message=st.text(min_size=1),
    key=st.sampled_from(["", "connection_is_defunct"]),
)
_OPTIONS = st.lists(
    st.builds(AuthOption, key=st.sampled_from(["a", "b"]), kind=st.sampled_from(AuthKind)), max_size=2, unique_by=str
)
_CONNECTORS = st.none() | st.builds(
    Connector,
    connector_id=st.just("c" * 24),
    account_id=st.none(),
    key=st.just("app"),
    name=st.just("App"),
    base_url=st.just("https://app.example"),
    auth=_OPTIONS.map(tuple),
    test=st.none() | st.just(("GET", "/me")),
)
_CONNECTIONS = st.builds(
    Connection,
    connection_id=st.just("a" * 24),
    account_id=st.just(1),
    tenant_id=st.just("t" * 24),
    connector_id=st.just("c" * 24),
    connector_key=st.just("app"),
    key=st.just("app"),
    name=st.text(min_size=1),
    state=st.sampled_from(ConnectionState),
    fault=_FAULTS,
    client_action=st.sampled_from([None, "connect", "provide-input"]),
    action_url=st.none() | st.just("https://here.example/screens"),
    auth_key=st.sampled_from(["", "a", "b"]),
    created_at=st.just(_NOW),
    updated_at=st.just(_NOW),
    archived_at=st.none() | st.just(_NOW),
)


def wire(value: object) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(value))


def has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(has_null(member) for member in value.values())
    return value is None or (isinstance(value, list) and any(has_null(member) for member in value))


@given(_CONNECTIONS, _CONNECTORS)
def test_a_connection_says_one_thing_in_all_its_members(connection: Connection, connector: Connector | None) -> None:
    shown = wire(connection_answer(connection, connector, None))
    ready = connection.state is ConnectionState.READY
    assert (shown["connected"], shown["disconnected"]) == (ready, not ready)
    assert ("clientAction" in shown) is (connection.state is ConnectionState.CLIENT_ACTION_REQUIRED)
    if "clientAction" in shown:
        assert shown["clientAction"]["type"] == (connection.client_action or "connect")
        assert shown["clientAction"]["description"]
    errors = shown["errors"]
    assert shown.get("error") == shown.get("requestError") == (errors[0] if errors else None)
    assert bool(errors) is (connection.fault is not None)
    assert shown["canTest"] is (connector is not None and connector.test is not None)
    assert shown["integrationId"] == shown["connectorId"]
    assert not has_null(shown)
    assert "credentials" not in shown


@given(st.floats(0, 4e9), st.integers(-14, 14))
def test_times_are_in_utc_with_milliseconds(seconds: float, hours: int) -> None:
    written = instant(datetime.fromtimestamp(seconds, timezone(timedelta(hours=hours))))
    assert len(written) == len("2026-01-05T10:00:00.000Z")
    assert written.endswith("Z")


def test_an_integration_that_nobody_set_up_has_the_name_of_its_connector_and_asks_for_an_oauth_client() -> None:
    connector = Connector(
        connector_id="c" * 24,
        account_id=None,
        key="app",
        name="App",
        base_url="https://app.example",
        auth=(AuthOption(key="oauth", kind=AuthKind.OAUTH2),),
    )
    bare = integration_answer(connector, None, "https://here.example/callback")
    assert (bare.id, bare.key, bare.state) == (connector.connector_id, "app", "CONFIGURATION_ERROR")
    assert bare.has_missing_parameters
    assert "clientId" in bare.errors[0].message
    mine = Integration(
        integration_id="1" * 24,
        account_id=1,
        connector_id=connector.connector_id,
        key="mine",
        name="Mine",
        parameters={"clientId": "x"},
        created_at=_NOW,
        updated_at=_NOW,
    )
    shown = integration_answer(connector, mine, "https://here.example/callback")
    assert (shown.id, shown.key, shown.state, shown.errors) == ("1" * 24, "mine", "READY", [])
    assert integration_link("gone", "app", None, None).key == "app"


def test_a_run_whose_process_died_is_an_error_that_says_so() -> None:
    run = ActionRun(
        run_id="r" * 24,
        account_id=1,
        tenant_id="t" * 24,
        connection_id=None,
        action_id=None,
        action_key="api",
        name="GET /notes",
        status=RunStatus.UNKNOWN,
        actor="user:1",
        started_at=_NOW,
        duration=1500,
    )
    shown = wire(run_record(run, integration=None))
    assert shown["status"] == "error"
    assert "not known" in shown["error"]["message"]
    assert shown["completedAt"] == "2026-01-05T10:00:01.500Z"
    assert (shown["connectionId"], shown["integrationActionId"]) == ("", "")
    assert "input" not in shown
    assert not has_null(shown)

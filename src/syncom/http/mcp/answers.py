"""What tools say of connections, actions and runs: short, because an agent reads every word of it."""

from __future__ import annotations

from typing import Any

from syncom.connect.intents.model import Ranked, Ranking
from syncom.connect.model import Action, ActionRun, Connection, Connector, RunResult


def connection(found: Connection) -> dict[str, Any]:
    """A connection; with what a person has to do when it does not work."""
    said: dict[str, Any] = {
        "id": found.connection_id,
        "key": found.key,
        "name": found.name,
        "app": found.connector_key,
        "state": found.state.value,
        "connected": found.connected,
    }
    if found.fault is not None:
        said["problem"] = found.fault.message
    if found.client_action is not None:
        said["personMust"] = found.client_action
        said["link"] = found.action_url
    return said


def connector(found: Connector, connected: list[Connection]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": found.connector_id,
        "key": found.key,
        "name": found.name,
        "description": found.description,
        "authentication": [option.kind.value for option in found.auth],
    }
    if connected:
        said["connections"] = [one.connection_id for one in connected]
    return said


def action(found: Action, *, whole: bool = False, score: float | None = None) -> dict[str, Any]:
    """An action with the schema of its input; ``whole``: with the schema of its output too."""
    said: dict[str, Any] = {
        "id": found.action_id,
        "key": found.key,
        "name": found.name,
        "description": found.description,
        "app": found.connector_key,
        "effect": found.effect.value,
        "inputSchema": found.input_schema,
    }
    if score is not None:
        said["score"] = round(score, 3)
    if whole:
        said["idempotent"] = found.idempotent
        said["outputSchema"] = found.output_schema
        said["exampleIntents"] = list(found.intents)
    return said


def ranking(found: Ranking, connections: dict[str, list[str]]) -> dict[str, Any]:
    """Ranked actions: those that can be run at once with the connections to run them on, and apart from them those of
    apps that would have to be connected first."""

    def shown(one: Ranked) -> dict[str, Any]:
        said = action(one.action, score=one.score)
        if one.action.connector_id in connections:
            said["connections"] = connections[one.action.connector_id]
        return said

    said: dict[str, Any] = {"actions": [shown(one) for one in found.actions]}
    if found.others:
        said["ofAppsNotConnected"] = [
            {
                "id": one.action.action_id,
                "key": one.action.key,
                "name": one.action.name,
                "app": one.action.connector_key,
            }
            for one in found.others
        ]
    if found.note:
        said["note"] = found.note
    return said


def result(done: RunResult) -> dict[str, Any]:
    """What a run gave; for a dry run the requests that would have been sent."""
    if done.preview is not None:
        return {"dryRun": True, "wouldSend": done.preview}
    return {"output": done.output, "runId": done.run_id}


def run(found: ActionRun, *, whole: bool = False) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": found.run_id,
        "action": found.action_key,
        "connectionId": found.connection_id,
        "status": found.status.value,
        "startedAt": found.started_at.isoformat(),
        "milliseconds": found.duration,
    }
    if found.fault is not None:
        said["error"] = found.fault.message
    if whole:
        said |= {"input": found.input, "output": found.output, "exchanges": found.exchanges, "by": found.actor}
    return said

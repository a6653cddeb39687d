"""Command lines as they stand on pages that teach agents (membrane-api, 8), through a shell, word for word."""

from __future__ import annotations

import pytest

from tests.cli.membrane.command import Membrane
from tests.cli.membrane.simulator import ACTION_ID, CONNECTION_ID, CONNECTOR_ID, RUN_ID, Simulator

#: Three generations; what stands for an id is filled in.
_LINES = (
    "membrane search esputnik --elementType=connector --json",
    "membrane connect --connectorId=CONNECTOR_ID --json",
    "membrane connection list --json",
    'membrane action list --intent="add a contact" --connectionId=CONNECTION_ID --json',
    "membrane action run --connectionId=CONNECTION_ID ACTION_ID --json",
    'membrane action run --connectionId=CONNECTION_ID ACTION_ID --json --input \'{"key":"value"}\'',
    'membrane action run --connectionId=CONNECTION_ID ACTION_ID --json --input "{ \\"key\\": \\"value\\" }"',
    "membrane request CONNECTION_ID /path/to/endpoint",
    "membrane request CONNECTION_ID /path --json -d '{\"a\": 1}' -X POST",
    'membrane connection ensure "https://www.esputnik.com" --json',
    "membrane connection get CONNECTION_ID --wait --json",
    "membrane connection get CONNECTION_ID --wait --timeout 30 --json",
    'membrane action list --connectionId=CONNECTION_ID --intent "add a contact" --limit 10 --json',
    "membrane action run add-update-contact --connectionId=CONNECTION_ID --json",
    'membrane action run ACTION_ID --connectionId CONNECTION_ID --input \'{"key":"value"}\' --json',
    'membrane action create "do a thing" --connectionId=CONNECTION_ID --json',
    "membrane action get ACTION_ID --wait --json",
    'membrane connection patch CONNECTION_ID --data \'{"input": {"a": 1}}\' --json',
    'membrane act --connectionKey esputnik --api \'{"method": "GET", "path": "/v1/x"}\' --json',
    "membrane act --connectionId CONNECTION_ID --key add-update-contact --input '{}' --json",
    "membrane action-run-log get RUN_ID --details --json",
    "membrane connection list --integrationKey esputnik --json",
    "membrane integration list --search esputnik --connectors 1 --externalApps 1 --json",
)


@pytest.mark.parametrize("line", _LINES)
async def test_the_line_works_as_it_stands(logged_in: Membrane, simulator: Simulator, line: str) -> None:
    simulator.connection_state = "READY"
    if "request" in line:
        simulator.answers["POST", f"/connections/{CONNECTION_ID}/request"] = (200, {"ok": True})
    filled = {"CONNECTOR_ID": CONNECTOR_ID, "CONNECTION_ID": CONNECTION_ID, "ACTION_ID": ACTION_ID, "RUN_ID": RUN_ID}
    for name, ident in filled.items():
        line = line.replace(name, ident)
    answer = await logged_in.line(line)
    assert answer.code == 0, answer.err
    assert answer.json


async def test_logging_in_as_the_pages_say(membrane: Membrane) -> None:
    for line in ("membrane login --tenant", "membrane login --tenant --clientName=claude"):
        answer = await membrane.line(line)
        assert (answer.code, "/oauth/authorize?" in answer.out) == (3, True)
        assert "membrane login complete CODE" in answer.err

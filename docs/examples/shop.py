"""A shop's nightly export over eSputnik's API, as it would be written for eSputnik; only the host is another one.

API=https://your.host/api KEY=... python shop.py
"""

from __future__ import annotations

import base64
import json
import os
import time
import urllib.error
import urllib.request
from typing import Any

API = os.environ.get("API", "https://esputnik.com/api")
TOKEN = base64.b64encode(f":{os.environ['KEY']}".encode()).decode()


def call(method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(API + path, method=method, headers={"Authorization": f"Basic {TOKEN}"})
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}") from None
    return json.loads(text) if text[:1] in (b"{", b"[") else text.decode()


def main() -> None:
    customers = [
        {
            "channels": [{"type": "email", "value": f"customer{number}@example.org"}],
            "firstName": f"Customer {number}",
            "externalCustomerId": f"S-{number}",
            "ordersInfo": None,
        }
        for number in range(250)
    ]
    body = {"contacts": customers, "dedupeOn": "externalCustomerId", "groupNames": ["Shop"], "restoreDeleted": False}
    session = call("POST", "/v1/contacts", body)["asyncSessionId"]
    while (status := call("GET", f"/v1/importstatus/{session}"))["status"] not in ("FINISHED", "ERROR"):
        time.sleep(0.5)
    print("imported:", status["status"], len(status["contacts"]))

    (group,) = call("GET", "/v1/groups?name=Shop")
    first = call("GET", f"/v1/group/{group['id']}/contacts?startindex=1&maxrows=100")
    last = call("GET", f"/v1/group/{group['id']}/contacts?startindex=201&maxrows=100")
    print("in the segment:", len(first), len(last))

    orders = [
        {
            "externalOrderId": f"O-{number}",
            "externalCustomerId": f"S-{number}",
            "totalCost": 99.5 + number,
            "status": "DELIVERED",
            "date": "2026-11-20T10:00:00.123+02:00",
            "currency": "EUR",
            "email": f"customer{number}@example.org",
            "items": [
                {
                    "externalItemId": "1",
                    "name": "Tea",
                    "category": "tea",
                    "quantity": 1,
                    "cost": 99.5,
                    "url": "https://shop.example/1",
                }
            ],
        }
        for number in range(250)
    ]
    print("failed orders:", call("POST", "/v1/orders", {"orders": orders})["failedOrders"])
    call("POST", "/v1/emails/unsubscribed/add", {"emails": ["customer7@example.org"]})
    for number in range(3):
        call(
            "POST",
            "/v3/event",
            {"eventTypeKey": "login", "params": {"externalCustomerId": f"S-{number}", "at": number}},
        )
    print("contact 3:", call("GET", "/v1/contacts?externalCustomerId=S-3")[0]["firstName"])


if __name__ == "__main__":
    main()

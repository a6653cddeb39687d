"""An app behind connections: a notebook with an API key, on a real port, and the OpenAPI document it publishes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

KEY = "notes-key-4f1c9d2e7a"


class Notes(msgspec.Struct):
    """The running app: where it is, what it holds, and whether it takes the key."""

    url: str = ""
    rows: dict[int, str] = {}
    accepts: str = KEY
    #: Method and path of every request.
    seen: list[tuple[str, str]] = []


def document(url: str) -> dict[str, Any]:
    """What the app publishes about itself."""
    note = {"type": "object", "properties": {"id": {"type": "integer"}, "text": {"type": "string"}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Notes", "version": "1", "description": "A notebook."},
        "servers": [{"url": url}],
        "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
        "security": [{"key": []}],
        "paths": {
            "/me": {"get": {"operationId": "whoAmI", "summary": "Who am I", "responses": {"200": _json({})}}},
            "/notes": {
                "get": {
                    "operationId": "listNotes",
                    "summary": "List notes",
                    "responses": {"200": _json({"type": "array", "items": note})},
                },
                "post": {
                    "operationId": "createNote",
                    "summary": "Create a note",
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["text"],
                                    "properties": {"text": {"type": "string"}},
                                }
                            }
                        },
                    },
                    "responses": {"201": _json(note)},
                },
            },
            "/notes/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "get": {"operationId": "getNote", "summary": "Get a note", "responses": {"200": _json(note)}},
                "delete": {
                    "operationId": "deleteNote",
                    "summary": "Delete a note",
                    "responses": {"204": {"description": "Gone"}},
                },
            },
        },
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "Done", "content": {"application/json": {"schema": schema}}}


@asynccontextmanager
async def running_notes() -> AsyncGenerator[Notes]:
    """The app on a free port, until the block ends."""
    notes = Notes(rows={1: "milk"}, seen=[])

    @web.middleware
    async def guard(request: web.Request, handler: Any) -> web.StreamResponse:
        notes.seen.append((request.method, request.path))
        if request.headers.get("X-Key") != notes.accepts:
            return web.json_response({"error": "who are you"}, status=401)
        return await handler(request)

    async def me(request: web.Request) -> web.Response:
        return web.json_response({"name": "Olena"})

    async def listing(request: web.Request) -> web.Response:
        return web.json_response([{"id": number, "text": text} for number, text in notes.rows.items()])

    async def create(request: web.Request) -> web.Response:
        number = max(notes.rows, default=0) + 1
        notes.rows[number] = (await request.json())["text"]
        return web.json_response({"id": number, "text": notes.rows[number]}, status=201)

    async def get(request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        if number not in notes.rows:
            return web.json_response({"error": "no such note"}, status=404)
        return web.json_response({"id": number, "text": notes.rows[number]})

    async def delete(request: web.Request) -> web.Response:
        notes.rows.pop(int(request.match_info["id"]), None)
        return web.Response(status=204)

    application = web.Application(middlewares=[guard])
    application.add_routes(
        [
            web.get("/me", me),
            web.get("/notes", listing),
            web.post("/notes", create),
            web.get("/notes/{id}", get),
            web.delete("/notes/{id}", delete),
        ]
    )
    runner = web.AppRunner(application)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    notes.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield notes
    finally:
        await runner.cleanup()

"""A small connector as a folder, for tests that need one to be there."""

from __future__ import annotations

from pathlib import Path

SHOPKIT = """
key: shopkit
name: Shopkit
description: A shop.
categories: [shop]
aliases: [shopkit, shop kit]
domains: [shopkit.example]
baseUrl: https://{shop}.shopkit.example/admin/api
hosts: [files.shopkit.example]
parameters: {type: object, required: [shop], properties: {shop: {type: string, title: Shop, pattern: "^[a-z0-9-]+$"}}}
headers: {Accept: application/json}
auth:
  - key: token
    kind: api-key
    title: Access token
    inputSchema:
      type: object
      required: [accessToken]
      properties: {accessToken: {type: string, title: Access token, writeOnly: true}}
    headers: {X-Shopkit-Access-Token: "{accessToken}"}
test: GET /shop.json
pagination: {style: link, sizeParameter: limit, size: 250}
rateLimit: {calls: 2, seconds: 1}
actions:
  - key: create-customer
    name: Create customer
    description: Add a customer to the shop.
    inputSchema:
      type: object
      required: [email]
      properties: {email: {type: string}, first_name: {type: string}}
    steps: [{method: POST, path: /customers.json, body: {customer: {$var: $.input}}}]
    output: {$var: $.steps.request.customer}
    keywords: [client, buyer, покупець]
    intents: ["add a new customer", "створи клієнта", "save a buyer"]
    replaces: [customers_create]
"""

DOCUMENT = """
openapi: 3.1.0
info: {title: Shopkit, version: "1"}
paths:
  /shop.json:
    get:
      operationId: shop_get
      summary: Get the shop
      responses: {"200": {description: ok}}
  /customers.json:
    get:
      operationId: customersList
      summary: List customers
      parameters: [{name: limit, in: query, schema: {type: integer}}]
      responses:
        "200":
          description: ok
          content:
            application/json:
              schema: {type: array, items: {$ref: "#/components/schemas/Customer"}}
    post:
      operationId: customers_create
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/Customer"}}}}
      responses: {"201": {description: ok}}
  /customers/{id}.json:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    delete:
      operationId: customers_delete
      summary: Delete a customer
      responses: {"204": {description: gone}}
components:
  schemas:
    Customer:
      type: object
      required: [email]
      properties:
        id: {type: integer, readOnly: true}
        email: {type: string}
        referrer: {$ref: "#/components/schemas/Customer"}
"""

OVERLAY = """
overlay: 1.0.0
info: {title: Words, version: "1"}
actions:
  - target: $.paths['/customers.json'].get
    update:
      x-search: {keywords: [clients, buyers], intents: [show all customers, who bought from us, list clients]}
"""


def shopkit(folder: Path, *, settings: str = SHOPKIT, document: str = DOCUMENT, overlay: str = OVERLAY) -> Path:
    """Write the connector into a folder of connectors; returns that folder."""
    own = folder / "shopkit"
    own.mkdir(parents=True, exist_ok=True)
    (own / "connector.yaml").write_text(settings, "utf-8")
    (own / "openapi.yaml").write_text(document, "utf-8")
    (own / "overlay.yaml").write_text(overlay, "utf-8")
    return folder

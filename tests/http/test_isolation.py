"""Every route of the OpenAPI document, walked: who may not, is told so, and nobody sees another account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

import msgspec
from psycopg import sql

from syncom.accounts.model import PERMISSIONS, Permission, Principal, Role
from syncom.app import App
from syncom.bulk.model import JoinList
from syncom.campaigns.model import Audience, CampaignInput
from syncom.connect.catalogue.model import NewAction
from syncom.connect.connections.model import ConnectionWish
from syncom.connect.model import Caller, CallerKind
from syncom.consent.forms import FormInput
from syncom.contacts.imports.model import ImportOptions
from syncom.contacts.model import ContactInput, FieldType, UpsertOptions
from syncom.content.editing.model import BlockInput
from syncom.content.model import AttachedFile, TemplateInput
from syncom.events.model import EventInput
from syncom.inbound_texts.model import InboundFilter
from syncom.messages.bounces.hooks.model import HookInput, Provider
from syncom.messages.groups import GroupMember, SenderGroupInput
from syncom.messages.identity.model import DomainInput
from syncom.messages.model import SenderConfig
from syncom.messages.senders import SenderInput
from syncom.messages.service import MessageRecipient, SendRequest
from syncom.orders.model import OrderInput
from syncom.outbound import OutboundClient
from syncom.products.feeds.model import FeedInput
from syncom.products.model import ProductInput
from syncom.pulls.model import PullInput, PullKind
from syncom.recommendations.model import RecommendationKind
from syncom.webhooks.model import WebhookInput
from syncom.webhooks.service import WebhooksService
from tests.http.running_site import Site

CANARY = "canary7f3a"

Route = tuple[str, str, dict[str, Any]]


async def _objects(app: App, by: Principal, mark: str) -> dict[str, Any]:
    """One of everything in an account, with the mark in every text; ids by the name of the path's parameter."""
    account_id = by.account_id
    user = await app.accounts.create_user(by, email=f"{mark}@example.com", role=Role.VIEWER, name=mark)
    key = await app.accounts.create_api_key(by, name=mark)
    contact = ContactInput(email=f"{mark}.contact@example.com", first_name=mark, external_id=mark)
    outcome = await app.contacts.upsert_one(account_id, contact, UpsertOptions())
    field = await app.contacts.fields.create(account_id, key=mark, name=mark, type=FieldType.TEXT)
    listed = await app.contacts.lists.create(account_id, mark)
    await app.contacts.lists.add(account_id, listed.list_id, [outcome.contact_id])
    condition = {"field": "first_name", "op": "equals", "value": mark}
    segment = await app.segments.create(account_id, mark, condition)
    source = f"<p>{mark} {{{{ first_name }}}}</p>"
    template = await app.content.create(account_id, TemplateInput(name=mark, subject=mark, source=source))
    file = AttachedFile(file_name=f"{mark}.txt", content_type="text/plain", content=mark.encode())
    template = await app.content.attach(account_id, template.template_id, file)
    config = SenderConfig(host="127.0.0.1", port=9)
    given = SenderInput(name=mark, from_email=f"{mark}.from@example.com", config=config, password=mark)
    sender = await app.senders.add(account_id, given)
    domain = await app.domains.add(account_id, DomainInput(domain=f"{mark}.example.com"))
    await app.inbound_texts.receive(sender.sender_id, "+380671112233", mark, mark, datetime.now(UTC), mark)
    [inbound] = await app.inbound_texts.list(account_id, InboundFilter())
    others = SenderGroupInput(name=mark, members=(GroupMember(sender_id=sender.sender_id),))
    event = EventInput(type_key=mark, key=mark, contact_id=outcome.contact_id, params={mark: mark})
    await app.events.record(account_id, [event])
    event_type = await app.events.types.get(account_id, mark)
    order = OrderInput(
        contact_id=outcome.contact_id, external_id=mark, status=mark, total=Decimal(1), ordered_at=datetime.now(UTC)
    )
    await app.orders.add(account_id, [order])
    rule = RecommendationKind.MOST_BOUGHT
    recommending = await app.recommendations.add_source(account_id, name=mark, kind=rule)
    category = await app.contacts.categories.put(account_id, mark, mark)
    audience = Audience(lists=(listed.list_id,))
    campaign = await app.campaigns.create(
        account_id, CampaignInput(name=mark, template_id=template.template_id, audience=audience)
    )
    steps = [{"type": "send_email", "template_id": template.template_id}]
    workflow = await app.workflows.create(
        account_id, mark, {"trigger": {"type": "event", "event_type": mark}, "steps": steps}
    )
    recipient = MessageRecipient(contact_id=outcome.contact_id)
    sent = await app.messages.send(account_id, SendRequest(template_id=template.template_id, recipients=(recipient,)))
    upload = await app.imports.store(account_id, f"{mark}.csv", _pieces(f"email\n{mark}.row@example.com\n"))
    imported = await app.imports.create(account_id, upload, ImportOptions())
    return {
        "category_id": category.category_id,
        "inbound_text_id": inbound.inbound_text_id,
        "template_id": template.template_id,
        "attachment_id": template.attachments[0].attachment_id,
        "sender_id": sender.sender_id,
        "group_id": (await app.sender_groups.add(account_id, others)).sender_id,
        "domain_id": domain.domain_id,
        "campaign_id": campaign.campaign_id,
        "message_id": sent[0],
        "import_id": imported.import_id,
        "user_id": user.user.user_id,
        "api_key_id": key.api_key.api_key_id,
        "contact_id": outcome.contact_id,
        "event_type_id": event_type.event_type_id,
        "workflow_id": workflow.workflow_id,
        "version": workflow.version,
        "field_id": field.field_id,
        "list_id": listed.list_id,
        "form_id": (await app.forms.add(account_id, FormInput(name=mark, title=mark))).form_id,
        "segment_id": segment.segment_id,
        "source_id": recommending.source_id,
        "external_id": mark,
        "webhook_id": await _webhook(app, account_id, mark),
        "hook_id": (
            await app.bounce_hooks.add(account_id, HookInput(provider=Provider.POSTMARK, name=mark))
        ).hook.hook_id,
        "mailbox_id": await _mailbox(app, account_id, mark),
        **await _connected(app, by, mark),
        "feed_id": (await app.product_feeds.add(account_id, FeedInput(name=mark))).feed_id,
        "product_id": await _product(app, account_id, mark),
        "replay_id": await _replay(app, account_id, mark),
        "site_id": (await app.sites.add(account_id, f"https://{mark}.example")).site_id,
        "other_id": segment.segment_id,
        "action_id": (
            await app.bulk.start(account_id, JoinList(list_id=listed.list_id), actor=mark, condition={"all": []})
        ).action_id,
        "block_id": await _block(app, account_id, template.template_id, mark),
        "image_id": await _image(app, account_id, mark),
        "inbox_id": 1,
        "session_id": await _session(app, user.user.email, user.password),
    }


async def _session(app: App, email: str, password: str | None) -> int:
    assert password is not None
    session = await app.accounts.sign_in(email=email, password=password, address="::1")
    [opened] = await app.accounts.list_sessions(session.principal, current=None)
    return opened.session_id


async def _image(app: App, account_id: int, mark: str) -> int:
    """The smallest GIF there is."""
    content = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
    content += b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x01D\x00;"
    return (await app.images.add(account_id, mark, content)).image_id


async def _block(app: App, account_id: int, template_id: int, mark: str) -> int:
    """And something that is being written of a template."""
    await app.template_drafts.save(account_id, template_id, {"name": mark, "subject": mark, "source": mark})
    given = BlockInput(name=mark, source=f"<mj-text>{mark}</mj-text>", category=mark)
    return (await app.blocks.add(account_id, given)).block_id


async def _replay(app: App, account_id: int, mark: str) -> int:
    event_type = await app.events.types.get(account_id, mark)
    async with app.database.tenant(account_id) as connection:
        await app.events.types.follow(connection, account_id, event_type.event_type_id, followed=True)
    until = datetime.now(UTC)
    replay = await app.events.replays.start(account_id, mark, since=until - timedelta(days=1), until=until)
    return replay.replay_id


async def _product(app: App, account_id: int, mark: str) -> str:
    await app.products.put(account_id, [ProductInput(product_id=mark, name=mark, categories=(mark,))])
    return mark


async def _connected(app: App, by: Principal, mark: str) -> dict[str, Any]:
    """An app of the account's own, a connection to this site itself, an action of it and its run, a pull, a token."""
    account_id = by.account_id
    tenant = await app.tenants.tenant(account_id, "default")
    caller = Caller(
        account_id=account_id, kind=CallerKind.TENANT, workspace_key="w", tenant_id=tenant.tenant_id, actor="test"
    )
    parameters = {"baseUrl": app.settings.base_url}
    wish = ConnectionWish(connector="http", auth_key="none", name=mark, input={}, parameters=parameters)
    connection = await app.connections.create(caller, wish)
    given = PullInput(
        name=mark,
        kind=PullKind.CONTACTS,
        connection_id=connection.connection_id,
        action="send-get",
        input={"path": f"/healthz?{mark}"},
        every=0,
    )
    made = NewAction(
        key=mark,
        name=mark,
        connection_id=connection.connection_id,
        config={"request": {"method": "GET", "path": f"/healthz?{mark}"}},
    )
    action = await app.catalogue.add_action(account_id, made)
    run = await app.runs.run(caller, connection, action, {}, dry_run=True)
    document: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": mark, "version": "1"}, "paths": {}}
    document["servers"] = [{"url": f"https://{mark}.example"}]
    document["paths"] = {"/x": {"get": {"operationId": mark, "summary": mark, "responses": {}}}}
    own = await app.catalogue.add(account_id, document=msgspec.json.encode(document))
    token = await app.tenants.oauth.create_token(account_id, name=mark, tenant=tenant, user_id=by.user_id)
    return {
        "pull_id": (await app.pulls.add(account_id, given)).pull_id,
        "connection_id": connection.connection_id,
        "app_key": own.connector_id,
        "app_action_id": action.action_id,
        "run_id": run.run_id,
        "grant_id": token.grant.grant_id,
    }


async def _mailbox(app: App, account_id: int, mark: str) -> int:
    """A mailbox at a server that nobody asks here."""
    async with app.database.system() as connection:
        cursor = await connection.execute(
            "INSERT INTO bounce_mailboxes (account_id, name, protocol, host, port, security, username, next_at)"
            " VALUES (%s, %s, 'imap', %s, 993, 'tls', %s, 'infinity') RETURNING mailbox_id",
            (account_id, mark, f"{mark}.example", mark),
        )
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def _webhook(app: App, account_id: int, mark: str) -> int:
    """A webhook that leads to this site itself."""
    client = OutboundClient("127.0.0.1/32")
    given = WebhookInput(
        name=mark, url=f"{app.settings.base_url}/healthz?{mark}", username=mark, password=mark, headers={mark: mark}
    )
    try:
        saved = await WebhooksService(app.database, app.keyring, client).add(account_id, given)
    finally:
        await client.close()
    return saved.webhook.webhook_id


async def _pieces(text: str) -> AsyncIterator[bytes]:
    yield text.encode()


def _bodies(ids: dict[str, int]) -> dict[str, Any]:
    """A valid body for each route that has ids in its path; those with a required member only."""
    return {
        "put_form": {"name": "x"},
        "update_user": {"role": "viewer"},
        "reset_password": {"password": "long enough now"},
        "update_contact": {"first_name": "Mallory"},
        "set_subscription": {"channel": "email", "state": "unsubscribed"},
        "set_site": {"strict": True},
        "merge_contacts": {"drop_id": ids["contact_id"] + 1},
        "update_field": {"name": "Mallory"},
        "rename_list": {"name": "Mallory"},
        "put_contact_categories": {"keys": ["mallory"]},
        "add_members": {"contact_ids": [ids["contact_id"]]},
        "remove_members": {"contact_ids": [ids["contact_id"]]},
        "update_template": {"name": "M", "subject": "M", "source": "<p>M</p>"},
        "copy_template": {"name": "Mallory"},
        "rename_image": {"name": "Mallory"},
        "save_template_draft": {"content": {}},
        "change_block": {"name": "M", "source": "<mj-text>M</mj-text>"},
        "save_language": {"subject": "M", "source": "<p>M</p>"},
        "test_send": {"to": ["m@example.com"]},
        "update_sender": {"name": "M", "from_email": "m@example.com", "config": {"host": "127.0.0.1"}},
        "test_sender": {"to": "m@example.com"},
        "update_sender_group": {"name": "M", "members": [{"sender_id": ids["sender_id"]}]},
        "update_campaign": {"name": "M", "template_id": ids["template_id"], "audience": {"everyone": True}},
        "schedule_campaign": {"at": "2036-01-01T00:00:00Z"},
        "update_webhook": {"name": "M", "url": "http://127.0.0.1:9/"},
        "update_workflow": {
            "name": "M",
            "definition": {"trigger": {"type": "event", "event_type": "m"}, "steps": [{"type": "stop"}]},
        },
        "rename_workflow": {"name": "Mine now"},
        "migrate_workflow": {"from_version": 1, "dry_run": False},
        "save_workflow_draft": {"definition": {"trigger": {"type": "api"}, "steps": [{"type": "stop"}]}},
        "publish_workflow_draft": {},
        "run_workflow": {"contact_ids": [ids["contact_id"]]},
        "update_product_feed": {"name": "Mallory"},
        "update_segment": {"name": "Mallory", "condition": {"all": []}},
        "rename_app_connection": {"name": "Mallory"},
    }


def _routes(site: Site) -> Iterator[Route]:
    for path, item in site.document["paths"].items():
        if not path.startswith("/syncom/"):
            continue  # eSputnik's API has a walk of its own: tests/http/esputnik
        for method, operation in item.items():
            if "text/event-stream" in operation["responses"].get("200", {}).get("content", {}):
                continue  # an answer without an end: tests/http/test_live.py
            yield method.upper(), path, operation


def _with_ids(path: str, ids: dict[str, int]) -> str:
    # Recipes are nobody's: one that is not there.
    return path.format_map(ids | {"language": "uk", "recipe": "nothing"})


async def test_every_route_but_signing_in_needs_credentials(site: Site) -> None:
    ids = _ONES
    async with site.client(None) as nobody, site.client("sk_" + "x" * 43) as forger:
        for method, path, operation in _routes(site):
            if operation["x-permission"] == "public":
                continue
            for client in (nobody, forger):
                answer = await client.request(method, _with_ids(path, ids))
                assert answer.status_code == 401, f"{method} {path}"


async def test_every_route_refuses_every_role_without_its_permission(site: Site) -> None:
    ids = _ONES
    for role in Role:
        key = (await site.app.accounts.create_api_key(site.owner, name=role.value, role=role)).key
        async with site.client(key) as client:
            for method, path, operation in _routes(site):
                if operation["x-permission"] == "public":
                    continue
                permitted = Permission(operation["x-permission"]) in PERMISSIONS[role]
                if permitted and method != "GET":
                    continue
                answer = await client.request(method, _with_ids(path, ids))
                assert (answer.status_code == 403) is not permitted, f"{role} {method} {path}: {answer.status_code}"


async def test_a_viewer_changes_nothing(site: Site) -> None:
    async with site.client(site.viewer_key) as viewer:
        for method, path, operation in _routes(site):
            if method == "GET" or operation["operationId"] in _READS or operation["x-permission"] in _OWN:
                continue
            answer = await viewer.request(method, _with_ids(path, _ONES))
            assert answer.status_code == 403, f"{method} {path}"


async def test_no_route_shows_or_changes_anything_of_another_account(site: Site) -> None:
    theirs = await _objects(site.app, site.other, CANARY)
    bodies = _bodies(theirs)
    before = await _everything(site)
    async with site.client() as intruder:
        for method, path, operation in _routes(site):
            name = operation["operationId"]
            if operation["x-permission"] in ("public", "operate"):
                continue
            if "{" in path:
                body = bodies.get(name, {}) if "requestBody" in operation or "attach" in name else None
                answer = await intruder.request(
                    method, _with_ids(path, theirs), json=body, params={"name": "x"} if "attach" in name else None
                )
                assert answer.status_code in (403, 404), f"{method} {path}: {answer.status_code} {answer.text}"
            elif method == "GET":
                answer = await intruder.get(path, params={"limit": 1000})
                assert answer.status_code == 200, f"{method} {path}: {answer.text}"
                assert f"{CANARY}.contact" not in answer.text, path
            else:
                continue
            assert CANARY not in answer.text.replace(path, ""), f"{method} {path}"
        for name in ("email", "external_id", "email_prefix"):
            value = CANARY if name != "email" else f"{CANARY}.contact@example.com"
            found = await intruder.get("/syncom/v1/contacts", params={name: value})
            assert found.json()["items"] == []
        campaign = {"name": "M", "template_id": theirs["template_id"], "audience": {"everyone": True}}
        message = {"template_id": theirs["template_id"], "recipients": [{"email": "m@example.com"}]}
        for path, body in (("campaigns", campaign), ("messages", message)):
            answer = await intruder.post(f"/syncom/v1/{path}", json=body)
            assert answer.status_code in (404, 422), answer.text
        for path, body in (
            ("/syncom/v1/contacts", {"email": "x@example.com"}),
            ("/syncom/v1/contacts/batch", {"contacts": [{"email": "x@example.com"}], "lists": [theirs["list_id"]]}),
        ):
            method = "PUT" if "batch" not in path else "POST"
            answer = await intruder.request(method, path, json=body, params={"list": theirs["list_id"]})
            assert answer.status_code == 422, answer.text
    assert await _everything(site) == before


async def test_unknown_members_are_refused_by_every_route_that_takes_json(site: Site) -> None:
    protected = {"account_id": 1, "is_operator": True, "created_at": "2020-01-01T00:00:00Z", "owner_id": 1}
    async with site.client() as client:
        for method, path, operation in _routes(site):
            if "application/json" not in operation.get("requestBody", {}).get("content", {}):
                continue
            if operation["x-permission"] == "operate":
                continue
            for member, value in protected.items():
                if operation["operationId"] == "sign_in" and member == "account_id":
                    continue
                answer = await client.request(method, _with_ids(path, _ONES), json={member: value})
                assert answer.status_code == 422, f"{method} {path} {member}: {answer.status_code}"


async def _everything(site: Site) -> list[Any]:
    """All rows of the other account that anything could change."""
    async with site.app.database.system() as connection:
        rows: list[Any] = []
        for table in _TABLES:
            query = sql.SQL("SELECT t::text FROM {} t WHERE account_id = %s ORDER BY 1").format(sql.Identifier(table))
            cursor = await connection.execute(query, (site.other.account_id,))
            rows += await cursor.fetchall()
        more: tuple[LiteralString, ...] = (
            "SELECT u::text, m.role FROM users u JOIN memberships m USING (user_id) WHERE m.account_id = %s ORDER BY 1",
            "SELECT api_key_id, revoked_at FROM api_keys WHERE account_id = %s ORDER BY 1",
        )
        for text in more:
            rows += await (await connection.execute(text, (site.other.account_id,))).fetchall()
        return rows


#: Ids of nothing in particular, for every name in a path.
_ONES: dict[str, Any] = {
    **dict.fromkeys(
        (
            "user_id",
            "api_key_id",
            "contact_id",
            "field_id",
            "list_id",
            "form_id",
            "source_id",
            "segment_id",
            "inbox_id",
            "import_id",
            "template_id",
            "attachment_id",
            "image_id",
            "block_id",
            "other_id",
            "action_id",
            "campaign_id",
            "sender_id",
            "group_id",
            "domain_id",
            "event_type_id",
            "replay_id",
            "category_id",
            "webhook_id",
            "hook_id",
            "mailbox_id",
            "pull_id",
            "feed_id",
            "workflow_id",
            "version",
            "session_id",
        ),
        1,
    ),
    **dict.fromkeys(("app_key", "app_action_id", "connection_id", "run_id", "grant_id"), "f" * 24),
    "message_id": UUID(int=1),
    "inbound_text_id": UUID(int=1),
    "site_id": UUID(int=1),
    "external_id": "nothing",
    "product_id": "nothing",
}
_TABLES = (
    "contacts",
    "identities",
    "lists",
    "list_members",
    "subscription_categories",
    "custom_fields",
    "segments",
    "consent_events",
    "templates",
    "template_attachments",
    "images",
    "template_drafts",
    "bulk_actions",
    "template_versions",
    "content_blocks",
    "senders",
    "sender_group_members",
    "sending_domains",
    "dkim_keys",
    "campaigns",
    "messages",
    "imports",
    "events",
    "event_types",
    "event_replays",
    "sites",
    "webhooks",
    "bounce_hooks",
    "bounce_mailboxes",
    "workflows",
    "workflow_versions",
    "products",
    "product_feeds",
    "connections",
    "connectors",
    "actions",
    "action_runs",
    "oauth_grants",
)
#: Questions that are too long for a URL.
_READS = {
    "count_parts",
    "rehearse_replay",
    "count_matching",
    "say_condition",
    "explain_condition",
    "search_contacts",
    "count_audience",
    "preview_template",
    "preview_unsaved",
    "read_table",
    "check_unsaved",
    "make_plain_text",
    "check_template",
    "simulate_workflow",
    "simulate_definition",
}
_OWN = {"public", "signed_in"}

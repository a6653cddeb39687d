"""Every verb and every flag (membrane-api, 1.1 and 7). What a verb does is loaded when it is run."""

from __future__ import annotations

from syncom.cli.membrane.grammar import Flag, Grammar, Kind, Verb

FLAGS = (
    # Every verb has these.
    Flag("json", Kind.JSON, "", "Print exact JSON on standard output."),
    Flag("workspaceKey", Kind.VALUE, "KEY", "Workspace to work in."),
    Flag("tenantKey", Kind.VALUE, "KEY", "Tenant to work for."),
    Flag("apiUri", Kind.VALUE, "URL", "Server to ask; `login` remembers it."),
    Flag("non-interactive", Kind.SWITCH, "", "Open no browser and wait for nobody: print the address instead."),
    Flag("verbose", Kind.SWITCH, "", "Say on standard error what was asked and answered.", short="v"),
    Flag("help", Kind.SWITCH, "", "Show this.", short="h"),
    Flag("version", Kind.SWITCH, "", "Print the version."),
    # Logging in.
    Flag("tenant", Kind.SWITCH, "", "Log in for one tenant, so that no later command has to name it."),
    Flag("clientName", Kind.VALUE, "NAME", "What the login is called in lists: claude, codex, ..."),
    Flag("manager", Kind.SWITCH, "", "A token of the workspace itself, not of a tenant."),
    Flag("expiresIn", Kind.VALUE, "TIME", "How long the token is good: 90s, 30m, 1h, 7d. Default 1h."),
    Flag("shell", Kind.SWITCH, "", "Print export lines for a shell."),
    # What is meant.
    Flag("elementType", Kind.VALUE, "TYPE", "Only things of this kind: connector, connection, action, integration."),
    Flag("connectorId", Kind.VALUE, "ID", "A connector, by id."),
    Flag("connectorKey", Kind.VALUE, "KEY", "A connector, by key."),
    Flag("integrationId", Kind.VALUE, "ID", "An integration, by id."),
    Flag("integrationKey", Kind.VALUE, "KEY", "An integration, by key."),
    Flag("externalAppId", Kind.VALUE, "ID", "An app, by id."),
    Flag("connectionId", Kind.VALUE, "ID", "A connection, by id."),
    Flag("connectionKey", Kind.VALUE, "KEY", "A connection, by key."),
    Flag("intent", Kind.VALUE, "TEXT", "What you want, in your own words, in any language."),
    Flag("search", Kind.VALUE, "TEXT", "Only what has these words."),
    Flag("connectors", Kind.TRUTH, "1", "Also connectors that are no integration yet."),
    Flag("externalApps", Kind.TRUTH, "1", "Also apps that have no connector yet."),
    Flag("limit", Kind.VALUE, "N", "At most so many."),
    Flag("cursor", Kind.VALUE, "TEXT", "Go on where the last page ended: the `cursor` of its JSON."),
    # What is made or changed.
    Flag("name", Kind.VALUE, "TEXT", "What to call it."),
    Flag("key", Kind.VALUE, "KEY", "Key to find it by."),
    Flag("id", Kind.VALUE, "ID", "An action, by id."),
    Flag("type", Kind.VALUE, "TYPE", "Kind of the action, such as api-request-to-external-app."),
    Flag("config", Kind.VALUE, "JSON", "What the action does."),
    Flag("inputSchema", Kind.VALUE, "JSON", "JSON Schema of the action's input."),
    Flag("allowMultipleConnections", Kind.TRUTH, "", "Make another connection although there is one."),
    Flag("api", Kind.VALUE, "JSON", "A call of the app's API: {method, path, query, headers, body}."),
    Flag("code", Kind.VALUE, "JS", "A JavaScript function, where the server runs such."),
    Flag("actions", Kind.VALUE, "KEYS", "Only these actions: keys, separated by commas."),
    Flag("input", Kind.VALUE, "JSON", "Input, as the action's inputSchema says."),
    Flag("meta", Kind.VALUE, "JSON", "Notes that are kept with the run."),
    # Waiting and looking.
    Flag("wait", Kind.SWITCH, "", "Wait until it is no longer being built."),
    Flag("timeout", Kind.VALUE, "SECONDS", "How long to wait."),
    Flag("details", Kind.SWITCH, "", "Also what was sent to the app and answered."),
    # request.
    Flag("method", Kind.VALUE, "METHOD", "GET, POST, PUT, PATCH, DELETE. Default GET.", short="X"),
    Flag("header", Kind.MANY, '"Name: value"', "A header. May be repeated.", short="H"),
    Flag("data", Kind.VALUE, "TEXT", "The body; JSON where a record is changed.", short="d"),
    Flag("rawData", Kind.SWITCH, "", "Send the body as it is."),
    Flag("query", Kind.MANY, "k=v", "A query parameter. May be repeated."),
    Flag("pathParam", Kind.MANY, "k=v", "What stands for {k} in the path. May be repeated."),
    # agent-session.
    Flag("agent", Kind.VALUE, "NAME", "Which agent."),
    Flag("message", Kind.VALUE, "TEXT", "What to tell it."),
)

_EVERYWHERE = ("json", "workspaceKey", "tenantKey", "apiUri", "non-interactive", "verbose", "help", "version")
_APP = ("connectorId", "connectorKey", "integrationId", "integrationKey")
_ON = ("connectionId", "connectionKey")
_SCOPE = (*_ON, "integrationId", "integrationKey")
_PAGE = ("limit", "cursor")
_LOGIN = ("tenant", "clientName")

VERBS = (
    Verb(
        "login", (), _LOGIN,
        "Log in through the browser; without one, print the address and go on with `login complete`.",
        "login:login", "membrane login --tenant",
        "membrane search APP --elementType=connector",
    ),
    Verb(
        "login start", (), _LOGIN,
        "Print the address to log in at, and end.",
        "login:start", "membrane login start --tenant --json",
        "membrane login complete CODE",
    ),
    Verb(
        "login complete", ("CODE",), (),
        "Log in with the code that the browser shows.",
        "login:complete", "membrane login complete 5Yb2k...",
        "membrane search APP --elementType=connector",
    ),
    Verb("logout", (), (), "End the login, here and at the server.", "login:logout", "membrane logout"),
    Verb("status", (), (), "Say who is logged in, where, and for which tenant.", "login:status", "membrane status"),
    Verb("open", (), (), "Open the server's pages in the browser.", "login:open_console", "membrane open"),
    Verb(
        "mcp", (), ("connectionId", "connectionKey", "actions"),
        "Tools for an agent, by the Model Context Protocol on standard input and output. With a connection, each of its"
        " actions is a tool.",
        "agents:serve", "membrane mcp",
    ),
    Verb(
        "search", ("QUERY",), ("elementType", *_PAGE),
        "Find connectors, connections and actions by words.",
        "resources:search", "membrane search esputnik --elementType=connector --json",
        "membrane connect --connectorId=ID",
    ),
    Verb(
        "connect", ("[APP]",),
        (*_APP, *_ON, "intent", "name", "allowMultipleConnections", "timeout"),
        "Connect an app: opens its page in the browser, waits until it is connected, prints the connection."
        " APP is a web address or a domain. With --connectionId the same connection is connected anew.",
        "connecting:connect", "membrane connect --connectorId=ID --json",
        'membrane action list --connectionId=ID --intent="add a contact"',
    ),
    Verb(
        "connection list", (), ("integrationKey", "integrationId", "connectorId", "search", *_PAGE),
        "List the connections.",
        "resources:list_connections", "membrane connection list --json",
        "membrane action list --connectionId=ID",
    ),
    Verb(
        "connection get", ("CONNECTION",), ("wait", "timeout"),
        "Show a connection, by id or key.",
        "resources:get_connection", "membrane connection get ID --wait --json",
    ),
    Verb(
        "connection ensure", ("URL",), ("name",),
        "The connection of an app, found or begun. URL is the app's web address or domain.",
        "resources:ensure_connection", 'membrane connection ensure "https://esputnik.com" --json',
        "membrane connection get ID --wait",
    ),
    Verb(
        "connection create", ("INTENT",), ("name",),
        "Begin a connection to what you describe.",
        "resources:create_connection", 'membrane connection create "our mailing tool" --json',
        "membrane connection get ID --wait",
    ),
    Verb(
        "connection patch", ("CONNECTION",), ("data",),
        "Change a connection: its name, key, input or parameters.",
        "resources:patch_connection", """membrane connection patch ID --data '{"name": "Shop"}'""",
    ),
    Verb(
        "connection delete", ("CONNECTION",), (),
        "Delete a connection with its credentials.",
        "resources:delete_connection", "membrane connection delete ID",
    ),
    Verb(
        "connection archive", ("CONNECTION",), (),
        "The same as `connection delete`.",
        "resources:delete_connection", "membrane connection archive ID",
    ),
    Verb(
        "connection-request create", (), (*_APP, *_ON, "name", "allowMultipleConnections"),
        "A link that somebody else can connect an app by.",
        "connecting:create_request", "membrane connection-request create --connectorKey=esputnik --json",
        "membrane connection-request get ID --wait",
    ),
    Verb(
        "connection-request get", ("ID",), ("wait", "timeout"),
        "How a connection request goes.",
        "connecting:get_request", "membrane connection-request get ID --wait --json",
    ),
    Verb(
        "action list", (), (*_SCOPE, "externalAppId", "intent", "search", *_PAGE),
        "List actions, those that fit an intent first.",
        "resources:list_actions", 'membrane action list --intent="add a contact" --connectionId=ID --json',
        """membrane action run ACTION --connectionId=ID --input '{"key": "value"}'""",
    ),
    Verb(
        "action get", ("ACTION",), (*_SCOPE, "wait", "timeout"),
        "Show an action with the schemas of its input and output.",
        "resources:get_action", "membrane action get add-update-contact --connectionId=ID --json",
        """membrane action run ACTION --connectionId=ID --input '{"key": "value"}'""",
    ),
    Verb(
        "action create", ("[INTENT]",), (*_SCOPE, "name", "key", "type", "config", "inputSchema"),
        "Make an action: by words, or by --key, --type and --config.",
        "resources:create_action",
        "membrane action create --connectionId=ID --key=ping --type=api-request-to-external-app"
        """ --config '{"request": {"method": "GET", "path": "/ping"}}'""",
        "membrane action run ping --connectionId=ID",
    ),
    Verb(
        "action update", ("ACTION",), (*_SCOPE, "data"),
        "Change some members of an action.",
        "resources:update_action", """membrane action update ID --data '{"name": "Ping"}'""",
    ),
    Verb(
        "action replace", ("ACTION",), (*_SCOPE, "data"),
        "Replace an action.",
        "resources:replace_action", "membrane action replace ID --data JSON",
    ),
    Verb(
        "action delete", ("ACTION",), _SCOPE,
        "Delete an action.",
        "resources:delete_action", "membrane action delete ID",
    ),
    Verb(
        "action run", ("ACTION",), (*_SCOPE, "input", "meta"),
        "Run an action on a connection. ACTION is an id or a key.",
        "resources:run_action",
        """membrane action run --connectionId=ID add-update-contact --json --input '{"email": "anna@example.com"}'""",
        "membrane action-run-log get RUN",
    ),
    Verb(
        "act", (), (*_SCOPE, "api", "code", "key", "id", "input", "meta"),
        "Run an action by --key or --id, or one call of the app's API by --api.",
        "resources:act",
        """membrane act --connectionKey=esputnik --api '{"method": "GET", "path": "/v1/account/info"}' --json""",
        "membrane action-run-log get RUN",
    ),
    Verb(
        "action-run-log get", ("RUN",), ("details",),
        "Show what a run was given, what came out, and how long it took.",
        "resources:get_run", "membrane action-run-log get RUN --details --json",
    ),
    Verb(
        "request", ("CONNECTION", "PATH"), ("method", "header", "data", "rawData", "query", "pathParam"),
        "Call the API of a connected app. The server adds the address and the credentials; you get the app's answer."
        " --json sends a JSON body: --json with -d, or --json '{...}'.",
        "request:request", "membrane request ID /v1/contacts --query email=anna@example.com",
        sends_json=True,
    ),
    Verb(
        "integration list", (), ("search", "connectors", "externalApps", *_PAGE),
        "List integrations.",
        "resources:list_integrations", "membrane integration list --search shop --connectors 1 --json",
    ),
    Verb(
        "external-app list", (), ("search", *_PAGE),
        "List apps that are known by name.",
        "resources:list_apps", "membrane external-app list --search shop --json",
    ),
    Verb(
        "token", (), ("manager", "expiresIn"),
        "Print a token for programs that call the API themselves.",
        "login:token", "membrane token --tenantKey=shop --expiresIn=1h",
    ),
    Verb(
        "credentials", (), ("shell",),
        "Print which server, workspace and tenant the commands use.",
        "login:credentials", "membrane credentials --shell",
    ),
    *(
        Verb(name, arguments, flags, "Not on this server.", "absent:agents", "membrane action list", hidden=True)
        for name, arguments, flags in (
            ("agent-session create", (), ("agent", "message")),
            ("agent-session get", ("ID",), ("wait", "timeout")),
            ("agent-session send", ("ID",), ("message",)),
            ("agent-session abort", ("ID",), ()),
        )
    ),
    *(
        Verb(name, ("[FOLDER]",), (), "Not on this server.", "absent:workspaces", "membrane status", hidden=True)
        for name in (
            *("workspace init", "workspace pull", "workspace push", "workspace diff"),
            *("init", "pull", "push", "diff"),
        )
    ),
)  # fmt: skip

GRAMMAR = Grammar(FLAGS, VERBS, _EVERYWHERE)

#: First words, with what there is below them; in the order of the overview.
GROUPS = {
    "login": "Log in, and end a login without a browser.",
    "logout": "End the login.",
    "status": "Who is logged in, where.",
    "open": "Open the server's pages.",
    "search": "Find connectors, connections and actions.",
    "connect": "Connect an app in the browser.",
    "connection": "Connected apps.",
    "connection-request": "Links by which others connect an app.",
    "action": "Find actions by what you want done, and run them.",
    "act": "Run an action, or one call of an app's API.",
    "action-run-log": "What was run.",
    "request": "Call the API of a connected app.",
    "integration": "Integrations of the workspace.",
    "external-app": "Apps that are known by name.",
    "mcp": "Tools for agents, on standard input and output.",
    "token": "A token for programs.",
    "credentials": "Which server, workspace and tenant are used.",
}

"""The ``syncom`` command: what there is, loaded only when it is asked for, and what its exit codes mean.

====  ==========================================================================
0     done
1     it failed: a server is down, something unexpected
2     the command line is wrong
3     there is no such thing
4     the input is wrong, or contradicts what is stored
5     not allowed
130   interrupted
====  ==========================================================================
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from cyclopts import App, CycloptsError, Group

import syncom
from syncom.cli.membrane import main as membrane
from syncom.cli.membrane.verbs import GROUPS
from syncom.errors import Conflict, Forbidden, Invalid, NotFound, SyncomError, Unauthorized

EXIT_FAILED, EXIT_USAGE, EXIT_NOT_FOUND, EXIT_WRONG, EXIT_FORBIDDEN, EXIT_INTERRUPTED = 1, 2, 3, 4, 5, 130

_EPILOGUE = (
    "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 not found, 4 wrong input or conflict, 5 not allowed. "
    "Every command knows --json: exact JSON on standard output."
)

#: Name, where it is, what it does. The modules are imported when their command is run.
_COMMANDS = (
    ("up", "syncom.cli.up:up", "Start everything: database, web server, workers, dev inbox."),
    ("run", "syncom.cli.roles:app", "Run one process of `up` by itself."),
    ("migrate", "syncom.cli.installation:migrate", "Bring the database to this release's schema."),
    ("doctor", "syncom.cli.installation:doctor", "Say what is wrong with this installation, and what to do."),
    ("config", "syncom.cli.installation:config", "List all settings with their values and where these come from."),
    ("account", "syncom.cli.account:app", "Accounts of this installation."),
    ("user", "syncom.cli.user:app", "People who may sign in."),
    ("api-key", "syncom.cli.api_key:app", "Keys that programs sign in with."),
    ("contact", "syncom.cli.contact:app", "People: add, find, change, merge, and what happened to them."),
    ("field", "syncom.cli.field:app", "Custom fields of contacts."),
    ("list", "syncom.cli.lists:app", "Static groups of contacts."),
    ("category", "syncom.cli.category:app", "What subscribers can choose from."),
    ("consent", "syncom.cli.consent:app", "What people agreed to, and the proof of it."),
    ("form", "syncom.cli.form:app", "Forms and pop-ups that people subscribe with."),
    ("erasure", "syncom.cli.erasure:app", "People who were erased: certificates, and erasing again after a restore."),
    ("suppression", "syncom.cli.suppression:app", "Addresses that nothing is sent to, whoever they belong to."),
    ("text", "syncom.cli.text:app", "Texts for phones: what one costs, and what people sent."),
    ("import", "syncom.cli.imports:app", "Files of contacts: read one, follow it, go on with it."),
    ("export", "syncom.cli.export:app", "Contacts and activity as files."),
    ("event", "syncom.cli.event:app", "What happened in other systems."),
    ("event-type", "syncom.cli.event_type:app", "Kinds of events, and what each of them brings and does."),
    ("order", "syncom.cli.order:app", "What contacts bought."),
    ("cart", "syncom.cli.cart:app", "What lies in carts, and what became of those that were abandoned."),
    ("attribution", "syncom.cli.attribution:app", "What campaigns, workflows and single messages led to."),
    ("site", "syncom.cli.site:app", "Sites whose pages report what visitors do."),
    ("promocode", "syncom.cli.promocode:app", "Codes that are given away, each once."),
    ("product", "syncom.cli.product:app", "The product catalogue, and the feeds that fill it."),
    ("recommendation", "syncom.cli.recommendation:app", "By what products are recommended."),
    ("segment", "syncom.cli.segment:app", "Saved conditions that contacts match or not."),
    ("prediction", "syncom.cli.prediction:app", "When customers will order again, and for how much."),
    ("rfm", "syncom.cli.rfm:app", "Customers by recency, frequency and monetary value."),
    ("activity", "syncom.cli.activity:app", "What happened to messages, and how engaged contacts are."),
    ("report", "syncom.cli.reports:app", "Reports over time, by hour, by device, by receiving domain."),
    ("template", "syncom.cli.template:app", "Mails before they are sent."),
    ("sender", "syncom.cli.sender:app", "Where mail leaves: SMTP accounts, and the dev inbox until there is one."),
    ("policy", "syncom.cli.policy:app", "When marketing messages rest, and how many a contact may get."),
    ("domain", "syncom.cli.domain:app", "Domains that mails come from: DNS records, checks, keys."),
    ("campaign", "syncom.cli.campaign:app", "One mail to many people: audience, life, report."),
    ("journey", "syncom.cli.journey:app", "Who is where in a workflow, and why."),
    ("recipe", "syncom.cli.recipe:app", "Ready workflows with their templates."),
    ("workflow", "syncom.cli.workflow:app", "What is done with a contact after something happened."),
    ("message", "syncom.cli.message:app", "Single messages: send one, see where it is."),
    ("keys", "syncom.cli.keys:app", "The master keys that stored passwords and credentials are sealed with."),
    ("bounce", "syncom.cli.bounce:app", "Bounces and complaints, and the mailboxes and webhooks they come by."),
    ("webhook", "syncom.cli.webhook:app", "Servers that an account's activity is posted to as it happens."),
    (
        "workspace",
        "syncom.cli.workspace:app",
        "The account as Membrane's clients see it: key, secret, keys of its tokens.",
    ),
    ("client-token", "syncom.cli.client_token:app", "Long-lived tokens for agents and programs, with limits."),
    ("grant", "syncom.cli.grant:app", "Programs that people let in, and long-lived tokens."),
    ("connector", "syncom.cli.connector:app", "Apps that can be connected, and what can be called there."),
    ("pull", "syncom.cli.pull:app", "Contacts and orders pulled out of connected apps, on a schedule."),
    ("inbox", "syncom.cli.inbox:app", "Mail that was sent without an SMTP account."),
)


#: Verbs of the integration layer: see ``syncom.cli.membrane``. They read their command lines themselves.
_LAYER = Group("Integration layer (the same as `membrane`)", sort_key=1)


def command_line() -> App:
    """The command with everything below it."""
    app = App(
        name="syncom",
        help="Marketing automation: contacts, templates, campaigns and their reports.",
        help_format="plaintext",
        help_epilogue=_EPILOGUE,
        version=syncom.__version__,
    )
    for name, place, text in _COMMANDS:
        app.command(place, name=name, help=text)
    for name, text in _layer().items():
        app.command(_verb_of_the_layer, name=name, help=text, group=_LAYER)
    return app


def _layer() -> Mapping[str, str]:
    """The layer's verbs that are no commands of this installation."""
    own = {name for name, _, _ in _COMMANDS}
    return {name: text for name, text in GROUPS.items() if name not in own}


def _verb_of_the_layer(*words: str) -> None:
    """Stands for a verb in the list of commands; :func:`run` hands over to it before the list is made."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in _layer():
        return membrane.run(given, program="syncom")
    try:
        result = command_line()(given, exit_on_error=False, print_error=True, result_action="return_value")
    except CycloptsError:
        return EXIT_USAGE
    except SyncomError as error:
        return _explain(error)
    except BrokenPipeError:
        # The reader of our output went away, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return result if isinstance(result, int) else 0


def _explain(error: SyncomError) -> int:
    print(f"syncom: {error.message}", file=sys.stderr)
    if isinstance(error, Invalid):
        for wrong in error.fields[1:]:
            print(f"        {wrong.field}: {wrong.reason}", file=sys.stderr)
        return EXIT_WRONG
    if isinstance(error, Conflict):
        return EXIT_WRONG
    if isinstance(error, NotFound):
        return EXIT_NOT_FOUND
    if isinstance(error, (Forbidden, Unauthorized)):
        return EXIT_FORBIDDEN
    return EXIT_FAILED

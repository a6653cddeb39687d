"""``syncom keys``."""

from __future__ import annotations

from cyclopts import App

from syncom.cli.output import show, table
from syncom.cli.services import Output, installation, tell

app = App(name="keys", help="The master keys that stored passwords and credentials are sealed with.")
_PLAIN = Output()


@app.command(name="list")
async def list_keys(*, output: Output = _PLAIN) -> None:
    """List the keys and how much is sealed with each."""
    async with installation() as services:
        found = await services.keys.list()
    rows = [(one.key_id, one.state, one.made_at, one.sealed) for one in found.keys]

    def human() -> None:
        table(("key", "state", "since", "sealed with it"), rows, empty="There are no keys.")
        if found.without_id:
            print(f"{found.without_id} values were sealed before keys had ids; `syncom keys rotate` seals them again.")

    show(found, json=output.json, human=human)


@app.command
async def rotate(*, output: Output = _PLAIN) -> int:
    """Make a new key and seal everything with it, while everything runs. Run it again when it was cut off.

    The old key stays in the file for links in mails that went out. When several machines have a copy of the key file,
    copy it again afterwards.
    """
    async with installation() as services:
        done = await services.keys.rotate(on_progress=tell)

    def human() -> None:
        what = "The rotation that was begun is finished" if done.resumed else "Everything is sealed with a new key"
        print(f"{what if not done.left else 'Not everything is sealed again'}: {done.key_id}.")
        print(f"{done.sealed_again} values were sealed again.")
        if done.unreadable:
            print(f"{done.unreadable} values cannot be opened with any key in the file and stay as they are.")
        if done.left > done.unreadable:
            print(f"{done.left - done.unreadable} values are left: run it again.")

    show(done, json=output.json, human=human)
    return 1 if done.left else 0


@app.command
async def forget(key: str, *, output: Output = _PLAIN) -> None:
    """Take an old key out of the file. Links in mails that were sent while it was the current one stop working.

    Parameters
    ----------
    key
        Its id, as `syncom keys list` shows it.
    """
    async with installation() as services:
        await services.keys.forget(key)
    show({"forgotten": key}, json=output.json, human=lambda: print(f"The key {key} is forgotten."))

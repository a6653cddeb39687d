"""Commands of what is read on a schedule: ``syncom pull`` and ``syncom product feed`` have the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Protocol, TypeVar

from cyclopts import App, Parameter

from syncom.app import App as Services
from syncom.cli.output import show
from syncom.cli.services import Options, here

_DEFAULT = Options()
Ident = Annotated[int, Parameter(name="ID", help="Its id.")]
One = TypeVar("One")
Found = TypeVar("Found", covariant=True)


class Service(Protocol[Found]):
    """What looks after them."""

    async def get(self, account_id: int, ident: int, /) -> Found: ...

    async def set_enabled(self, account_id: int, ident: int, /, *, enabled: bool) -> Found: ...

    async def remove(self, account_id: int, ident: int, /) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Scheduled(Generic[One]):
    """One kind of them."""

    service: Callable[[Services], Service[One]]
    describe: Callable[[One], None]
    #: What each command does.
    shows: str
    pauses: str
    resumes: str
    removes: str
    #: Of what was removed: what programs are told besides its id, and a sentence.
    removed: Callable[[int, Any], tuple[dict[str, Any], str]]

    def add_commands(self, app: App) -> None:
        """``show``, ``pause``, ``resume`` and ``remove``."""

        async def show_one(ident: Ident, /, *, options: Options = _DEFAULT) -> None:
            async with here(options) as services:
                found = await self.service(services.app).get(services.account_id, ident)
            show(found, json=options.json, human=lambda: self.describe(found))

        async def pause(ident: Ident, /, *, options: Options = _DEFAULT) -> None:
            await self._set(ident, options, enabled=False)

        async def resume(ident: Ident, /, *, options: Options = _DEFAULT) -> None:
            await self._set(ident, options, enabled=True)

        async def remove(ident: Ident, /, *, options: Options = _DEFAULT) -> None:
            async with here(options) as services:
                gone = await self.service(services.app).remove(services.account_id, ident)
            told, sentence = self.removed(ident, gone)
            show({"removed": ident, **told}, json=options.json, human=lambda: print(sentence))

        app.command(show_one, name="show", help=self.shows)
        app.command(pause, help=self.pauses)
        app.command(resume, help=self.resumes)
        app.command(remove, help=self.removes)

    async def _set(self, ident: int, options: Options, *, enabled: bool) -> None:
        async with here(options) as services:
            found = await self.service(services.app).set_enabled(services.account_id, ident, enabled=enabled)
        show(found, json=options.json, human=lambda: self.describe(found))

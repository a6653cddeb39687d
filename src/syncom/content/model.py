"""Values of the content domain."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

from syncom.contacts.model import Channel
from syncom.content.velocity.model import Rules
from syncom.errors import Invalid
from syncom.products.model import ProductBlock


class Format(Enum):
    """How the source of a template is written."""

    HTML = "html"
    MJML = "mjml"
    #: Of every channel but email.
    TEXT = "text"


class Dialect(Enum):
    """In which language the tags of a template are written."""

    SYNCOM = "syncom"
    #: That of eSputnik: its merge tags, and Velocity.
    VELOCITY = "velocity"
    #: None: everything is printed as it stands.
    PLAIN = "plain"

    def params_of(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Parameters of a message that a workflow sends, from those of the event that led to it.

        They are ``data`` in a template. Velocity has all parameters in ``$data`` by itself, and each by its name.
        """
        return data if self is Dialect.VELOCITY else {"data": data}


class TemplateInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an author writes. ``text`` is the plain-text part; empty: it is made from the HTML.

    ``tags`` are what it is filed under; ``language`` (BCP 47) is that of its texts, empty when nobody said;
    ``dialect`` is the language of its tags;
    ``sender_id`` is whom its mails come from unless the send says otherwise; ``from_name`` replaces its name;
    ``categories`` are keys of the subscription categories that what is made from it belongs to.

    Of other channels than email, ``source`` is the text, ``subject`` its title where it has one, and ``members`` is
    what else a message of the channel has (``content/members.py``).
    """

    name: str
    subject: str
    source: str
    format: Format = Format.HTML
    dialect: Dialect = Dialect.SYNCOM
    preheader: str = ""
    text: str = ""
    tags: tuple[str, ...] = ()
    language: str = ""
    sender_id: int | None = None
    from_name: str = ""
    channel: Channel = Channel.EMAIL
    members: dict[str, Any] = {}
    categories: tuple[str, ...] = ()


class Rich(msgspec.Struct, frozen=True, kw_only=True):
    """What a Viber message may have beside its text."""

    #: Address of a picture.
    image: str = ""
    #: The words on the button, and where it leads.
    caption: str = ""
    action: str = ""
    #: How long delivery is tried; 0: a day.
    ttl_seconds: int = 0
    #: What an iPhone shows for a message that came too late.
    ios_text: str = ""


class PushAction(msgspec.Struct, frozen=True, kw_only=True):
    """A button of a notification: its words, and where it leads. Both are templates."""

    title: str
    link: str


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """What a web push message has beside its title (``subject``) and its text."""

    #: Where a click on it leads, a template; empty: nowhere.
    link: str = ""
    actions: tuple[PushAction, ...] = ()
    #: Addresses of pictures.
    icon: str = ""
    image: str = ""
    #: Seconds for which it is worth delivering; 0: a day.
    ttl_seconds: int = 0
    #: 'very-low', 'low', 'normal', 'high' (RFC 8030, 5.3); empty: normal.
    urgency: str = ""
    #: Takes the place of one with the same topic, that waits or is shown; empty: of none.
    topic: str = ""
    #: Whether it stays until somebody closes it.
    require_interaction: bool = False

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """Its templates, and what an author knows them by."""
        found = [("link", self.link)] if self.link else []
        for place, action in enumerate(self.actions):
            found += [(f"actions.{place}.title", action.title), (f"actions.{place}.link", action.link)]
        return tuple(found)


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file that goes with every mail of a template. Its row never changes once it is stored."""

    attachment_id: int
    file_name: str
    content_type: str
    #: In bytes, before any transfer encoding.
    size: int


class AttachedFile(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment with its bytes, as the sender needs it."""

    file_name: str
    content_type: str
    content: bytes


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A stored template. ``content_id`` names the compiled form of this ``version``."""

    template_id: int
    name: str
    subject: str
    preheader: str
    format: Format
    source: str
    text: str
    content_id: int
    version: int
    created_at: datetime
    updated_at: datetime
    tags: tuple[str, ...] = ()
    language: str = ""
    sender_id: int | None = None
    from_name: str = ""
    channel: Channel = Channel.EMAIL
    members: dict[str, Any] = {}
    dialect: Dialect = Dialect.SYNCOM
    categories: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    #: Languages it has versions in, beside its own.
    languages: tuple[str, ...] = ()

    def as_input(self) -> TemplateInput:
        """What its author wrote, to be changed and saved again."""
        return TemplateInput(
            name=self.name,
            subject=self.subject,
            source=self.source,
            format=self.format,
            dialect=self.dialect,
            preheader=self.preheader,
            text=self.text,
            tags=self.tags,
            language=self.language,
            sender_id=self.sender_id,
            from_name=self.from_name,
            channel=self.channel,
            members=self.members,
            categories=self.categories,
        )


class ContentLabel(msgspec.Struct, frozen=True, kw_only=True):
    """What a content says about itself to readers of the ledger, whatever becomes of its template."""

    #: None: made for one send.
    template_id: int | None = None
    name: str = ""
    tags: tuple[str, ...] = ()
    language: str = ""
    channel: Channel = Channel.EMAIL


class LanguageInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The texts of a template in another language; what they are written in stays the template's."""

    subject: str
    source: str
    preheader: str = ""
    text: str = ""
    members: dict[str, Any] = {}


class LanguageVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A template in another language. ``content_id`` names its compiled form."""

    language: str
    subject: str
    preheader: str
    source: str
    text: str
    content_id: int
    updated_at: datetime
    members: dict[str, Any] = {}


class Sendable(msgspec.Struct, frozen=True, kw_only=True):
    """A template as it is now, for a send: which content goes to whom, and who sends it."""

    template_id: int
    channel: Channel
    #: For everybody without a version in their language.
    content_id: int
    language: str
    #: Content ids by language.
    languages: dict[str, int]
    sender_id: int | None
    #: Stands in for the sender's name.
    from_name: str = ""
    dialect: Dialect = Dialect.SYNCOM
    #: Keys of subscription categories that its messages belong to.
    categories: tuple[str, ...] = ()

    def content_for(self, language: str) -> int:
        """The content for a reader of this language."""
        return content_in(self.all_languages, language, self.content_id)

    @property
    def all_languages(self) -> dict[str, int]:
        """Content ids by language, the template's own among them; empty when it has no other."""
        if not self.languages or not self.language:
            return self.languages
        return {self.language: self.content_id, **self.languages}


def content_in(languages: Mapping[str, int], language: str, otherwise: int) -> int:
    """The content in a language (BCP 47), in the same language without its region, or the one for everybody."""
    if not languages or not language:
        return otherwise
    found = languages.get(language)
    return languages.get(language.partition("-")[0], otherwise) if found is None else found


class TemplateSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A template in a list, without its texts."""

    template_id: int
    name: str
    subject: str
    format: Format
    version: int
    created_at: datetime
    updated_at: datetime
    tags: tuple[str, ...] = ()
    language: str = ""
    channel: Channel = Channel.EMAIL


class TemplatePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of templates by ascending id; ``next_cursor`` is None on the last one."""

    templates: tuple[TemplateSummary, ...]
    next_cursor: int | None


class VelocityTag(msgspec.Struct, frozen=True, array_like=True):
    """A tag of Velocity as its author wrote it, merge fields in it as slots, and the line it stood in."""

    source: str
    line: int


class CompiledContent(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a template, ready to be rendered: immutable, stored in ``contents.compiled``.

    ``subject``, ``html`` and ``text`` are templates in the language of ``language.py``, with the marks that only
    the compiler may write: places of the tracked links, the pixel and the honeypot.
    """

    subject: str
    #: Static, for interfaces that show it; the HTML holds it already.
    preheader: str
    html: str
    text: str
    #: Targets of the tracked links by number; a link whose target is personal has an empty one.
    links: tuple[str, ...] = ()
    #: Merge fields of contacts that this content names: one without a value prints as an empty text.
    fields: tuple[str, ...] = ()
    #: Names that no contact has: they must come with the message.
    params: tuple[str, ...] = ()
    #: Whether it names the address of its own web page.
    is_viewable: bool = False
    attachments: tuple[Attachment, ...] = ()
    #: Stands in for the name of the sender; empty: the sender's own.
    from_name: str = ""
    dialect: Dialect = Dialect.SYNCOM
    #: Tags of another dialect, by the number of their marks.
    velocity: tuple[VelocityTag, ...] = ()
    rules: Rules = Rules()
    #: Whether the text part was made from the HTML: tags in values are no part of it then.
    text_is_derived: bool = False
    #: Fields of the contact that a template may read as members of `$data`, by the vendor's names.
    data_fields: dict[str, str] = {}
    #: Products that its parts ask for: they are looked up for a batch of recipients before mails are made.
    products: tuple[ProductBlock, ...] = ()
    #: Texts for phones have ``text`` alone; this is what a Viber message has beside it.
    rich: Rich | None = None
    #: What a web push message has beside its title and text.
    notification: Notification | None = None


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient's mail before MIME. Lines of ``html`` and ``text`` end as the author wrote them."""

    subject: str
    html: str
    text: str
    #: For List-Unsubscribe (RFC 8058) and for the merge field of the same name.
    unsubscribe_url: str


class RenderedText(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient's text for a phone."""

    text: str
    #: Targets of the short links in it that lead somewhere personal, by number.
    targets: dict[int, str]


class RenderedNotification(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient's notification."""

    title: str
    text: str
    #: Where a click leads; empty: nowhere.
    link: str
    #: Words and address of each button.
    actions: tuple[tuple[str, str], ...]
    #: Targets of its short links that lead somewhere personal, by number.
    targets: dict[int, str]


class Severity(Enum):
    """How bad a finding is."""

    #: Sending would fail or mislead.
    ERROR = "error"
    #: Sending works; the mail is worse than it could be.
    WARNING = "warning"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something a check found. ``where`` is 'subject', 'preheader', 'html', 'text' or 'attachments'."""

    kind: str
    severity: Severity
    message: str
    where: str


class RenderError(Invalid):
    """This recipient's mail cannot be made; the field that is to blame is named."""

    code = "render_error"

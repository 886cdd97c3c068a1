"""What a message looks like: the words about the topic, wrapped in greetings, context, signatures and quotes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from random import Random

from models.sample.people import Account, Person
from models.sample.phrases import fill, join, roughen
from models.sample.plan import Company, Topic, load_shared


@dataclass(frozen=True, slots=True)
class Style:
    """How people write in one channel: chances (0 to 1) of each ornament."""

    detail: float
    context: float
    grumble: float
    greeting: float
    closing: float
    signature: float
    haste: float


STYLES: Mapping[str, Style] = {
    "app": Style(0.42, 0.10, 0.06, 0.06, 0.08, 0.0, 0.50),
    "zendesk": Style(0.62, 0.30, 0.08, 0.50, 0.42, 0.22, 0.30),
    "mail": Style(0.72, 0.42, 0.07, 0.85, 0.80, 0.60, 0.18),
    "reviews": Style(0.15, 0.06, 0.10, 0.0, 0.0, 0.0, 0.35),
}

_GREETED = ("hello", "hi", "good ", "dear", "hey", "please", "sorry")
_FOOTER = (
    "This e-mail may contain confidential information. If you are not the intended recipient, please delete it."
)


@dataclass(frozen=True, slots=True)
class Letter:
    """One message in its parts; every part but the body may be empty."""

    body: str
    signature: str = ""
    quote_head: str = ""
    quote: str = ""

    def as_text(self) -> str:
        """Render as plain text; the quote is marked with `> `."""
        quoted = "\n".join(f"> {line}".rstrip() for line in self.quote.splitlines())
        history = f"{self.quote_head}\n{quoted}" if self.quote else ""
        return "\n\n".join(part for part in (self.body, self.signature, history) if part)

    def as_html(self) -> str:
        """Render as the HTML that mail programs write."""
        parts = [f"<p>{_breaks(paragraph)}</p>" for paragraph in self.body.split("\n\n")]
        if self.signature:
            parts.append(f'<div class="signature">{_breaks(self.signature)}</div>')
        if self.quote:
            head = f"<div>{escape(self.quote_head)}</div>"
            parts.append(f'{head}<blockquote type="cite">{_breaks(self.quote)}</blockquote>')
        return f"<html><body>{''.join(parts)}</body></html>"


def write_first(
    rng: Random, topic: Topic, source: str, sender: tuple[Account, Person], words: Mapping[str, str]
) -> tuple[str, Letter, str]:
    """Write the first message of a ticket. Returns subject (may be empty), letter and language code."""
    account, person = sender
    style = STYLES[source]
    words = {"plan": account.plan, **words}
    language, core = _core(rng, topic, words, style)
    subject = roughen(fill(rng.choice(topic.subjects), rng, words), rng, haste=style.haste)
    if language != "en":
        return "", Letter(core), language
    return subject, _wrap(rng, core, style, account, person, words), language


def write_follow_up(rng: Random, source: str, words: Mapping[str, str], *, solved: bool) -> str:
    """Write a short second message of a customer: a nudge, or thanks when the matter is solved."""
    shared = load_shared()
    template = rng.choice(shared["thanks_replies" if solved else "follow_ups"])
    return roughen(fill(template, rng, words), rng, haste=STYLES[source].haste)


def write_answer(rng: Random, company: Company, person: Person, agent: str) -> Letter:
    """Write an answer of the support team, from its stock of standard texts."""
    reply = rng.choice(load_shared()["agent_replies"])
    first = person.name.split()[0]
    return Letter(f"Hi {first},\n\n{reply}", f"Best regards\n{agent}\n{company.support_name}")


def quote_head(company: Company, at: datetime) -> str:
    """Write the line that mail programs put above a quoted message of the support team."""
    return f"On {at:%d} {at:%B} {at:%Y} at {at:%H:%M}, {company.support_name} <{company.support_email}> wrote:"


def _core(rng: Random, topic: Topic, words: Mapping[str, str], style: Style) -> tuple[str, str]:
    if topic.foreign and rng.random() < 0.02:
        return rng.choice(topic.foreign)
    shared = load_shared()
    parts = [fill(rng.choice(topic.texts), rng, words)]
    if topic.details and rng.random() < style.detail:
        parts.append(fill(rng.choice(topic.details), rng, words))
    if topic.kind == "complaint" and rng.random() < style.grumble:
        parts.append(rng.choice(shared["grumbles"]))
    return "en", roughen(join(parts), rng, haste=style.haste)


def _wrap(
    rng: Random, core: str, style: Style, account: Account, person: Person, words: Mapping[str, str]
) -> Letter:
    shared = load_shared()
    long = style.greeting > 0.3
    gap = "\n\n" if long else " "
    context = ""
    if rng.random() < style.context:
        context = fill(rng.choice(shared["contexts"]), rng, words)
        core = join([context, core]) if rng.random() < 0.4 else join([core, context])
    if long and rng.random() < 0.04:
        core = join([core, f"You reach me on {person.phone}."])
    if rng.random() < style.greeting and not core.lower().startswith(_GREETED):
        core = f"{rng.choice(shared['greetings'])}{gap}{core}"
    if rng.random() < style.closing:
        core = join([core, rng.choice(shared["closings"])]) if gap == " " else _close(rng, core, person)
    signed = rng.random() < style.signature
    return Letter(core, _signature(rng, account, person) if signed else "")


def _close(rng: Random, core: str, person: Person) -> str:
    closing = rng.choice(load_shared()["closings"])
    name = rng.choice((person.name, person.name, person.name.split()[0], ""))
    return f"{core}\n\n{closing}\n{name}".rstrip()


def _signature(rng: Random, account: Account, person: Person) -> str:
    form = rng.randrange(5)
    if form == 0:
        return "Sent from my phone"
    block = {
        1: f"{person.name}\n{account.name}\n{person.phone}",
        2: f"-- \n{person.name}\n{account.name} | {person.phone} | {person.email}",
        3: f"{person.name}\nOffice, {account.name}\nTel. {person.phone}\n{person.email}",
        4: f"--\n{account.name}\n{person.email}",
    }[form]
    return f"{block}\n\n{_FOOTER}" if rng.random() < 0.1 else block


def _breaks(text: str) -> str:
    return escape(text, quote=False).replace("\n", "<br>")

"""What a message looks like: words about the topic, wrapped in greetings, context, signatures and quotes."""

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
    aside: float
    second: float
    grumble: float
    greeting: float
    closing: float
    signature: float
    haste: float


STYLES: Mapping[str, Style] = {
    "app": Style(0.40, 0.12, 0.05, 0.02, 0.05, 0.06, 0.08, 0.0, 0.50),
    "zendesk": Style(0.58, 0.34, 0.14, 0.06, 0.07, 0.50, 0.42, 0.22, 0.30),
    "mail": Style(0.66, 0.46, 0.18, 0.07, 0.06, 0.85, 0.80, 0.60, 0.18),
    "reviews": Style(0.15, 0.06, 0.05, 0.02, 0.10, 0.0, 0.0, 0.0, 0.35),
}

FOREIGN_CHANCE = 0.012
"""Share of messages in another language, for the topics that have such phrasings."""

BRIEF = 110
"""Longest phrasing, in characters, that is used for a second matter mentioned in passing."""

VAGUE_SUBJECT_CHANCE = 0.15
"""Share of complaints whose subject line says nothing."""

VAGUE_CHANCE = 0.025
"""Share of complaints that do not say what they are about, as every support desk knows them."""

_GREETED = ("hello", "hi", "good ", "dear", "hey", "please", "sorry")
_FOOTER = (
    "This e-mail may contain confidential information. "
    "If you are not the intended recipient, please delete it."
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


@dataclass(frozen=True, slots=True)
class First:
    """The first message of a ticket.

    `vague`: nobody could tell the topic from the words; `also`: key of a second topic mentioned in passing.
    """

    subject: str
    letter: Letter
    language: str = "en"
    vague: bool = False
    also: str | None = None


def write_first(
    rng: Random,
    topic: Topic,
    other: Topic,
    source: str,
    sender: tuple[Account, Person],
    words: Mapping[str, str],
) -> First:
    """Write the first message of a ticket about `topic`; some people add a sentence about `other`."""
    style = STYLES[source]
    words = {"plan": sender[0].plan, **words}
    if topic.foreign and rng.random() < FOREIGN_CHANCE:
        language, body = rng.choice(topic.foreign)
        return First("", Letter(body), language)
    trouble = topic.kind == "complaint"
    if trouble and rng.random() < VAGUE_CHANCE:
        return _vague(rng, style, sender, words)
    subject = _subject(rng, topic, words, style)
    core = _core(rng, topic, words, style)
    also = trouble and rng.random() < style.second
    if also:
        link = rng.choice(load_shared()["by_the_ways"])
        brief = [text for text in other.texts if len(text) < BRIEF]
        core = join([core, f"{link} {fill(rng.choice(brief), rng, words)}"])
    letter = _wrap(rng, roughen(core, rng, haste=style.haste), topic.kind, style, sender)
    return First(subject, letter, also=other.key if also else None)


def write_follow_up(rng: Random, source: str, words: Mapping[str, str], *, solved: bool) -> str:
    """Write a short second message of a customer: a nudge, or thanks when the matter is solved."""
    shared = load_shared()
    template = rng.choice(shared["thanks_replies" if solved else "follow_ups"])
    return roughen(fill(template, rng, words), rng, haste=STYLES[source].haste)


def write_answer(rng: Random, company: Company, kind: str, person: Person, agent: str) -> Letter:
    """Write an answer of the support team, from its stock of standard texts for this kind of message."""
    stock = {"complaint": "agent_replies", "question": "question_replies"}.get(kind, "idea_replies")
    reply = rng.choice(load_shared()[stock])
    first = person.name.split()[0]
    return Letter(f"Hi {first},\n\n{reply}", f"Best regards\n{agent}\n{company.support_name}")


def quote_head(company: Company, at: datetime) -> str:
    """Write the line that mail programs put above a quoted message of the support team."""
    return (
        f"On {at:%d} {at:%B} {at:%Y} at {at:%H:%M}, {company.support_name} <{company.support_email}> wrote:"
    )


def _vague(rng: Random, style: Style, sender: tuple[Account, Person], words: Mapping[str, str]) -> First:
    shared = load_shared()
    core = roughen(fill(rng.choice(shared["vague_texts"]), rng, words), rng, haste=style.haste)
    letter = _wrap(rng, core, "complaint", style, sender)
    return First(rng.choice(shared["vague_subjects"]), letter, vague=True)


def _subject(rng: Random, topic: Topic, words: Mapping[str, str], style: Style) -> str:
    if topic.kind == "complaint" and rng.random() < VAGUE_SUBJECT_CHANCE:
        return rng.choice(load_shared()["vague_subjects"])
    return roughen(fill(rng.choice(topic.subjects), rng, words), rng, haste=style.haste / 2.0)


def _core(rng: Random, topic: Topic, words: Mapping[str, str], style: Style) -> str:
    """Say what the matter is, in up to five sentences around one phrasing of the topic."""
    shared = load_shared()
    trouble = topic.kind == "complaint"
    parts = [fill(rng.choice(topic.texts), rng, words)]
    if topic.details and rng.random() < style.detail:
        parts.append(fill(rng.choice(topic.details), rng, words))
    if trouble and rng.random() < style.aside:
        parts.append(fill(rng.choice(shared["asides"]), rng, words))
    if rng.random() < style.context:
        contexts = shared["contexts"] + (shared["trouble_contexts"] if trouble else ())
        at = 0 if rng.random() < 0.4 else len(parts)
        parts.insert(at, fill(rng.choice(contexts), rng, words))
    if trouble and rng.random() < style.grumble:
        parts.append(rng.choice(shared["grumbles"]))
    return join(parts)


def _wrap(rng: Random, core: str, kind: str, style: Style, sender: tuple[Account, Person]) -> Letter:
    """Put greeting, closing and signature around the matter, as far as the channel has them."""
    shared = load_shared()
    account, person = sender
    long = style.greeting > 0.3
    if long and rng.random() < 0.04:
        core = join([core, f"You reach me on {person.phone}."])
    if rng.random() < style.greeting and not core.lower().startswith(_GREETED):
        gap = "\n\n" if long else " "
        core = f"{rng.choice(shared['greetings'])}{gap}{core}"
    if rng.random() < style.closing:
        closing = rng.choice(shared["kind_closings" if kind == "praise" else "closings"])
        core = _close(rng, core, closing, person) if long else join([core, closing])
    signed = rng.random() < style.signature
    return Letter(core, _signature(rng, account, person) if signed else "")


def _close(rng: Random, core: str, closing: str, person: Person) -> str:
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

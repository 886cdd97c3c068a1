"""Pull tickets from Zendesk: the incremental export by cursor, then each changed ticket's comments.

The export (10 requests a minute) lists what changed since a moment that lies at least a minute back; deleted tickets
come with the status `deleted`. It has the description, and, asked for, the number of comments: a ticket of which
the description is the only one needs no further request. A cursor that Zendesk no longer takes starts anew a little
before what was covered; versions that are stored already are not fetched again.

Messages are named as the webhooks' parser names them: the description is `FIRST_MESSAGE`, a comment its own id.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from models.errors import Invalid
from models.sources.paths import first_of, mapped
from models.sources.payload import (
    JsonObject,
    channel_of,
    flag_of,
    id_of,
    language_of,
    object_or_empty,
    read_object,
    short_of,
    status_of,
    tags_of,
    text_of,
)
from models.sources.pull import (
    Ask,
    Page,
    Puller,
    Stub,
    Talk,
    answer_of,
    cursor_text,
    day_bounds,
    id_in,
    is_missing,
    iso,
    moment_in,
    number_in,
    objects,
    stands,
    told_at,
)
from models.sources.source import SourceSettings, tagged
from models.sources.times import past_instant_of
from models.sources.zendesk import CALL
from models.values.feedback import (
    FIRST_MESSAGE,
    Action,
    AuthorRole,
    Change,
    FeedbackChange,
    Rating,
    RatingKind,
)

PAGE_TICKETS = 100
"""The export is limited by requests a minute, the comments by more: pages of a hundred keep the two in step."""
LATEST_BACK = timedelta(seconds=90)
"""The export refuses a start within the last minute."""
OVERLAP = timedelta(minutes=10)

_SUBDOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_MERGED = re.compile(r"merged into (?:request|ticket) #([0-9]{1,18})", re.IGNORECASE)
_MERGE_TAG = "closed_by_merge"
_STAFF = ("agent", "admin")


def base(place: str) -> str:
    """Return the address of a subdomain's API."""
    if not _SUBDOMAIN.fullmatch(place):
        raise Invalid(
            "subdomain must be the part before .zendesk.com: letters, digits, hyphens", field="place"
        )
    return f"https://{place}.zendesk.com"


def sign(token: str, account: str | None) -> tuple[tuple[str, str], ...]:
    """Return the header of an API token, which belongs to an agent's e-mail, or of an OAuth token."""
    if not account:
        return (("Authorization", f"Bearer {token}"),)
    pair = base64.b64encode(f"{account}/token:{token}".encode()).decode()
    return (("Authorization", f"Basic {pair}"),)


def page(place: str, cursor: JsonObject, since: datetime, now: datetime) -> Talk[Page]:
    """Read the next page of changed tickets."""
    after = cursor_text(cursor, "after")
    start = _start(cursor, since, now)
    reply = yield _export(after, start)
    if after and reply.status != 200:
        after = None
        reply = yield _export(None, start)
    answer = answer_of(reply)
    emails = _by_id(answer.get("users"))
    stubs = tuple(_stub(each, emails) for each in objects(answer.get("tickets"), name="tickets"))
    now = min(now, told_at(reply, now))
    done = flag_of(answer.get("end_of_stream"), field="end_of_stream") is not False
    following = id_of(answer.get("after_cursor"), field="after_cursor") or after
    covered = now - LATEST_BACK if done else max(map(_changed_at, stubs), default=start)
    written: JsonObject = {"covered": iso(covered)}
    return Page(stubs, {**written, "after": following} if following else written, done, covered)


def _start(cursor: JsonObject, since: datetime, now: datetime) -> datetime:
    """Say from when to read where there is no cursor: a little before what was covered."""
    covered = moment_in(cursor, "covered")
    return min(max(since, covered - OVERLAP) if covered else since, now - LATEST_BACK)


def _export(after: str | None, start: datetime) -> Ask:
    place = ("cursor", after) if after else ("start_time", str(int(start.timestamp())))
    fixed = (("per_page", str(PAGE_TICKETS)), ("include", "users,comment_count"))
    reads = frozenset({400, 404, 410, 422}) if after else frozenset[int]()
    return Ask("/api/v2/incremental/tickets/cursor.json", (place, *fixed), reads=reads)


def _by_id(users: object) -> Mapping[str, JsonObject]:
    return {id_in(user): user for user in objects(users or [], name="users")}


def _stub(ticket: JsonObject, users: Mapping[str, JsonObject]) -> Stub:
    requester = users.get(id_of(ticket.get("requester_id"), field="requester_id") or "")
    listed: JsonObject = {"ticket": ticket, "users": [requester] if requester else []}
    gone = ticket.get("status") == "deleted"
    return Stub(id_in(ticket), _version(ticket), moment_in(ticket, "created_at"), listed, gone)


def _version(ticket: JsonObject) -> str:
    """Name a ticket's version: changes by the system alone move the export's own timestamp only."""
    return str(int(_moment_of_change(ticket).timestamp()))


def _moment_of_change(ticket: JsonObject) -> datetime:
    updated = moment_in(ticket, "updated_at") or datetime(1990, 1, 1, tzinfo=UTC)
    generated = moment_in(ticket, "generated_timestamp")
    return max(updated, generated) if generated else updated


def _changed_at(stub: Stub) -> datetime:
    return _moment_of_change(object_or_empty(stub.listed.get("ticket"), field="ticket"))


def details(place: str, stub: Stub) -> Talk[JsonObject | None]:
    """Add a ticket's comments with who wrote them."""
    ticket = object_or_empty(stub.listed.get("ticket"), field="ticket")
    users = dict(_by_id(stub.listed.get("users")))
    if stub.gone or ticket.get("comment_count") == 1:
        return {**stub.listed, "comments": []}
    comments: list[JsonObject] = []
    after: str | None = None
    while True:
        paging = (("page[after]", after),) if after else ()
        reply = yield Ask(
            f"/api/v2/tickets/{stub.external_id}/comments.json",
            (("page[size]", "100"), ("include", "users"), *paging),
            reads=frozenset({404}),
        )
        if is_missing(reply):
            return gone(stub.external_id)
        answer = answer_of(reply)
        comments += objects(answer.get("comments"), name="comments")
        users |= _by_id(answer.get("users"))
        meta = object_or_empty(answer.get("meta"), field="meta")
        after = cursor_text(meta, "after_cursor")
        if meta.get("has_more") is not True or not after:
            return {"ticket": ticket, "users": list(users.values()), "comments": list(comments)}


def one(place: str, external_id: str) -> Talk[Stub | None]:
    """Find one ticket."""
    if not external_id.isascii() or not external_id.isdecimal():
        return None
    reply = yield Ask(f"/api/v2/tickets/{external_id}.json", (("include", "users"),), reads=frozenset({404}))
    if is_missing(reply):
        return None
    answer = answer_of(reply)
    ticket = object_or_empty(answer.get("ticket"), field="ticket")
    return _stub(ticket, _by_id(answer.get("users")))


def count(place: str, day: date) -> Talk[int]:
    """Ask how many tickets were created on a day."""
    reply = yield Ask("/api/v2/search/count.json", (("query", f"type:ticket {_created(day)}"),))
    return number_in(answer_of(reply), "count")


def listed(place: str, day: date) -> Talk[tuple[Stub, ...]]:
    """List the tickets that were created on a day."""
    found: list[Stub] = []
    after: str | None = None
    while True:
        paging = (("page[after]", after),) if after else ()
        fixed = (("filter[type]", "ticket"), ("query", _created(day)), ("page[size]", "100"))
        answer = answer_of((yield Ask("/api/v2/search/export.json", (*fixed, *paging))))
        found += (_stub(each, {}) for each in objects(answer.get("results"), name="results"))
        meta = object_or_empty(answer.get("meta"), field="meta")
        after = cursor_text(meta, "after_cursor")
        if meta.get("has_more") is not True or not after:
            return tuple(found)


def _created(day: date) -> str:
    start, end = day_bounds(day)
    return f"created>={iso(start)} created<{iso(end)}"


def gone(external_id: str) -> JsonObject:
    """Write the record of what was deleted at the vendor."""
    return {"ticket": {"id": external_id, "status": "deleted"}, "users": [], "comments": []}


# --- what a pulled ticket says ------------------------------------------------------------------------------


def parse(
    body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> tuple[Change, ...]:
    """Turn a pulled ticket into its messages and its state."""
    record = read_object(body)
    ticket = object_or_empty(record.get("ticket"), field="ticket")
    external_id = id_in(ticket)
    changed_at = past_instant_of(ticket.get("updated_at"), field="updated_at", received_at=received_at)
    if ticket.get("status") == "deleted":
        # Its own time of change may lie before the deletion, which moves the export's timestamp; where there is none,
        # what counts is that it is gone now.
        gone_at = _generated_at(ticket, received_at) or received_at
        return (FeedbackChange(action=Action.DELETE, external_id=external_id, occurred_at=gone_at),)
    known = _ticket(ticket, _by_id(record.get("users")), settings=settings, received_at=received_at)
    comments = objects(record.get("comments") or [], name="comments")
    messages = _messages(known, ticket, comments, _by_id(record.get("users")), received_at)
    merged = _merge(ticket, comments, known, changed_at)
    standing = replace(stands(known), occurred_at=_generated_at(ticket, received_at) or changed_at)
    return (standing, *messages, replace(known, action=Action.UPDATE_STATUS), *merged)


def _generated_at(ticket: JsonObject, received_at: datetime) -> datetime | None:
    return past_instant_of(
        ticket.get("generated_timestamp"), field="generated_timestamp", received_at=received_at
    )


def _ticket(
    ticket: JsonObject, users: Mapping[str, JsonObject], *, settings: SourceSettings, received_at: datetime
) -> FeedbackChange:
    """Read what a ticket says about itself, without any text but the subject."""
    via = object_or_empty(ticket.get("via"), field="via")
    tags = tags_of(ticket.get("tags") or [], field="tags", separator=None)
    customer = id_of(ticket.get("requester_id"), field="requester_id")
    requester = users.get(customer or "", {})
    known = FeedbackChange(
        action=Action.UPDATE_STATUS,
        external_id=id_in(ticket),
        created_at=past_instant_of(ticket.get("created_at"), field="created_at", received_at=received_at),
        updated_at=past_instant_of(ticket.get("updated_at"), field="updated_at", received_at=received_at),
        subject=text_of(ticket.get("subject"), field="subject"),
        customer_id=customer,
        customer_email=short_of(requester.get("email"), field="users.email"),
        account_id=id_of(ticket.get("organization_id"), field="organization_id"),
        channel=channel_of(via.get("channel"), field="via.channel"),
        language=language_of(requester.get("locale"), field="users.locale"),
        tags=tags,
        plan=tagged(tags, settings.plan_tag_prefix),
        product_area=tagged(tags, settings.area_tag_prefix),
        status=status_of(ticket.get("status"), field="status", words=settings.statuses),
        rating=_rating(ticket),
        brand=first_of(ticket, "brand_id"),
        group=first_of(ticket, "group_id"),
        form=first_of(ticket, "ticket_form_id"),
    )
    return mapped(known, ticket, settings.fields)


def _rating(ticket: JsonObject) -> Rating | None:
    score = object_or_empty(ticket.get("satisfaction_rating"), field="satisfaction_rating").get("score")
    value = {"good": 1.0, "bad": 0.0}.get(str(score))
    return None if value is None else Rating(value=value, scale_min=0, scale_max=1, kind=RatingKind.CSAT)


def _messages(
    known: FeedbackChange,
    ticket: JsonObject,
    comments: tuple[JsonObject, ...],
    users: Mapping[str, JsonObject],
    received_at: datetime,
) -> tuple[FeedbackChange, ...]:
    """Read the description and every comment but the one that it is."""
    description = text_of(ticket.get("description"), field="description") or ""
    submitter = id_of(ticket.get("submitter_id"), field="submitter_id")
    is_other = None not in (submitter, known.customer_id) and submitter != known.customer_id
    relayed = is_other or known.channel == CALL
    opening = replace(
        known,
        action=Action.UPSERT,
        message_id=FIRST_MESSAGE,
        body=description,
        author_role=AuthorRole.AGENT if relayed else AuthorRole.CUSTOMER,
        relayed=relayed,
        is_public=flag_of(ticket.get("is_public"), field="is_public"),
    )
    later = [
        _comment(known, comment, users, received_at)
        for at, comment in enumerate(comments)
        if at > 0 and (text_of(comment.get("body"), field="body") or "").split() != description.split()
    ]
    return (opening, *later)


def _comment(
    known: FeedbackChange, comment: JsonObject, users: Mapping[str, JsonObject], received_at: datetime
) -> FeedbackChange:
    author = id_of(comment.get("author_id"), field="comments.author_id")
    role = _role(author, known, comment, users)
    is_customer = role is AuthorRole.CUSTOMER
    email = short_of(users.get(author or "", {}).get("email"), field="users.email")
    return replace(
        known,
        action=Action.APPEND_MESSAGE,
        message_id=id_in(comment),
        body=text_of(comment.get("body"), field="comments.body") or "",
        author_role=role,
        customer_id=author if is_customer else known.customer_id,
        customer_email=email if is_customer else known.customer_email,
        is_public=flag_of(comment.get("public"), field="comments.public"),
        occurred_at=past_instant_of(
            comment.get("created_at"), field="comments.created_at", received_at=received_at
        ),
        rating=None,
    )


def _role(
    author: str | None, known: FeedbackChange, comment: JsonObject, users: Mapping[str, JsonObject]
) -> AuthorRole:
    """Say who wrote a comment; an author of whom nothing is known is staff, whose words do not count."""
    via = object_or_empty(comment.get("via"), field="comments.via").get("channel")
    if author in (None, "-1") or via in ("rule", "system"):
        return AuthorRole.BOT
    word = users.get(author or "", {}).get("role")
    if word in _STAFF:
        return AuthorRole.AGENT
    return AuthorRole.CUSTOMER if word == "end-user" or author == known.customer_id else AuthorRole.AGENT


def _merge(
    ticket: JsonObject,
    comments: tuple[JsonObject, ...],
    known: FeedbackChange,
    changed_at: datetime | None,
) -> tuple[FeedbackChange, ...]:
    """Read a merge: the tag says that there was one, a comment into which ticket."""
    if _MERGE_TAG not in (known.tags or ()):
        return ()
    texts = (str(comment.get("body") or "") for comment in reversed(comments))
    target = next((found.group(1) for text in texts if (found := _MERGED.search(text))), None)
    if target is None or target == known.external_id:
        return ()
    merged = FeedbackChange(action=Action.MERGE, external_id=known.external_id, merged_into=target)
    return (replace(merged, occurred_at=changed_at),)


PULLER = Puller(
    kind="zendesk",
    place_name="subdomain",
    base=base,
    sign=sign,
    page=page,
    details=details,
    one=one,
    count=count,
    listed=listed,
    gone=gone,
    parse=parse,
)

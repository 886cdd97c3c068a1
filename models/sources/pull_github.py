"""Pull issues of a GitHub repository: those that changed since a moment, oldest change first, with their comments.

Pages are read by that moment, which moves to the last change of the page before; only where a whole page changed
within one second the vendor's next page is read. So an issue that changes meanwhile is met again and none is skipped.
Pull requests are no issues. A repository in which nothing changed answers 304, which costs no share of the limit.

Messages are named as the webhooks' parser names them: the issue's text is `FIRST_MESSAGE`, a comment its own id.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from models.errors import Invalid
from models.sources.github import markdown
from models.sources.paths import first_of
from models.sources.payload import (
    JsonObject,
    id_of,
    object_or_empty,
    read_object,
    status_of,
    tags_of,
    text_of,
)
from models.sources.pull import (
    SECONDARY_S,
    Ask,
    Held,
    Page,
    Puller,
    Reply,
    Stub,
    Talk,
    answer_of,
    cursor_text,
    date_of,
    day_bounds,
    id_in,
    is_missing,
    iso,
    moment_in,
    number_in,
    objects,
    stands,
    told_at,
    version_at,
)
from models.sources.source import SourceSettings, tagged
from models.sources.times import past_instant_of
from models.values.feedback import FIRST_MESSAGE, Action, AuthorRole, Change, FeedbackChange

PER_PAGE = 100

_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}", re.ASCII)
_NEXT = re.compile(r'<[^<>]*[?&]page=([0-9]{1,6})[^<>]*>\s*;\s*rel="next"')
_OF_API = re.compile(r"/repos/([\w.-]{1,100}/[\w.-]{1,100})(?:/issues/[0-9]+)?$", re.ASCII)
_OF_PAGE = re.compile(r"://[^/]+/([\w.-]{1,100}/[\w.-]{1,100})/issues/[0-9]+$", re.ASCII)
_STAFF = ("OWNER", "MEMBER", "COLLABORATOR")


def base(place: str) -> str:
    """Return the API's address; the place is owner/repository."""
    if not _REPOSITORY.fullmatch(place):
        raise Invalid("repository must be written owner/name", field="place")
    return "https://api.github.com"


def sign(token: str, account: str | None) -> tuple[tuple[str, str], ...]:
    """Return the header of a token, and the version of the API that the answers are read by."""
    return (
        ("Authorization", f"Bearer {token}"),
        ("Accept", "application/vnd.github+json"),
        ("X-GitHub-Api-Version", "2022-11-28"),
    )


def page(place: str, cursor: JsonObject, since: datetime, now: datetime) -> Talk[Page]:
    """Read the next page of changed issues."""
    start = moment_in(cursor, "since") or since
    number, etag = int(cursor_text(cursor, "page") or 1), cursor_text(cursor, "etag")
    reply = yield Ask(
        f"/repos/{place}/issues",
        (
            ("state", "all"),
            ("sort", "updated"),
            ("direction", "asc"),
            ("since", iso(start)),
            ("per_page", str(PER_PAGE)),
            ("page", str(number)),
        ),
        headers=(("If-None-Match", etag),) if etag else (),
        reads=frozenset({304}),
    )
    seen = told_at(reply, now)
    if reply.status == 304:
        return Page((), cursor, True, min(now, seen))
    issues = objects(reply.body, name="issues")
    stubs = tuple(_stub(issue, seen) for issue in issues if "pull_request" not in issue)
    moments = [moment_in(issue, "updated_at") or start for issue in issues]
    # An issue that changed while the page was made may stand among older ones: what lies between is not skipped.
    last = max(min(moments[-3:], default=start), start)
    following = _next_page(reply)
    if following and issues:
        here: JsonObject = {"since": iso(last)}
        return Page(stubs, here if last > start else {**here, "page": following}, False, last)
    is_whole = last == start and number == 1 and not any(stub.is_young for stub in stubs)
    kept = {"etag": reply.headers["etag"]} if is_whole and "etag" in reply.headers else {}
    return Page(stubs, {"since": iso(last), **kept}, True, min(now, seen))


def _next_page(reply: Reply) -> str | None:
    """Return the number of the next page; of the address in the header nothing else is used."""
    found = _NEXT.search(reply.headers.get("link", ""))
    return found.group(1) if found else None


def _stub(issue: JsonObject, seen: datetime | None) -> Stub:
    version = version_at(moment_in(issue, "updated_at"), seen)
    return Stub(id_in(issue), version, moment_in(issue, "created_at"), issue)


def details(place: str, stub: Stub) -> Talk[JsonObject | None]:
    """Add an issue's comments."""
    issue = stub.listed
    comments: list[JsonObject] = []
    number = "1" if issue.get("comments") != 0 else None
    while number is not None:
        reply = yield Ask(
            f"/repos/{place}/issues/{number_in(issue, 'number')}/comments",
            (("per_page", str(PER_PAGE)), ("page", number)),
            reads=frozenset({301, 404, 410}),
        )
        if is_missing(reply):
            # So says GitHub also of a repository that was renamed, or that the token may not see any more: then
            # this question is refused too.
            yield Ask(f"/repos/{place}/issues", (("per_page", "1"),))
            return gone(stub.external_id)
        comments += objects(reply.body, name="comments")
        number = _next_page(reply)
    return {"issue": issue, "comments": list(comments)}


def count(place: str, day: date) -> Talk[int]:
    """Ask how many issues were created on a day."""
    return number_in(_whole((yield _search(place, day, 1))), "total_count")


def _whole(reply: Reply) -> JsonObject:
    """Return a search's answer; raise `Held` where GitHub says that it did not look at everything."""
    answer = answer_of(reply)
    if answer.get("incomplete_results") is True:
        raise Held("GitHub's search did not look at everything", SECONDARY_S, is_limit=True)
    return answer


def listed(place: str, day: date) -> Talk[tuple[Stub, ...]]:
    """List the issues that were created on a day, at most the thousand that a search gives."""
    found: dict[str, Stub] = {}
    for number in range(1, 11):
        reply = yield _search(place, day, number)
        fresh = objects(_whole(reply).get("items"), name="items")
        stubs = [_stub(issue, date_of(reply)) for issue in fresh]
        found |= {stub.external_id: stub for stub in stubs}
        if len(fresh) < PER_PAGE:
            break
    return tuple(found.values())


def _search(place: str, day: date, number: int) -> Ask:
    start, end = day_bounds(day)
    # Both ends of the vendor's range belong to it.
    span = f"created:{iso(start)}..{iso(end - timedelta(seconds=1))}"
    query = f"repo:{place} is:issue {span}"
    return Ask(
        "/search/issues",
        (("q", query), ("sort", "created"), ("per_page", str(PER_PAGE)), ("page", str(number))),
    )


def gone(external_id: str) -> JsonObject:
    """Write the record of what was deleted at the vendor."""
    return {"issue": {"id": external_id}, "gone": True}


# --- what a pulled issue says -------------------------------------------------------------------------------


def parse(
    body: bytes, *, headers: Mapping[str, str], settings: SourceSettings, received_at: datetime
) -> tuple[Change, ...]:
    """Turn a pulled issue into its messages and its state."""
    record = read_object(body)
    issue = object_or_empty(record.get("issue"), field="issue")
    external_id = id_in(issue)
    if record.get("gone") is True:
        return (FeedbackChange(action=Action.DELETE, external_id=external_id, occurred_at=received_at),)
    known = _state(issue, settings=settings, received_at=received_at)
    opening = _written(replace(known, action=Action.UPSERT, message_id=FIRST_MESSAGE), issue)
    # Staff open issues for customers, as the webhooks' parser reads them too.
    opening = replace(opening, relayed=opening.author_role is AuthorRole.AGENT)
    comments = objects(record.get("comments") or [], name="comments")
    return stands(known), opening, *(_comment(known, comment, received_at) for comment in comments), known


def _state(issue: JsonObject, *, settings: SourceSettings, received_at: datetime) -> FeedbackChange:
    """Read what an issue says about itself, without any text but the title."""
    labels = issue.get("labels")
    names = [
        label.get("name") if isinstance(label, dict) else label
        for label in (labels if isinstance(labels, list) else [])
    ]
    tags = tags_of([name for name in names if name], field="labels")
    user = object_or_empty(issue.get("user"), field="user")
    return FeedbackChange(
        action=Action.UPDATE_STATUS,
        external_id=id_in(issue),
        created_at=past_instant_of(issue.get("created_at"), field="created_at", received_at=received_at),
        updated_at=past_instant_of(issue.get("updated_at"), field="updated_at", received_at=received_at),
        subject=text_of(issue.get("title"), field="title"),
        customer_id=id_of(user.get("id"), field="user.id"),
        channel="github",
        tags=tags,
        plan=tagged(tags, settings.plan_tag_prefix),
        product_area=tagged(tags, settings.area_tag_prefix),
        status=status_of(issue.get("state"), field="state", words=settings.statuses),
        brand=_repository_of(issue),
        form=first_of(issue, "type.name"),
    )


def _repository_of(issue: JsonObject) -> str | None:
    """Return owner/name, which an issue of the API tells only by its addresses."""
    addresses = (first_of(issue, name) or "" for name in ("repository_url", "html_url", "url"))
    found = (pattern.search(each) for each in addresses for pattern in (_OF_API, _OF_PAGE))
    return next((match.group(1) for match in found if match), None)


def _comment(known: FeedbackChange, comment: JsonObject, received_at: datetime) -> FeedbackChange:
    added = replace(
        known,
        action=Action.APPEND_MESSAGE,
        message_id=id_in(comment),
        occurred_at=past_instant_of(
            comment.get("created_at"), field="comments.created_at", received_at=received_at
        ),
    )
    return _written(added, comment)


def _written(known: FeedbackChange, said: JsonObject) -> FeedbackChange:
    """Add a text, which is Markdown, and who wrote it."""
    user = object_or_empty(said.get("user"), field="user")
    if user.get("type") == "Bot":
        role = AuthorRole.BOT
    else:
        is_staff = said.get("author_association") in _STAFF
        role = AuthorRole.AGENT if is_staff else AuthorRole.CUSTOMER
    author = id_of(user.get("id"), field="user.id")
    return replace(
        known,
        body=markdown(said.get("body"), field="body"),
        author_role=role,
        customer_id=(author if role is AuthorRole.CUSTOMER else None) or known.customer_id,
    )


PULLER = Puller(
    kind="github",
    place_name="repository",
    base=base,
    sign=sign,
    page=page,
    details=details,
    one=None,
    count=count,
    listed=listed,
    gone=gone,
    parse=parse,
)

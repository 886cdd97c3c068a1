"""One short function for each record: keyword arguments, working defaults, the id comes back."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np

from models.database import Database, Session
from models.language.encode import WordHashEncoder
from models.queries import (
    access,
    deliveries,
    embeddings,
    feedback,
    people,
    products,
    theme_stream,
    workspaces,
)
from models.queries.deliveries import DeliveryDraft
from models.queries.feedback import ItemDraft
from models.queries.products import FeatureDraft, ReleaseDraft, Step
from models.records import (
    Assignment,
    FeedbackItem,
    JsonObject,
    Shadow,
    ShadowState,
    SuggestionState,
    Theme,
    ThemeState,
    ThemeSuggestion,
)
from models.sealing import Keyring
from models.values.encoders import PACKAGED_MODEL
from models.values.feedback import FIRST_MESSAGE, AuthorRole
from models.values.kinds import Kind
from models.values.moves import MoveReport
from models.values.roles import Role
from models.values.suggestions import SuggestionKind
from tests.clock import NOON

SECRET = "a-secret-of-the-tests"


def workspace(database: Database, *, time_zone: str = "UTC", name: str = "Tests") -> int:
    with database.write(workspace=None) as session:
        return workspaces.create_workspace(
            session, name=name, time_zone=time_zone, encoder_dtype="float32", now=NOON
        ).id


def key(
    database: Database, owner: int, *, role: Role = Role.OWNER, expires_at: datetime | None = None
) -> str:
    with database.write(workspace=owner) as session:
        return access.create_key(
            session, workspace=owner, name=f"{role} of tests", role=role, now=NOON, expires_at=expires_at
        )[1]


def seat(
    database: Database, owner: int, email: str, role: Role, *, name: str = "Mira", now: datetime = NOON
) -> int:
    """Give the person with this e-mail a seat, or change it."""
    with database.write(workspace=owner) as session:
        return access.put_user(session, workspace=owner, email=email, name=name, role=role, now=now).id


def user(database: Database, owner: int, *, role: Role = Role.OWNER) -> int:
    """Give somebody a seat, one for each role."""
    with database.write(workspace=owner) as session:
        email = f"{role}@example.com"
        return access.put_user(
            session, workspace=owner, email=email, name=f"{role} of tests", role=role, now=NOON
        ).id


def source(
    session: Session,
    owner: int,
    *,
    kind: str = "generic_json",
    name: str = "desk",
    secret: str | None = SECRET,
    settings: JsonObject | None = None,
) -> int:
    return deliveries.create_source(
        session,
        workspace=owner,
        kind=kind,
        name=name,
        secret=secret,
        settings=settings or {},
        keys=Keyring(),
        now=NOON,
    ).id


def delivery(owner: int, of: int, body: bytes, *, name: str = "", at: datetime = NOON) -> DeliveryDraft:
    return DeliveryDraft(owner, of, name or str(hash(body)), at, {}, body)


def draft(of: int, **chosen: object) -> ItemDraft:
    """A customer's complaint, opened at noon; every field can be chosen."""
    values: dict[str, object] = {
        "source_id": of,
        "external_id": "T-1",
        "message_id": FIRST_MESSAGE,
        "created_at": NOON,
        "ticket_created_at": NOON,
        "changed_at": NOON,
        "status": "open",
        "subject": None,
        "text": "The export fails and I am angry.",
        "removed": [],
        "author_role": AuthorRole.CUSTOMER,
        "person_id": None,
        "account_key": None,
        "plan": None,
        "product_area": None,
        "channel": None,
        "tags": None,
        "rating": None,
        "language": "en",
    }
    return ItemDraft(**{**values, **chosen})  # type: ignore[arg-type]


def item(
    session: Session, owner: int, of: int, *, kind: Kind | None = Kind.COMPLAINT, **chosen: object
) -> int:
    """Store an item; `at` dates its ticket and itself, `person` names its customer."""
    at = chosen.pop("at", None)
    if at is not None:
        chosen = {"created_at": at, "ticket_created_at": at, "changed_at": at, **chosen}
    name = chosen.pop("person", None)
    if name is not None:
        chosen["person_id"] = person(session, owner, str(name))
    number = feedback.upsert_item(session, workspace=owner, draft=draft(of, **chosen), now=NOON)
    assert number is not None
    session.get_one(FeedbackItem, number).kind = kind
    session.flush()
    return number


def person(session: Session, owner: int, *names: str) -> int:
    """Find or add the person of these names, who is one."""
    return people.ensure_person(session, workspace=owner, identities=names, now=NOON)


def theme(
    session: Session, owner: int, number: int, *, into: int | None = None, label: str | None = None
) -> int:
    row = Theme(
        workspace_id=owner,
        number=number,
        state=ThemeState.MERGED if into else ThemeState.ACTIVE,
        redirect_id=into,
        label=label,
        keywords=[],
        born_at=NOON,
        born_revision=1,
    )
    session.add(row)
    session.flush()
    return row.id


def assign(session: Session, owner: int, items: Sequence[int], to: int, *, revision: int = 1) -> None:
    for number in items:
        session.add(
            Assignment(
                workspace_id=owner,
                item_id=number,
                theme_id=to,
                score=0.9,
                from_revision=revision,
                until_revision=None,
            )
        )
    session.flush()


def suggestion(
    session: Session,
    owner: int,
    *,
    kind: SuggestionKind = SuggestionKind.ITEM,
    theme: int | None,
    other: int | None,
    items: Sequence[int] = (),
    margin: float | None = 0.03,
    score: float = 0.5,
    reason: str = "Of its neighbours' votes 41% are for its theme and 38% for the other.",
    state: SuggestionState = SuggestionState.OPEN,
) -> int:
    row = ThemeSuggestion(
        workspace_id=owner,
        kind=kind,
        state=state,
        theme_id=theme,
        other_theme_id=other,
        item_ids=list(items),
        score=score,
        margin=margin,
        size=9,
        reason=reason,
        revision=1,
        found_at=NOON,
    )
    session.add(row)
    session.flush()
    return row.id


def shadow(session: Session, owner: int, **chosen: object) -> None:
    """Let the packaged model be tried at half its precision; it has read one item, and would move none."""
    report = MoveReport(1, 1, 1, 1, 0, 0, 0, 0, 0, ())
    values: dict[str, object] = {
        "model": PACKAGED_MODEL,
        "dtype": "bfloat16",
        "state": ShadowState.READY,
        "stream": {},
        "report": report.to_json(),
        "reported_at": NOON,
        "started_at": NOON,
        "actor": "mira",
        "by": "key_1",
    }
    session.add(Shadow(**{"workspace_id": owner, **values, **chosen}))
    session.flush()


def vectors(session: Session, owner: int, items: Sequence[int]) -> int:
    """Embed items with the word-hash encoder, which becomes the workspace's; return the encoder's id."""
    encoder = WordHashEncoder()
    bound = workspaces.bind_encoder(
        session,
        workspace=owner,
        name=encoder.name,
        digest=encoder.digest,
        dtype=encoder.dtype,
        dimension=encoder.dimension,
    )
    rows = feedback.load_items(session, workspace=owner, items=items)
    for row, vector in zip(rows, encoder.encode([row.text for row in rows]), strict=True):
        packed = embeddings.pack(vector.astype(np.float32))
        embeddings.put(
            session, workspace=owner, item=row.id, version=row.version, encoder=bound, vector=packed
        )
    return bound


def release(
    session: Session,
    owner: int,
    *,
    name: str = "1.0",
    at: datetime = NOON,
    steps: tuple[Step, ...] = (),
    now: datetime = NOON,
) -> int:
    drafted = ReleaseDraft(key=name, name=f"Release {name}", released_at=at, version=name, steps=steps)
    return products.put_release(session, workspace=owner, draft=drafted, now=now).id


def feature(
    session: Session,
    owner: int,
    *,
    name: str = "exports",
    title: str = "Bigger exports",
    body: str = "",
    of: str | None = None,
) -> int:
    drafted = FeatureDraft(name, title, body, None, of)
    return products.put_feature(session, workspace=owner, draft=drafted, now=NOON).id


def merge(session: Session, owner: int, old: int, into: int, *, revision: int = 2) -> None:
    """Merge themes as the stream does, by their numbers."""
    theme_stream.apply_changes(
        session,
        workspace=owner,
        changes=[theme_stream.Change("merge", into, 0, old)],
        revision=revision,
        now=NOON,
    )


def day(number: int) -> date:
    """The day `number` days after 1 June 2026."""
    return (NOON + timedelta(days=number)).date()


def noon(number: int) -> datetime:
    """Noon of the day `number` days after 1 June 2026."""
    return datetime(2026, 6, 1, 12, tzinfo=UTC) + timedelta(days=number)

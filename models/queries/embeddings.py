"""Vectors as the database keeps them: float16 bytes of a unit vector, under the encoder that made them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.queries.upsert import insert_or_update
from models.queries.within import within
from models.records import Embedding, FeedbackItem


def pack(vector: NDArray[np.float32]) -> bytes:
    """Write a (d,) unit vector as little-endian float16."""
    return vector.astype("<f2").tobytes()


def unpack(rows: Sequence[bytes], dimension: int) -> NDArray[np.float32]:
    """Read stored vectors: (n, d) float32, rows scaled to unit length again after the rounding."""
    vectors = np.frombuffer(b"".join(rows), dtype="<f2").reshape(len(rows), dimension).astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def put(session: Session, *, workspace: int, item: int, version: int, encoder: int, vector: bytes) -> None:
    """Store an item's vector, in place of the one of an earlier version."""
    row = {
        "workspace_id": workspace,
        "item_id": item,
        "encoder_id": encoder,
        "item_version": version,
        "vector": vector,
    }
    insert_or_update(session, Embedding, row, key=("item_id", "encoder_id"))


def current(session: Session, *, workspace: int, items: Sequence[int], encoder: int) -> dict[int, bytes]:
    """Map items to their vectors under an encoder; those of an older version of the text are left out."""
    rows = session.execute(
        select(Embedding.item_id, Embedding.vector)
        .join(FeedbackItem, FeedbackItem.id == Embedding.item_id)
        .where(
            within(Embedding, workspace),
            Embedding.item_id.in_(items),
            Embedding.encoder_id == encoder,
            Embedding.item_version == FeedbackItem.version,
        )
    )
    return {item: vector for item, vector in rows}


def delete_of(session: Session, *, workspace: int, encoder: int, limit: int) -> int:
    """Delete some vectors of one encoder; return how many."""
    some = select(Embedding.item_id).where(
        Embedding.workspace_id == workspace, Embedding.encoder_id == encoder
    )
    result = session.execute(
        delete(Embedding)
        .where(
            Embedding.item_id.in_(some.limit(limit)),
            within(Embedding, workspace),
            Embedding.encoder_id == encoder,
        )
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]

"""File-mode commands that need the encoder: themes of a file of texts, links between two files.

Run as `python -m workers.files themes-discover IN --out A.csv`. Nothing is read or written but the files named.
Exit codes: 0 done, 1 our fault, 2 bad input with one line on stderr.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models.errors import EbbError, Invalid
from models.language.candidates import Encode
from models.language.discover import ThemeStream
from models.language.encode import Encoder, FloatArray, IntArray
from models.language.events import Event
from models.language.label import ThemeLabel, label_themes
from models.language.lexical import LinkText, WordStatistics, prose
from models.language.link import PairScores, passages, score_pairs
from workers.rows import Row, load_embeddings, read_rows, unit_vectors

ITEMS_PER_BLOCK = 2_000
PROGRESS_STEPS = 20

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Placement:
    """When and where an item first entered a theme, and the theme it entered last, with its score there."""

    first_theme: int
    theme: int
    score: float
    placed_after: int


def discover(
    path_in: Path,
    out: Path,
    *,
    embeddings: Path | None = None,
    batch: int = 200,
    encoder: Encoder | None = None,
    say: Say | None = None,
) -> None:
    """Find themes in a file read as a stream, and write one row per item to `out` and the themes beside it.

    path_in: .jsonl or .csv with id and text. out: id, first_theme, theme, score, placed_after. Items without text
    are counted as read and stay without a theme. Bad input raises Invalid naming file, line and field.
    """
    if batch < 1:
        raise Invalid(f"--batch is {batch}: use 1 or more", field="batch")
    _check_out(out)
    tell = say or _to_stderr
    rows = read_rows(path_in, required=("id", "text"))
    texts = [row.fields["text"] for row in rows]
    filled = np.array([bool(text.strip()) for text in texts], dtype=bool)
    source = embeddings or encoder or _sentence_encoder()
    vectors = _vectors(texts, filled, source, tell)
    stream, placed = _read_stream(vectors, filled, batch, tell)
    # By the events and not by the stream's own list, which a long stream shortens.
    themes = np.zeros(len(rows), dtype=np.int64)
    for position, one in placed.items():
        themes[position] = stream.resolve(one.theme)
    _write_items(out, rows, themes, placed, stream)
    # Vectors that were given may be of any model: no phrase can be encoded to stand beside them.
    encode = None if isinstance(source, Path) else source.encode
    _write_themes(out.with_suffix(".themes.json"), texts, vectors, themes, stream, encode)
    tell(
        f"{len(rows)} items, {len(set(themes.tolist()) - {0})} themes, {int((themes == 0).sum())} without a theme"
    )


def links_rank(
    features: Path,
    feedback: Path,
    out: Path,
    *,
    top: int = 10,
    encoder: Encoder | None = None,
    say: Say | None = None,
) -> None:
    """Rank feedback for features and features for feedback, and write the best pairs either way to `out`.

    features: id, title, body; feedback: id, title, text; both may have area, and pairs with two different areas are
    no candidates. Word statistics are counted over the features, so no item's score depends on another item.
    """
    if top < 1:
        raise Invalid(f"--top is {top}: use 1 or more", field="top")
    _check_out(out)
    tell = say or _to_stderr
    feature_rows, item_rows = read_rows(features, required=("id",)), read_rows(feedback, required=("id",))
    scored = _score(
        [LinkText(row.fields.get("title", ""), row.fields.get("body", "")) for row in feature_rows],
        [LinkText(row.fields.get("title", ""), row.fields.get("text", "")) for row in item_rows],
        encoder or _sentence_encoder(),
        tell,
    )
    allowed = _same_area(feature_rows, item_rows)
    _write_links(out, feature_rows, item_rows, scored, allowed, top)
    tell(f"{len(feature_rows)} features, {len(item_rows)} items")


def _check_out(out: Path) -> None:
    if not out.parent.is_dir() or out.is_dir():
        raise Invalid(f"--out {out}: name a file in a folder that exists", field="out")


# --- vectors ----------------------------------------------------------------------------------------------------


def _vectors(texts: Sequence[str], filled: np.ndarray, source: Path | Encoder, say: Say) -> FloatArray:
    """Return (n, d) float32 rows of unit length, read or encoded; rows of empty texts are zero."""
    chosen = np.flatnonzero(filled).astype(np.int64)
    if isinstance(source, Path):
        given = load_embeddings(source, len(texts))
        vectors = np.zeros(given.shape, dtype=np.float32)
        vectors[chosen] = unit_vectors(given, chosen, source)
        return vectors
    vectors = np.zeros((len(texts), source.dimension), dtype=np.float32)
    vectors[chosen] = _encode(source, [texts[i] for i in chosen.tolist()], say)
    return vectors


def _encode(encoder: Encoder, texts: Sequence[str], say: Say) -> FloatArray:
    """Encode in about twenty slices, telling how far it is."""
    size = max(512, -(-len(texts) // PROGRESS_STEPS))
    parts = []
    for first in range(0, len(texts), size):
        parts.append(encoder.encode(texts[first : first + size]))
        say(f"embedded {min(first + size, len(texts))} of {len(texts)} texts")
    return np.concatenate(parts) if parts else np.zeros((0, encoder.dimension), dtype=np.float32)


def _sentence_encoder() -> Encoder:
    from workers.encoder import SentenceEncoder  # loads torch: only where vectors are not given

    return SentenceEncoder()


# --- themes -----------------------------------------------------------------------------------------------------


def _read_stream(
    vectors: FloatArray, filled: np.ndarray, batch: int, say: Say
) -> tuple[ThemeStream, dict[int, Placement]]:
    stream = ThemeStream(max(1, vectors.shape[1]))
    placed: dict[int, Placement] = {}
    total, told = len(vectors), 0
    for first in range(0, total, batch):
        read = min(first + batch, total)
        here = first + np.flatnonzero(filled[first:read])
        _note(placed, stream.add(here, vectors[here]), read)
        if read - told >= total / PROGRESS_STEPS:
            told = read
            say(f"placed {read} of {total} items")
    _note(placed, stream.finish(), total)
    return stream, placed


def _note(placed: dict[int, Placement], events: Sequence[Event], read: int) -> None:
    for event in events:
        for item, score in zip(event.items, event.scores, strict=True):
            known = placed.get(item)
            placed[item] = (
                replace(known, theme=event.theme, score=score)
                if known
                else Placement(event.theme, event.theme, score, read)
            )


def _write_items(
    out: Path, rows: Sequence[Row], themes: IntArray, placed: Mapping[int, Placement], stream: ThemeStream
) -> None:
    with out.open("w", encoding="utf-8", newline="") as stream_out:
        writer = csv.writer(stream_out, lineterminator="\n")
        writer.writerow(("id", "first_theme", "theme", "score", "placed_after"))
        for position, (row, theme) in enumerate(zip(rows, themes.tolist(), strict=True)):
            one = placed.get(position)
            known: tuple[object, ...] = ("", "", "", "")
            if one is not None:
                known = (stream.resolve(one.first_theme), theme, f"{one.score:.4f}", one.placed_after)
            writer.writerow((row.fields["id"], *known))


def _write_themes(
    path: Path,
    texts: Sequence[str],
    vectors: FloatArray,
    themes: IntArray,
    stream: ThemeStream,
    encode: Encode | None,
) -> None:
    redirects: dict[int, list[int]] = {}
    for old, _ in stream.state().bookkeeping.redirects:
        redirects.setdefault(stream.resolve(old), []).append(old)
    sizes = np.bincount(themes, minlength=1)
    labels = label_themes(texts, vectors, themes, encode=encode)
    listed = [
        _theme_entry(theme, label, int(sizes[theme]), redirects.get(theme, []), texts)
        for theme, label in labels.items()
    ]
    listed.sort(key=lambda entry: (-int(str(entry["size"])), int(str(entry["id"]))))
    path.write_text(json.dumps(listed, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _theme_entry(
    theme: int, label: ThemeLabel, size: int, redirects: list[int], texts: Sequence[str]
) -> dict[str, object]:
    return {
        "id": theme,
        "label": label.label,
        "keywords": list(label.keywords),
        "size": size,
        "quotes": [texts[quote.index][quote.start : quote.end] for quote in label.quotes],
        "redirects": redirects,
    }


# --- links ------------------------------------------------------------------------------------------------------


def _score(features: list[LinkText], items: list[LinkText], encoder: Encoder, say: Say) -> PairScores:
    """Score all pairs, items in blocks; texts without a word get a blank to encode and no overlap."""
    passage_vectors = [encoder.encode([text.strip() or "-" for text in passages(f)]) for f in features]
    vectors = _encode(encoder, [prose(item).strip() or "-" for item in items], say)
    statistics = WordStatistics.of(features)
    blocks = [
        score_pairs(
            features,
            items[first : first + ITEMS_PER_BLOCK],
            passage_vectors=passage_vectors,
            item_vectors=vectors[first : first + ITEMS_PER_BLOCK],
            statistics=statistics,
        )
        for first in range(0, max(1, len(items)), ITEMS_PER_BLOCK)
    ]
    return PairScores(
        np.concatenate([block.score for block in blocks], axis=1),
        np.concatenate([block.probability for block in blocks], axis=1),
    )


def _same_area(features: Sequence[Row], items: Sequence[Row]) -> np.ndarray:
    a = np.array([row.fields.get("area", "") for row in features], dtype=object)[:, None]
    b = np.array([row.fields.get("area", "") for row in items], dtype=object)[None, :]
    return np.asarray((a == b) | (a == "") | (b == ""), dtype=bool)


def _write_links(
    out: Path,
    features: Sequence[Row],
    items: Sequence[Row],
    scored: PairScores,
    allowed: np.ndarray,
    top: int,
) -> None:
    score = np.where(allowed, scored.score, -np.inf)
    rank, feature_rank = _ranks(score), _ranks(score.T).T
    listed = allowed & ((rank <= top) | (feature_rank <= top))
    with out.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("feature_id", "feedback_id", "rank", "feature_rank", "score", "probability"))
        for f in range(len(features)):
            for i in sorted(np.flatnonzero(listed[f]).tolist(), key=lambda i: int(rank[f, i])):
                ids = features[f].fields["id"], items[i].fields["id"]
                numbers = f"{scored.score[f, i]:.5f}", f"{scored.probability[f, i]:.5f}"
                writer.writerow((*ids, rank[f, i], feature_rank[f, i], *numbers))


def _ranks(score: np.ndarray) -> np.ndarray:
    """Rank each row, 1 = highest, ties in file order."""
    order = np.argsort(-score, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, score.shape[1] + 1)[None, :], axis=1)
    return ranks


# --- command line -----------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = _parser().parse_args(arguments)
    try:
        if given.command == "themes-discover":
            discover(given.path_in, given.out, embeddings=given.embeddings, batch=given.batch)
        else:
            links_rank(given.features, given.feedback, given.out, top=given.top)
    except EbbError as error:
        _to_stderr(error.message)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers.files", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    themes = commands.add_parser("themes-discover", help="find themes in a file of texts")
    themes.add_argument("path_in", type=Path, metavar="IN")
    themes.add_argument("--out", type=Path, required=True)
    themes.add_argument("--embeddings", type=Path)
    themes.add_argument("--batch", type=int, default=200)
    links = commands.add_parser("links-rank", help="rank feedback for features")
    links.add_argument("--features", type=Path, required=True)
    links.add_argument("--feedback", type=Path, required=True)
    links.add_argument("--out", type=Path, required=True)
    links.add_argument("--top", type=int, default=10)
    return parser


def _to_stderr(message: str) -> None:
    sys.stderr.write(f"ebb: {message}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())

"""Reading and choosing store reviews: R data, each review once, and what is missing is named."""

import bz2
import struct
from pathlib import Path

import pytest

from bench.r_data import read_frames
from bench.report import Skipped
from bench.store_ratings import APPS, FOODS, Review, choose, folder_of_reviews


def integers(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}i", *numbers)


def chars(text: str | None) -> bytes:
    return integers(9, -1) if text is None else integers(9, len(text.encode())) + text.encode()


def strings(*texts: str | None, flags: int = 16) -> bytes:
    return integers(flags, len(texts)) + b"".join(map(chars, texts))


def symbol(name: str) -> bytes:
    return integers(1) + chars(name)


def frame() -> bytes:
    """Serialise `reviews <- data.frame(content, score, app)`, of which app is a factor, by hand."""
    names = integers(0x402) + symbol("names") + strings("content", "score", "app") + integers(254)
    levels = integers(0x402) + symbol("levels") + strings("one", "two") + integers(254)
    columns = (
        strings("Stops at once.", None, "Größe stimmt.")
        + integers(14, 3)
        + struct.pack(">3d", 1.0, 5.0, 4.0)
        + integers(13 | 0x200, 3, 1, 2, -(2**31))
        + levels
    )
    reviews = integers(19 | 0x200, 3) + columns + names
    return integers(0x402) + symbol("reviews") + reviews + integers(254)


@pytest.mark.parametrize("version", [2, 3])
def test_a_data_frame_is_read_without_r(tmp_path: Path, version: int) -> None:
    encoding = integers(5) + b"UTF-8" if version == 3 else b""
    head = f"RDX{version}\nX\n".encode() + integers(version, 0x40000, 0x20300) + encoding
    file = tmp_path / "reviews.rda"
    file.write_bytes(bz2.compress(head + frame()))
    assert read_frames(file) == {
        "reviews": {
            "content": ["Stops at once.", None, "Größe stimmt."],
            "score": [1.0, 5.0, 4.0],
            "app": ["one", "two", None],
        }
    }


def test_what_is_no_r_data_or_ends_early_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "reviews.rda"
    file.write_bytes(b"content,score\n")
    with pytest.raises(ValueError, match="no R data"):
        read_frames(file)
    file.write_bytes(b"RDX2\nX\n" + integers(2, 0, 0) + frame()[:40])
    with pytest.raises(ValueError, match="too early"):
        read_frames(file)


def test_reviews_are_chosen_once_in_english_with_words_in_an_order_of_their_own() -> None:
    reviews = [
        Review(1, "", "The app stops when I pay."),
        Review(1, "", "the app  stops when I pay."),
        Review(1, "", "bad"),
        Review(5, "", "Die Bestellung kam schnell und war schön verpackt, gerne wieder."),
        Review(5, "", "Came early and works well."),
    ]
    chosen = choose(reviews)
    assert [(review.stars, review.text.lower().split()[0]) for review in chosen] == [(1, "the"), (5, "came")]
    assert choose(list(reversed(reviews)))[1] == chosen[1]


def test_a_missing_set_is_named_with_the_place_where_it_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORE_RATINGS", str(tmp_path))
    with pytest.raises(Skipped, match=r"github\.com/tagasimon/appstorr") as raised:
        folder_of_reviews()
    assert all(file in str(raised.value) for file in (*APPS, FOODS))
    for file in (*APPS, FOODS):
        (tmp_path / file).touch()
    assert folder_of_reviews() == tmp_path

"""Bodies and secrets sealed and opened: keys that rotate, plain rows, what was changed or moved."""

import ast
import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Invalid
from models.sealing import (
    Keyring,
    Seal,
    Sealed,
    bound_secret,
    bound_to,
    bound_token,
    is_sealed,
    keyring,
    parse_keys,
)
from models.settings import load_settings

ROOT = Path(__file__).parents[2]
OLD, NEW = b"o" * 32, b"n" * 32
HERE = bound_to(1, "event-1")
BODY = b'{"text": "the export fails"}'


@given(
    st.binary(max_size=300),
    st.booleans(),
    st.sampled_from([b"", b"\x00ebb sealed 1\x00", b"\x00ebb plain 1\x00"]),
)
def test_every_body_comes_back_as_it_was(body: bytes, with_key: bool, head: bytes) -> None:
    keys = Keyring((NEW,)) if with_key else Keyring()
    stored = keys.seal(head + body, bound=HERE)
    assert keys.open(stored, bound=HERE) == head + body
    assert is_sealed(stored) == with_key


def test_a_sealed_body_shows_nothing_and_is_never_the_same_twice() -> None:
    keys = Keyring((NEW,))
    assert b"export" not in keys.seal(BODY, bound=HERE)
    assert keys.seal(BODY, bound=HERE) != keys.seal(BODY, bound=HERE)


def test_the_first_key_seals_and_all_open() -> None:
    before = Keyring((OLD,)).seal(BODY, bound=HERE)
    both = Keyring((NEW, OLD))
    assert both.open(before, bound=HERE) == BODY
    assert Keyring((NEW,)).open(both.seal(BODY, bound=HERE), bound=HERE) == BODY
    assert both.open(BODY, bound=HERE) == BODY  # from before there was a key


@pytest.mark.parametrize("keys", [Keyring(), Keyring((OLD,))])
def test_without_the_key_the_reason_names_the_setting(keys: Keyring) -> None:
    stored = Keyring((NEW,)).seal(BODY, bound=HERE)
    with pytest.raises(Sealed, match=r"EBB_SEALING_KEY.*replay"):
        keys.open(stored, bound=HERE)


def test_a_changed_or_moved_body_does_not_open() -> None:
    keys = Keyring((NEW,))
    stored = keys.seal(BODY, bound=HERE)
    for damaged in (stored[:-1] + bytes([stored[-1] ^ 1]), stored[:-20], stored[:40]):
        with pytest.raises(Sealed):
            keys.open(damaged, bound=HERE)
    for elsewhere in (bound_to(2, "event-1"), bound_to(1, "event-2")):
        with pytest.raises(Sealed, match="wrong row"):
            keys.open(stored, bound=elsewhere)


def test_keys_are_read_from_one_line() -> None:
    text = " , ".join(base64.b64encode(key).decode() for key in (NEW, OLD))
    assert parse_keys(text) == (NEW, OLD)
    assert parse_keys(base64.urlsafe_b64encode(b"\xff" * 32).decode()) == (b"\xff" * 32,)
    assert keyring("").keys == ()
    assert "nnnn" not in repr(keyring(text))


@pytest.mark.parametrize("text", ["secret", base64.b64encode(b"short").decode(), "ä" * 44])
def test_a_wrong_key_is_refused_by_name_and_not_shown(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EBB_SEALING_KEY", text)
    with pytest.raises(Invalid, match="key 1 is not 32 bytes in base64") as caught:
        load_settings()
    assert caught.value.field == "EBB_SEALING_KEY"
    assert text not in caught.value.message


def test_the_key_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(base64.b64encode(NEW).decode() + "\n")
    monkeypatch.setenv("EBB_SEALING_KEY_FILE", str(file))
    assert keyring(load_settings().sealing_key).keys == (NEW,)
    assert base64.b64encode(NEW).decode() not in repr(load_settings())


@pytest.mark.parametrize("name", ["EBB_RAW_BODY_KEY", "EBB_RAW_BODY_KEY_FILE", "ebb_raw_body_key"])
def test_the_name_it_had_before_is_still_read(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = base64.b64encode(NEW).decode()
    file = tmp_path / "key"
    file.write_text(key)
    monkeypatch.setenv(name, str(file) if name.endswith("_FILE") else key)
    assert keyring(load_settings().sealing_key).keys == (NEW,)
    load_settings.cache_clear()
    monkeypatch.setenv("EBB_SEALING_KEY", key)
    with pytest.raises(Invalid, match=f"{name.upper()} and EBB_SEALING_KEY are both set") as caught:
        load_settings()
    assert key not in caught.value.message


def test_a_wrong_key_under_the_older_name_is_told_by_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EBB_RAW_BODY_KEY", "too short")
    with pytest.raises(Invalid, match=r"EBB_RAW_BODY_KEY: .*key 1 is not 32 bytes"):
        load_settings()


# --- secrets ------------------------------------------------------------------------------------------------

DESK = bound_secret(1)
SECRET = "whsec_of-the-tool"


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=300),
    st.booleans(),
    st.sampled_from(["", "ebb sealed 1:", "ebb plain 1:", "ebb "]),
)
def test_every_secret_comes_back_as_it_was(secret: str, with_key: bool, head: str) -> None:
    keys = Keyring((NEW,)) if with_key else Keyring()
    stored = keys.seal_text(head + secret, bound=DESK)
    assert keys.open_text(stored, bound=DESK) == head + secret
    assert keys.seal_of(stored) is (Seal.SEALED if with_key else Seal.PLAIN)
    assert "\0" not in stored


def test_a_sealed_secret_shows_nothing_and_is_never_the_same_twice() -> None:
    keys = Keyring((NEW,))
    stored = keys.seal_text(SECRET, bound=DESK)
    assert SECRET not in stored
    assert base64.b64encode(SECRET.encode()).decode()[:8] not in stored
    assert stored != keys.seal_text(SECRET, bound=DESK)


def test_a_secret_says_which_key_it_needs() -> None:
    before = Keyring((OLD,)).seal_text(SECRET, bound=DESK)
    both = Keyring((NEW, OLD))
    assert both.open_text(before, bound=DESK) == both.open_text(SECRET, bound=DESK) == SECRET
    assert [keys.seal_of(before) for keys in (Keyring((OLD,)), both, Keyring((NEW,)), Keyring())] == [
        Seal.SEALED,
        Seal.OUTDATED,
        Seal.UNREADABLE,
        Seal.UNREADABLE,
    ]
    for keys in (Keyring(), Keyring((NEW,))):
        with pytest.raises(Sealed, match=r"EBB_SEALING_KEY.*add the key") as caught:
            keys.open_text(before, bound=DESK)
        assert caught.value.field == "EBB_SEALING_KEY"


def test_a_changed_or_moved_secret_does_not_open() -> None:
    keys = Keyring((NEW,))
    stored = keys.seal_text(SECRET, bound=DESK)
    head, _, packed = stored.rpartition(":")
    for damaged in (stored[:-8] + "AAAAAAA=", head + ":", f"{head}:{packed[:8]}", stored + "é", f"{head}:A"):
        with pytest.raises(Sealed, match="changed"):
            keys.open_text(damaged, bound=DESK)
    for elsewhere in (bound_secret(2), bound_token(1), bound_to(1, "event-1")):
        with pytest.raises(Sealed, match="wrong row"):
            keys.open_text(stored, bound=elsewhere)
    with pytest.raises(Sealed, match="EBB_SEALING_KEY"):
        keys.open_text("ebb sealed 1:no-name:" + packed, bound=DESK)


def test_no_program_stores_a_body_that_was_not_sealed() -> None:
    """Every delivery that a program makes is sealed where it is made, with the keys that are set."""
    made = [
        (path.name, node)
        for program in ("service", "workers")
        for path in (ROOT / program).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "DeliveryDraft"
    ]
    assert made
    for name, node in made:
        given = [keyword.value for keyword in node.keywords if keyword.arg == "body"] or node.args[5:6]
        (body,) = given
        is_call = isinstance(body, ast.Call) and getattr(body.func, "attr", None) == "seal"
        assert is_call or getattr(body, "id", None) == "sealed", f"{name}:{node.lineno}"

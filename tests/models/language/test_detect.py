import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.language.detect import UNDETERMINED, detect


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The export is broken since Monday", "en"),
        ("app keeps crashing on login after update", "en"),
        ("Der Export geht seit Montag nicht mehr", "de"),
        ("Bonjour, je ne peux plus exporter mes factures", "fr"),
        ("La exportación no funciona desde el lunes", "es"),
        ("Il pagamento non funziona da ieri sera", "it"),
        ("エクスポートが月曜日から動作しません。お願いします助けて", "ja"),
    ],
)
def test_names_the_language(text: str, language: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize(
    "text", ["", "ok thanks", "pls fix asap!!", "1234 5678 9012 3456", "<email> <phone>"]
)
def test_does_not_guess_from_little(text: str) -> None:
    assert detect(text) == UNDETERMINED


def test_addresses_and_placeholders_do_not_count() -> None:
    assert detect("https://example.com/der/export/geht/nicht <email> a/b/c/d/e/f/g/h/i/j") == UNDETERMINED


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_never_raises(text: str) -> None:
    assert detect(text) == UNDETERMINED or len(detect(text)) == 2

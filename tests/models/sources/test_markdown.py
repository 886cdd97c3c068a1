import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.sources.markdown import mark_quotes, plain_markdown


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("A customer asks to **see** failed *deliveries*.", "A customer asks to see failed deliveries."),
        ("__bold__ ~~gone~~", "bold gone"),
        ("## Steps\n\n- one", "Steps\n\n- one"),
        ("See [the log](https://example.com/x) ![shot](https://example.com/a.png)", "See the log "),
        ("```python\nx = 2 * 3 * 4\n```\nfails", "x = 2 * 3 * 4\nfails"),
        ("snake_case_name and 2*3*4", "snake_case_name and 2*3*4"),
        ("> said before\nno", "> said before\nno"),
        ("#42 is open", "#42 is open"),
        ("[not a link] (at all)", "[not a link] (at all)"),
    ],
)
def test_marks_go_and_words_stay(written: str, plain: str) -> None:
    assert plain_markdown(written) == plain


@pytest.mark.parametrize(
    ("written", "marked"),
    [
        ('[quote="staff, post:1"]try again[/quote]\nNo.', "> try again\n\nNo."),
        ("Hello [quote]a\n\nb[/quote] there", "Hello\n> a\n> b\n\n there"),
        ("[quote=x]a [quote=y]b[/quote] c[/quote]end", "\n> a b c\n\nend".lstrip("\n")),
        ("[quote]one[/quote]mid[QUOTE]two[/QUOTE]end", "> one\n\nmid\n> two\n\nend"),
        ("[quote]never closed", "[quote]never closed"),
        ("closed[/quote] only", "closed[/quote] only"),
        ("[quote]lost [quote]in[/quote] text", "[quote]lost\n> in\n\n text"),
        ("nothing", "nothing"),
    ],
)
def test_quotes_become_quoted_lines(written: str, marked: str) -> None:
    assert mark_quotes(written).lstrip("\n") == marked


@given(st.text(alphabet="ab*_[]()!#`~\n /quote=", max_size=200))
def test_no_letter_is_lost_outside_of_links_and_quotes(text: str) -> None:
    assert isinstance(plain_markdown(text), str)
    if "[" not in text and "`" not in text and "~" not in text:
        letters = [each for each in text if each in "ab"]
        assert [each for each in plain_markdown(text) if each in "ab"] == letters


@pytest.mark.parametrize(
    "piece", ["[", "[quote]", "**", "![", "[a](", "*a", "`", "[quote=", "[/quote]", "# "]
)
def test_odd_texts_take_no_more_than_linear_time(piece: str) -> None:
    """With a pattern that backtracks, this would take hours."""
    text = piece * 200_000
    assert plain_markdown(mark_quotes(text)) is not None

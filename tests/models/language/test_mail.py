from hypothesis import given, settings
from hypothesis import strategies as st

from models.language.mail import Body, is_raw_mail, read_body

HEAD = b"From: Tom <t@x.io>\r\nTo: help@x.io\r\nSubject: Export\r\nMIME-Version: 1.0\r\n"
TWO_PARTS = (
    HEAD
    + b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n'
    + b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGeht nicht, Gr=C3=BC=C3=9Fe\r\n--b\r\n"
    + b"Content-Type: text/html\r\n\r\n<p>Geht nicht</p>\r\n--b--\r\n"
)


def test_prefers_the_plain_part() -> None:
    assert read_body(TWO_PARTS) == Body("Geht nicht, Grüße", False)


def test_takes_html_where_there_is_nothing_else() -> None:
    mail = HEAD + b"Content-Type: text/html; charset=iso-8859-1\r\n\r\n<p>Gr\xfc\xdfe</p>"

    assert read_body(mail) == Body("<p>Grüße</p>", True)


def test_leaves_attachments_out() -> None:
    mail = (
        HEAD
        + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n'
        + b"Content-Disposition: attachment\r\n\r\nlog\r\n--b\r\nContent-Type: text/plain\r\n\r\nwords\r\n--b--\r\n"
    )

    assert read_body(mail).text == "words"


def test_unknown_character_sets_are_read_as_utf_8() -> None:
    assert read_body(HEAD + b"Content-Type: text/plain; charset=klingon\r\n\r\nhi").text == "hi"


def test_bytes_that_are_not_what_they_are_declared_to_be_are_read_all_the_same() -> None:
    said = HEAD + b"Content-Type: text/plain; charset="

    assert read_body(said + b"us-ascii\r\n\r\nGr\xc3\xbc\xc3\x9fe").text == "Grüße"
    assert read_body(said + b"iso-8859-1\r\n\r\n10 \x80 \x93").text == "10 € “"
    assert read_body(said + b"utf-8\r\n\r\nGr\xfc\xdfe").text == "Grüße"
    assert read_body(said + b"iso-8859-2\r\n\r\n\xb3").text == "ł"
    assert read_body("Grüße".encode("latin-1")) == Body("Grüße", None)
    assert read_body("Grüße".encode("utf-16")) == Body("Grüße", None)
    assert read_body(b"\r\n" + said + b"utf-8\r\n\r\nhi").text == "hi"


def test_text_that_only_looks_like_mail_is_taken_as_it_is() -> None:
    text = "From: the settings page I cannot export.\nTo: be fixed please."

    assert not is_raw_mail(text.encode())
    assert read_body(text.encode()) == Body(text, None)
    assert read_body(b"\xef\xbb\xbfhi") == Body("hi", None)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_never_raises(data: bytes, headed: bool) -> None:
    body = read_body(HEAD + b"Content-Type: " + data if headed else data)

    assert isinstance(body.text, str)

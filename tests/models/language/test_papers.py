import pytest

from models.language.redact import redact


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("I live at 12 Baker Street and nothing came", "I live at <address> and nothing came"),
        ("we are at 5 Oak Lane, Leeds LS6 2AB now", "we are at <address> now"),
        ("200 Main St, Springfield, IL 62701 is wrong", "<address> is wrong"),
        ("Lieferung an Hauptstr. 7, 80331 München fehlt", "Lieferung an <address> fehlt"),
        ("au 8 rue de la Paix, 75002 Paris rien", "au <address> rien"),
        ("a Calle Mayor 3, 28013 Madrid no llega", "a <address> no llega"),
        ("in Via Roma 10, 00184 Roma non arriva", "in <address> non arriva"),
        ("na Rua Augusta 100, 01305-000 São Paulo", "na <address>"),
        ("naar Dorpsstraat 5, 1234 AB Utrecht", "naar <address>"),
        ("na ul. Prosta 1/2, 00-001 Warszawa", "na <address>"),
        ("til Nørregade 5, 1165 København", "til <address>"),
        ("till Storgatan 3, 111 22 Stockholm", "till <address>"),
        ("sort code 20-00-00 account 55779911", "sort code <account> account <account>"),
        ("BLZ 37040044, Konto 532013000", "BLZ <account>, Konto <account>"),
        ("routing number 021000021 is refused", "routing number <account> is refused"),
        ("passport number X12345678 was uploaded", "passport number <document> was uploaded"),
        ("mein Personalausweis L01X00T47 ist neu", "mein Personalausweis <document> ist neu"),
        ("CPF 529.982.247-25 inválido", "CPF <document> inválido"),
        ("el 12345678Z no pasa", "el <document> no pasa"),
        ("RSSMRA85T10A562S rifiutato", "<document> rifiutato"),
    ],
)
def test_addresses_accounts_and_papers_go(text: str, kept: str) -> None:
    assert redact(text).text == kept


@pytest.mark.parametrize(
    "text",
    [
        "the 5 Main Street map layer is blank",
        "I bought 2 Abbey Road posters, one came",
        "Highway 101 is missing on the map, so is Route 66",
        "Bahnhofstraße 3 wird auf der Karte falsch gezeigt",
        "Rue 12 and Via 7 are levels of the game",
        "the 10 Place badges vanished, 2024 Season",
        "account 7001234567 is locked",
        "my account number is 88213341, please merge",
        "account 4 of 12 is greyed out",
        "passport photos are rejected, 3 times now",
        "the ID card template prints 2 pages",
        "driving licence upload hangs at 95 percent",
        "pass 1234 tests and fail 2",
        "order 123.456.789-00 is late",
        "SKU 12345678A is out of stock",
        "konto premium 2024 wygasło",
    ],
)
def test_what_only_looks_like_them_stays(text: str) -> None:
    assert redact(text).text == text

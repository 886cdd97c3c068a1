"""What closes a message in ten languages, and what only looks so."""

import pytest

from models.language.closings import closes, closing_tail, read_closing

CLOSINGS = """
Thanks,|Thanks|thanks!!|Thank you.|thx a lot|Many thanks in advance.|Thank you for your help.|Thank you so much! 🙏
Best|Best,|Best, Tom|BEST REGARDS|Kind regards, Noor|Warm regards,|Regards, Dr. Emily Chen|Cheers|cheers mike|xoxo Jess
Best regards from Lisbon, Inês|Yours faithfully|Sincerely yours, A. Kowalski|Take care, Bo|Have a great day ahead!
Any help appreciated.|Any help would be greatly appreciated!|Looking forward to hearing from you soon,|Please advise.
Mit freundlichen Grüßen|Viele Grüße aus Köln|Viele Grüße und vielen Dank im Voraus|lg sabine|MfG|Danke & Gruß|Danke euch
Über eine baldige Antwort würde ich mich sehr freuen.|Ich freue mich auf Ihre Rückmeldung
Cordialement|Bien cordialement, Zoé|Merci d'avance|Merci pour votre aide et bonne journée|Bien à vous
Dans l'attente de votre retour, veuillez agréer, Madame, l'expression de mes salutations distinguées.
Un saludo|Muchas gracias por su ayuda|Gracias, un saludo|Quedo a la espera de su respuesta.|Atentamente, Lucía
Cordiali saluti|Grazie mille, ciao|In attesa di un vostro riscontro|Un caro saluto, Gio|Grazie in anticipo!
Atenciosamente|Com os melhores cumprimentos|Obrigado, abraço|Fico no aguardo.|Um abraço, João|Desde já agradeço
Met vriendelijke groeten,|Alvast bedankt!|Groetjes Fenna|Bij voorbaat dank|Ik hoor graag van u.
Pozdrawiam serdecznie, Ania|Z poważaniem|Z góry dziękuję|Dzięki, Kuba|Czekam na odpowiedź
Med venlig hilsen|Mvh Søren|På forhånd tak.|Mange hilsner, Bodil|Jeg ser frem til at høre fra jer
Med vänliga hälsningar|Tack på förhand!|Vänliga hälsningar, Åsa|Ha en bra dag
"""
PROSE = """
Best Buy|Best tool we ever had|Best-practice|Best regards field is empty|Thanks for nothing|Thanks for nothing.
Thanks for the update|Thanks for fixing the crash|Thanks Chrome works|thanks works now|Thanks, works|Thank you page is broken
Thanks to the new filter we see it|No thanks|With regards to the invoice|Regards the invoice: it is wrong|Regards field
Love Spotify|Cheers for the update|Any help page is empty|Any help?|Looking forward to the next release
Have a look|Many users cannot log in|Warm Grey|Kind|With|GR16 0110 1250
Danke für nichts|Dank der neuen Version geht nichts mehr|Viele Fehler|Mit freundlichen Fehlern
Merci de corriger|Bonne question|Bien|Saludos desde la app no se envían|Un error|Grazie a voi non funziona
Met de app lukt het niet|Z aplikacją|Med det samme|Tack vare uppdateringen
"""


@pytest.mark.parametrize("text", [text for line in CLOSINGS.strip().split("\n") for text in line.split("|")])
def test_a_closing_is_told(text: str) -> None:
    assert closes(text), read_closing(text)


@pytest.mark.parametrize("text", [text for line in PROSE.strip().split("\n") for text in line.split("|")])
def test_words_that_go_on_are_none(text: str) -> None:
    assert not closes(text), read_closing(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("It fails. Thanks, Tom", "It fails. "),
        ("It crashes. Cheers", "It crashes. "),
        ("Importen stopper. Hilsen Bodil", "Importen stopper. "),
        ("We need it live. Thank you and have a great weekend! Dmitri", "We need it live. "),
        ("The error is 500. Any help appreciated. Best, Tom", "The error is 500. "),
        ("Refund? Many thanks in advance.", "Refund? "),
        ("X is broken - thanks Tom", "X is broken - "),
        ("it works again, thanks!", None),
        ("Moving to a competitor. Thanks for nothing.", None),
        ("The options are Worst, Best", None),
        ("Any help appreciated. The error is 500.", None),
        ("Thanks. It works", None),
    ],
)
def test_only_the_end_of_a_line_that_is_a_closing_is_cut(text: str, kept: str | None) -> None:
    start = closing_tail(text)

    assert (None if start is None else text[:start]) == kept

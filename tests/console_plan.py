"""What the console's test world holds: its themes and its releases, with what is said of each."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from models.values.verdicts import Grade, Reason, Word

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FIRST, END = date(2025, 12, 1), date(2026, 11, 17)
SEED = 20261120
SCALE = 0.6
ATTACK = "<script>alert('x')</script> & <b>bold</b>"

THEMES: tuple[tuple[str, float, str], ...] = (
    ("export stops half-way", 11.0, "The CSV export stops at 80% and the file is empty."),
    ("sign-in code never arrives", 9.5, "I wait ten minutes and no code comes to my phone."),
    ("calendar double bookings", 9.0, "Two customers were put in the same slot again."),
    ("invoice shows wrong tax", 8.0, "Our March invoice has the old tax rate on it."),
    ("mobile app loses drafts", 7.5, "I wrote a long note, locked the phone and it was gone."),
    ("reminders sent twice", 7.0, "Clients get every reminder two times and complain to us."),
    ("slow first page", 6.5, "The dashboard needs twenty seconds before I can click."),
    ("cannot change plan", 6.0, "The button to go to the yearly plan does nothing."),
    ("search misses recent notes", 5.5, "Notes of today do not show up until tomorrow."),
    ("time zone off by one hour", 5.2, "Since the clocks changed all bookings are an hour late."),
    ("card declined for no reason", 5.0, "My bank says the payment never reached them."),
    ("team invitations expire", 4.6, "The invitation was dead after one night."),
    ("two-factor reset takes days", 4.2, "I have been locked out since Monday."),
    ("printing cuts the last line", 3.8, "The bottom of every receipt is missing."),
    ("notifications arrive late", 3.5, "Alerts come when the meeting is over."),
    ("attachments fail over 10 MB", 3.2, "Photos from the site do not upload."),
    ("duplicate contacts after import", 3.0, "After the import everyone is in the list twice."),
    ("dark mode is unreadable", 2.6, "Grey text on grey ground, I cannot read the form."),
    ("webhook retries flood us", 2.4, "One failure and we got four hundred calls."),
    ("refund status unclear", 2.2, "Nobody can see whether the refund was sent."),
    ("keyboard focus jumps", 2.0, "Tab takes me back to the top of the page every time."),
    ("language switches back to English", 1.8, "I set German three times this week."),
    ("signature field missing on tablets", 1.5, "On the tablet there is nowhere to sign."),
    ("maps show the old address", 1.2, "Visitors are sent to our former office."),
)


@dataclass(frozen=True, slots=True)
class Bet:
    """A release: its theme (number in THEMES, None: no confirmed link), the true factor, what is said of it."""

    version: str
    name: str
    day: date
    theme: int | None
    factor: float = 1.0
    word: Word | None = None
    grade: Grade = Grade.D
    reasons: tuple[Reason, ...] = ()
    rollout_days: int = 0


BETS: tuple[Bet, ...] = (
    Bet("1.8", "Faster search", date(2026, 2, 10), 8, 1.02, Word.UNCHANGED, Grade.C),
    Bet("1.9", "Tax tables 2026", date(2026, 3, 3), 3, 0.45, Word.FELL, Grade.C, rollout_days=6),
    Bet("2.0", "New calendar", date(2026, 4, 14), 2, 1.75, Word.ROSE, Grade.D, (Reason.CONTEXT_EVENT,), 10),
    Bet("2.0.1", "Tablet forms", date(2026, 5, 5), 22, 0.9, Word.CANNOT_TELL, Grade.D, (Reason.TOO_FEW_COMPLAINTS,)),
    Bet("2.1", "Drafts kept on the phone", date(2026, 5, 26), 4, 0.5, Word.FELL, Grade.D, (Reason.EXPOSURE_MISSING,)),
    Bet("2.1.2", "Reminder queue", date(2026, 6, 16), 5, 0.85, Word.INCONCLUSIVE, Grade.C, (Reason.LEANING,)),
    Bet("2.2", "Plan page", date(2026, 7, 7), 7, 0.97, Word.INCONCLUSIVE, Grade.D, (Reason.CHOSEN_AFTER,)),
    Bet("2.3", "Resumable export", date(2026, 8, 4), 0, 0.55, Word.FELL, Grade.C, (), 7),
    Bet("2.3.1", "Invitation lifetime", date(2026, 8, 18), 11, 1.0, Word.CANNOT_TELL, Grade.D,
        (Reason.OVERLAPPING_RELEASE, Reason.SOURCE_GAP)),
    Bet("2.4", "Slot locking", date(2026, 9, 8), 2, 0.42, Word.FELL, Grade.C),
    Bet("2.5", "Sign-in by passkey", date(2026, 10, 6), 1, 0.8, Word.TOO_EARLY, Grade.C, (Reason.LOOKS_REMAIN,), 9),
    Bet("2.5.1", "Time zone fixes", date(2026, 10, 27), 9, 0.7, Word.TOO_EARLY, Grade.D, (Reason.LOOKS_REMAIN,)),
    Bet("2.6", "Payments provider", date(2026, 11, 3), None),
    Bet("2.7", "Small repairs", date(2026, 11, 12), None),
)  # fmt: skip

CHECKS: list[dict[str, object]] = [
    {"code": "exposure", "passed": True, "sentence": "Complaints are compared per customer."},
    {"code": "history", "passed": True, "sentence": "There is enough history before the release."},
    {"code": "gaps", "passed": False, "sentence": "1 periods are missing."},
    {
        "code": "control_agrees",
        "passed": True,
        "sentence": "The answer is the same without the control series.",
    },
]

"""The customers' firms and the people in them who write."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate, product
from random import Random

import numpy as np
import numpy.typing as npt

from models.sample.plan import DAYS, Company, PlanTier, load_shared

FIRST_ACCOUNT = 20_114
OLDEST_ACCOUNT_DAYS = 1_500


@dataclass(frozen=True, slots=True)
class Person:
    """One human who may write to support."""

    name: str
    email: str
    phone: str
    customer_id: str
    requester_id: str


@dataclass(frozen=True, slots=True)
class Account:
    """One firm; `created_day` counts from the first day of the sample and is negative for older firms."""

    account_id: str
    name: str
    plan: str
    segment: str
    arr_usd: int
    created_day: int
    weight: float
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Crowd:
    """All accounts by age, oldest first, with the running sum of how much they write."""

    accounts: tuple[Account, ...]
    created: tuple[int, ...]
    running: tuple[float, ...]

    def pick(self, rng: Random, day: int) -> tuple[Account, Person]:
        """Draw a person who writes on `day`, from the accounts that exist by then, by their weight."""
        alive = bisect_right(self.created, day)
        mark = rng.random() * self.running[alive - 1]
        account = self.accounts[min(bisect_right(self.running, mark), alive - 1)]
        # The first person of a firm, usually the owner or the office, writes most.
        person = account.people[int(len(account.people) * rng.random() ** 1.6)]
        return account, person


def gather_crowd(company: Company, seed: int) -> Crowd:
    """Invent the firms and their people: `start_accounts` older ones, the others join through the year."""
    rng = Random(f"{seed}/crowd")
    days = _created_days(company, rng)
    names = _firm_names(company, rng, len(days))
    accounts = tuple(
        _account(rng, company, number, day, name)
        for number, (day, name) in enumerate(zip(days, names, strict=True))
    )
    running = tuple(accumulate(account.weight for account in accounts))
    return Crowd(accounts, tuple(days), running)


def active_accounts(crowd: Crowd, company: Company, seed: int) -> dict[str, npt.NDArray[np.int64]]:
    """Count the active accounts per day and plan. Values: (DAYS,) int64; key `all` holds their sum."""
    noise = np.random.default_rng([seed, 11]).normal(1.0, 0.008, DAYS)
    activity = np.resize(np.array(company.weekday_activity), DAYS) * noise
    day = np.arange(DAYS)
    by_plan: dict[str, npt.NDArray[np.int64]] = {}
    for tier in company.tiers:
        created = np.array([a.created_day for a in crowd.accounts if a.plan == tier.name])
        alive = np.searchsorted(created, day, side="right")
        by_plan[tier.name] = np.rint(alive * activity).astype(np.int64)
    total = np.stack(list(by_plan.values())).sum(axis=0)
    return {"all": total, **by_plan}


def _created_days(company: Company, rng: Random) -> list[int]:
    old = sorted(rng.randint(-OLDEST_ACCOUNT_DAYS, -1) for _ in range(company.start_accounts))
    growth = 1.0 + company.yearly_growth
    joined = round(company.start_accounts * company.yearly_growth)
    # Evenly spaced in the inverse of exponential growth, so that the base grows by the same share each week.
    new = [
        int(DAYS * np.log1p(company.yearly_growth * (k + 0.5) / joined) / np.log(growth))
        for k in range(joined)
    ]
    return old + new


def _firm_names(company: Company, rng: Random, count: int) -> list[str]:
    names = [
        f"{name} {trade} {form}"
        for name, trade, form in product(company.firm_names, company.firm_trades, company.firm_forms)
    ]
    return rng.sample(names, count)


def _account(rng: Random, company: Company, number: int, day: int, name: str) -> Account:
    tier = rng.choices(company.tiers, [tier.share for tier in company.tiers])[0]
    size = rng.randint(*tier.people)
    return Account(
        account_id=str(FIRST_ACCOUNT + 3 * number),
        name=name,
        plan=tier.name,
        segment=tier.segment,
        arr_usd=_arr(rng, tier),
        created_day=day,
        weight=rng.gammavariate(0.8, 1.0) * size**0.7 + 0.02,
        people=tuple(_person(rng, name, f"{number:04d}{k}") for k in range(size)),
    )


def _arr(rng: Random, tier: PlanTier) -> int:
    low, high = tier.arr
    return int(low * (high / low) ** rng.random()) // 12 * 12


def _person(rng: Random, firm: str, digits: str) -> Person:
    shared = load_shared()
    first, last = rng.choice(shared["first_names"]), rng.choice(shared["last_names"])
    domain = "-".join(word for word in firm.lower().split()[:2] if word.isalpha())
    return Person(
        name=f"{first} {last}",
        email=f"{first}.{last}@{domain}.example.com".lower(),
        phone=_phone(rng),
        customer_id=f"usr_{digits}",
        requester_id=f"88000{digits}07",
    )


def _phone(rng: Random) -> str:
    # Ranges that regulators keep for fiction: 07700 900xxx, 01632 960xxx, 555-01xx.
    digits = f"{rng.randint(0, 999):03d}"
    forms = ("07700 900{d}", "+44 7700 900{d}", "01632 960{d}", "(01632) 960 {d}", "+1 202-555-01{s}")
    return rng.choice(forms).format(d=digits, s=digits[:2])

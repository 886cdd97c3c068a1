"""Expected and drawn ticket counts per topic and day.

The rate of a topic is proportional to the active accounts of the day, times what events and releases do to
it, times a mild week-to-week disturbance (first-order autoregressive on the log scale).
"""

import numpy as np
import numpy.typing as npt

from models.sample.plan import DAYS, Event, Release, Topic

Floats = npt.NDArray[np.float64]

WEEK_MEMORY = 0.4
"""Autocorrelation of the week-level disturbance from one week to the next."""


def event_factor(topic: str, events: tuple[Event, ...]) -> Floats:
    """Say by how much events multiply the rate of a topic. Returns (DAYS,)."""
    factor = np.ones(DAYS)
    for event in events:
        if event.topic == topic:
            factor[event.start_day : event.end_day] *= event.factor
    return factor


def release_factor(topic: str, releases: tuple[Release, ...]) -> Floats:
    """Say by how much releases multiply the rate of a topic; during a roll-out only reached accounts benefit.

    Returns (DAYS,).
    """
    factor = np.ones(DAYS)
    for release in releases:
        for effect in release.effects:
            if effect.topic == topic:
                factor *= 1.0 + (effect.ratio - 1.0) * _reached(release)
    return factor


def expected_counts(
    topics: tuple[Topic, ...], releases: tuple[Release, ...], events: tuple[Event, ...], active: Floats
) -> Floats:
    """Compute expected tickets per topic and day, before any source falls silent.

    active: (DAYS,) active accounts per day. Returns (topics, DAYS).
    """
    if active.shape != (DAYS,):
        raise ValueError(f"active must have shape ({DAYS},), got {active.shape}")
    per_day = active / active.mean() / 7.0
    return np.stack(
        [
            topic.weekly * per_day * event_factor(topic.key, events) * release_factor(topic.key, releases)
            for topic in topics
        ]
    )


def draw_counts(topics: tuple[Topic, ...], expected: Floats, seed: int) -> npt.NDArray[np.int64]:
    """Draw tickets per topic and day around `expected` (topics, DAYS); same seed, same counts."""
    rng = np.random.default_rng([seed, 21])
    noise = np.array([topic.noise for topic in topics])
    return rng.poisson(expected * np.repeat(_weekly_noise(rng, noise), 7, axis=1))


def _reached(release: Release) -> Floats:
    share = np.zeros(DAYS)
    for days_back, percent in release.steps:
        share[DAYS - days_back :] = percent
    return share


def _weekly_noise(rng: np.random.Generator, noise: Floats) -> Floats:
    weeks = DAYS // 7
    shocks = rng.normal(size=(len(noise), weeks))
    level = np.empty_like(shocks)
    level[:, 0] = shocks[:, 0]
    fresh = np.sqrt(1.0 - WEEK_MEMORY**2)
    for week in range(1, weeks):
        level[:, week] = WEEK_MEMORY * level[:, week - 1] + fresh * shocks[:, week]
    return np.exp(noise[:, None] * level - noise[:, None] ** 2 / 2.0)

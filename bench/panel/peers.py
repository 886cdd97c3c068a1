"""The methods that people use today, each as its usual user would run it, held against ours on the same series."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bench.panel import peers_daily, peers_weekly
from bench.panel.answer import Answer, Peer
from bench.panel.structural import structural

__all__ = ["PEERS", "Answer", "Peer"]

PEERS: Final[Mapping[str, Peer]] = MappingProxyType(
    {
        "welch_t": peers_daily.welch,
        "exact_binomial": peers_daily.binomial,
        "poisson": peers_daily.poisson,
        "negative_binomial": peers_daily.negative_binomial,
        "quasi_poisson_newey_west": peers_daily.newey_west,
        "quasi_poisson_weekly": peers_weekly.quasi_poisson,
        "control_offset": peers_weekly.control_offset,
        "placebo_dates": peers_weekly.placebo_dates,
        "structural_time_series": structural,
    }
)
"""All answer two-sided at no effect, see 26 weeks before and leave out the first week after the release."""

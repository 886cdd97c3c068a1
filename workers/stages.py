"""The stages of the embedded worker, in the order in which a ticket walks through them."""

from collections.abc import Mapping
from functools import partial

from models.jobs import Job
from models.settings import Settings
from workers.count import recount
from workers.embed import embed_items
from workers.intake import parse_deliveries
from workers.links import propose_links
from workers.measure import judge_releases
from workers.run import Stage
from workers.scope import apply_rules
from workers.shadow import run_shadow
from workers.shadow_stream import Shadows
from workers.themes import Streams, label, place_items


def build_stages(settings: Settings) -> Mapping[Job, Stage]:
    """Return every stage; themes keep their streams in memory between batches."""
    streams = Streams()
    return {
        Job.INTAKE: Stage(settings.intake_batch_size, parse_deliveries),
        Job.EMBED: Stage(settings.embed_batch_size, embed_items),
        Job.PLACE: Stage(settings.place_batch_size, partial(place_items, streams=streams)),
        Job.LABEL: Stage(1, partial(label, streams=streams)),
        Job.COUNT: Stage(10_000, recount),
        Job.LINK: Stage(200, propose_links),
        Job.MEASURE: Stage(1, judge_releases),
        Job.SCOPE: Stage(1, apply_rules),
        Job.SHADOW: Stage(1, partial(run_shadow, kept=Shadows())),
    }

from models.jobs import Job
from models.settings import Settings
from workers.progress import NAMES
from workers.stages import build_stages


def test_every_job_has_a_stage_in_its_order_and_a_name_for_people() -> None:
    assert list(build_stages(Settings())) == list(Job)
    assert set(NAMES) == set(Job)

"""Public ids: a prefix and a number, nothing else."""

import pytest

from models.errors import NotFound
from models.values.ids import LARGEST, Prefix, parse_id, public_id


@pytest.mark.parametrize("prefix", Prefix)
def test_an_id_is_read_back(prefix: Prefix) -> None:
    for number in (1, 17, LARGEST):
        assert parse_id(prefix, public_id(prefix, number)) == number


@pytest.mark.parametrize(
    "given",
    [
        "",
        "th",
        "th_",
        "th_x",
        "th_-1",
        "th_1.5",
        "th_١",
        "th_ 1",
        "rel_1",
        "17",
        "TH_1",
        "th_1_2",
        f"th_{LARGEST + 1}",
    ],
)
def test_anything_else_is_not_found(given: str) -> None:
    with pytest.raises(NotFound, match="th_"):
        parse_id(Prefix.THEME, given)

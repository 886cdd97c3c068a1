"""Which encoder a workspace uses, and which ones it may try."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from models.errors import Invalid

PACKAGED_MODEL = "all-MiniLM-L6-v2"
"""The model that ships with Ebb; a workspace that names none uses it."""


class Dtype(StrEnum):
    """Arithmetic of an encoder."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """A model by its name, and its arithmetic."""

    model: str
    dtype: str

    def __str__(self) -> str:
        """Name it as people read it."""
        return f"{self.model} ({self.dtype})"


def model_folders(text: str) -> Mapping[str, Path]:
    """Read `name=folder` pairs with commas between; raise `Invalid` for what is no such pair, or named twice."""
    found: dict[str, Path] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, _, folder = (part.strip() for part in pair.partition("="))
        if not name or not folder:
            raise Invalid(f"{pair!r} is no name=folder.", field="EBB_ENCODER_MODELS")
        if name == PACKAGED_MODEL or name in found:
            raise Invalid(f"the model {name!r} has its folder already.", field="EBB_ENCODER_MODELS")
        found[name] = Path(folder)
    return found


def check_choice(choice: EncoderChoice, folders: Mapping[str, Path]) -> None:
    """Raise `Invalid` for a model or an arithmetic that is not there, and say which are."""
    known = (PACKAGED_MODEL, *folders)
    if choice.model not in known:
        raise Invalid(
            f"there is no model {choice.model!r}; there are {', '.join(known)} (EBB_ENCODER_MODELS adds others).",
            field="model",
        )
    if choice.dtype not in list(Dtype):
        raise Invalid(f"dtype {choice.dtype!r} is not one of {', '.join(Dtype)}.", field="dtype")

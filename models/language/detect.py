"""Name the language of a text, or say that it cannot be told."""

import math
import re
import threading

from py3langid.langid import MODEL_FILE, LanguageIdentifier

UNDETERMINED = "und"
MIN_LETTERS = 20
MIN_MARGIN = 0.6  # log-likelihood ratio of the two best languages, divided by the root of the bytes read
_READ = 300  # characters: more text changes little and costs time in proportion

_WORD = re.compile(r"[^\W\d_]+")
_NOISE = re.compile(r"<[a-z]+>|https?://\S+|\S*[@_/\\=]\S*")

_lock = threading.Lock()
_loaded: list[LanguageIdentifier] = []


def _identifier() -> LanguageIdentifier:
    """Load the bundled model on first use (half a second), once per process."""
    with _lock:
        if not _loaded:
            _loaded.append(LanguageIdentifier.from_model_file(MODEL_FILE))
        return _loaded[0]


def detect(text: str) -> str:
    """Name the language of a text by its ISO 639-1 code, `und` where it is too short or two languages fit alike.

    Reads the first 300 characters. Placeholders, addresses and code-like words do not count. Texts of fewer
    than `MIN_LETTERS` letters answer `und`; the caller must never drop a text for its language alone.
    """
    words = _WORD.findall(_NOISE.sub(" ", text[:_READ]))
    if sum(map(len, words)) < MIN_LETTERS:
        return UNDETERMINED
    joined = " ".join(words)
    ranked = _identifier().rank(joined)
    margin = (ranked[0][1] - ranked[1][1]) / math.sqrt(len(joined.encode(errors="replace")))
    code = str(ranked[0][0])
    return code if margin >= MIN_MARGIN and len(code) == 2 else UNDETERMINED

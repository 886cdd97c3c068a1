"""Write the console's chart library: `python -m workers.assets`.

The file is what `vl-convert-python` bundles of Vega, Vega-Lite, Vega-Embed and its expression interpreter, so
that charts are drawn without the network and without `eval`. It is made at set-up and never committed.
"""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

import vl_convert

TARGET: Final = Path(__file__).parents[1] / "service/console/static/vendor/vega.js"
VEGA_LITE: Final = "6.1"
"""Version of Vega-Lite; its schema is the one that tests hold the specs against."""

_EXPOSE: Final = "window.vegaEmbed = vegaEmbed;"


def head() -> str:
    """Return the first line of the library, which says what it was made from."""
    return f"/* vl-convert-python {version('vl-convert-python')}, Vega-Lite {VEGA_LITE}; made by workers.assets */\n"


def is_current(target: Path = TARGET) -> bool:
    """Say whether the library is there and was made from the versions installed now."""
    if not target.is_file():
        return False
    with target.open(encoding="utf-8") as file:
        return file.readline() == head()


def write(target: Path = TARGET) -> int:
    """Write the library and return its size in bytes; a reader never sees half of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".part")
    draft.write_text(head() + vl_convert.javascript_bundle(_EXPOSE, vl_version=VEGA_LITE), encoding="utf-8")
    draft.replace(target)
    return target.stat().st_size


def main() -> int:
    """Write the library if it is absent or outdated."""
    if is_current():
        sys.stdout.write("The chart library is current.\n")
    else:
        sys.stdout.write(f"The chart library is written: {write():,} bytes.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The chart library is made once, again when outdated, and whole or not at all."""

from pathlib import Path

from workers import assets


def test_the_library_is_written_whole_and_knows_when_it_is_outdated(tmp_path: Path) -> None:
    target = tmp_path / "vendor" / "vega.js"
    assert not assets.is_current(target)
    size = assets.write(target)
    assert size > 500_000
    assert assets.is_current(target)
    assert list(target.parent.iterdir()) == [target]
    text = target.read_text(encoding="utf-8")
    assert "vegaEmbed" in text
    target.write_text("/* vl-convert-python 0.1 */\n" + text, encoding="utf-8")
    assert not assets.is_current(target)

import csv
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.errors import Invalid
from models.language.encode import WordHashEncoder
from workers import files
from workers.files import discover, links_rank

SUBJECTS = {
    "export": ["csv export fails", "export to csv is broken", "the csv export does nothing"],
    "login": ["cannot log in with sso", "login page loops after sso", "sso login rejected my password"],
    "invoice": ["invoice shows wrong tax", "tax on the invoice is wrong", "wrong tax amount on our invoice"],
}
EXTRAS = ["in chrome", "on mac", "for admins", "since the update", "in the office", "on mobile", "at night"]


def quiet(_: str) -> None:
    pass


def tickets(count: int) -> list[dict[str, str]]:
    rng = np.random.default_rng(1)
    names = list(SUBJECTS)
    rows = []
    for number in range(count):
        subject = names[int(rng.integers(3))]
        text = f"{rng.choice(SUBJECTS[subject])} {rng.choice(EXTRAS)} {rng.choice(EXTRAS)}"
        rows.append({"id": f"{subject}-{number}", "text": text})
    rows[4]["text"] = "  "
    return rows


def write_jsonl(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_discover_writes_items_and_themes(tmp_path: Path) -> None:
    rows = tickets(150)
    told: list[str] = []
    source, out = write_jsonl(tmp_path / "in.jsonl", rows), tmp_path / "A.csv"
    discover(source, out, batch=40, encoder=WordHashEncoder(), say=told.append)
    items = read_csv(out)
    assert list(items[0]) == ["id", "first_theme", "theme", "score", "placed_after"]
    assert [item["id"] for item in items] == [row["id"] for row in rows]
    assert [items[4][name] for name in ("first_theme", "theme", "score", "placed_after")] == [""] * 4
    placed = [item for item in items if item["theme"]]
    assert len(placed) > 130
    assert {item["placed_after"] for item in placed} == {"150"}
    themes = json.loads((tmp_path / "A.themes.json").read_text(encoding="utf-8"))
    assert {str(t["id"]) for t in themes} == {item["theme"] for item in placed}
    texts = [row["text"] for row in rows]
    for theme in themes:
        assert set(theme) == {"id", "label", "keywords", "size", "quotes", "redirects"}
        assert theme["size"] == sum(item["theme"] == str(theme["id"]) for item in items)
        assert all(any(quote in text for text in texts) for quote in theme["quotes"])
        subjects = {item["id"].split("-")[0] for item in placed if item["theme"] == str(theme["id"])}
        assert len(subjects) == 1
    assert told[-1].endswith("without a theme")


def test_discover_takes_vectors_and_follows_redirects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tickets(1_300)
    vectors = WordHashEncoder().encode([row["text"].strip() or "x" for row in rows]) * 3.0
    np.save(tmp_path / "E.npy", vectors.astype(np.float64))
    monkeypatch.setattr(files, "_sentence_encoder", lambda: pytest.fail("vectors were given"))
    out = tmp_path / "A.csv"
    discover(write_csv(tmp_path / "in.csv", rows), out, embeddings=tmp_path / "E.npy", say=quiet)
    items = [item for item in read_csv(out) if item["theme"]]
    themes = json.loads(out.with_suffix(".themes.json").read_text(encoding="utf-8"))
    alive = {str(theme["id"]) for theme in themes}
    gone = {str(old) for theme in themes for old in theme["redirects"]}
    assert not alive & gone
    assert {item["theme"] for item in items} == alive
    assert {item["first_theme"] for item in items}.isdisjoint(gone)
    assert {int(item["placed_after"]) for item in items} <= {*range(200, 1_300, 200), 1_300}
    assert all(0 <= float(item["score"]) <= 1 for item in items)


def test_links_rank_writes_both_ranks_for_every_pair(tmp_path: Path) -> None:
    features = [
        {"id": "f1", "title": "CSV export", "body": "The CSV export is fast again.", "area": "data"},
        {"id": "f2", "title": "SSO login", "body": "Login with SSO no longer loops.", "area": "access"},
        {"id": "f3", "title": "Dark mode", "body": "", "area": ""},
    ]
    items = [
        {"id": "i1", "title": "", "text": "csv export is slow", "area": "data"},
        {"id": "i2", "title": "login", "text": "sso login loops", "area": ""},
        {"id": "i3", "title": "", "text": "", "area": "access"},
    ]
    out = tmp_path / "R.csv"
    links_rank(
        write_csv(tmp_path / "F.csv", features),
        write_jsonl(tmp_path / "I.jsonl", items),
        out,
        top=1,
        encoder=WordHashEncoder(),
        say=quiet,
    )
    rows = read_csv(out)
    assert list(rows[0]) == ["feature_id", "feedback_id", "rank", "feature_rank", "score", "probability"]
    pairs = {(row["feature_id"], row["feedback_id"]): row for row in rows}
    assert (pairs["f1", "i1"]["rank"], pairs["f1", "i1"]["feature_rank"]) == ("1", "1")
    assert (pairs["f2", "i2"]["rank"], pairs["f2", "i2"]["feature_rank"]) == ("1", "1")
    assert ("f1", "i3") not in pairs  # other area
    assert ("f2", "i1") not in pairs
    assert {item for _, item in pairs} == {"i1", "i2", "i3"}
    assert all(row["rank"] == "1" or row["feature_rank"] == "1" for row in rows)
    assert all(0 <= float(row["probability"]) <= 1 for row in rows)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.txt", "id,text\n", "in.txt: use a file that ends in .jsonl or .csv"),
        ("in.csv", "id,body\n1,x\n", "in.csv line 2: field text is missing: add it"),
        ("in.csv", "id,text\n1,x\n1,y\n", "in.csv line 3: id 1 also stands in line 2: make ids unique"),
        ("in.csv", "id,text\n1,x,y\n", "in.csv line 2: not as many fields as the header: quote commas"),
        ("in.csv", 'id,text\n1,"x\n', "in.csv line 2: unexpected end of data: mend the line"),
        ("in.jsonl", '{"id": 1, "text": "x"}\n\n{"id"\n', "in.jsonl line 3: not JSON"),
        ("in.jsonl", "[]\n", "in.jsonl line 1: not an object"),
        ("in.jsonl", '{"id": 1}\n', "in.jsonl line 1: field text is missing: add it"),
    ],
)
def test_bad_files_are_refused_with_place_and_fix(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(Invalid, match=message.replace("(", r"\(")):
        discover(path, tmp_path / "A.csv", encoder=WordHashEncoder(), say=quiet)


def test_bad_arguments_exit_with_2_and_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = str(write_jsonl(tmp_path / "in.jsonl", tickets(6)))
    latin = tmp_path / "latin.csv"
    latin.write_bytes("id,text\n1,Grüße\n".encode("latin-1"))
    np.save(tmp_path / "few.npy", np.ones((2, 4)))
    np.save(tmp_path / "zero.npy", np.zeros((6, 4)))
    (tmp_path / "no.npy").write_text("no")
    out = str(tmp_path / "A.csv")
    for arguments, message in (
        ([str(tmp_path / "none.csv"), "--out", out], "cannot be read"),
        ([str(latin), "--out", out], "not UTF-8"),
        ([source, "--out", out, "--batch", "0"], "use 1 or more"),
        ([source, "--out", str(tmp_path / "no" / "A.csv")], "folder that exists"),
        (
            [source, "--out", out, "--embeddings", str(tmp_path / "few.npy")],
            "one row of floats per item, 6 rows",
        ),
        ([source, "--out", out, "--embeddings", str(tmp_path / "zero.npy")], "vector 0 is zero"),
        ([source, "--out", out, "--embeddings", str(tmp_path / "no.npy")], "not an .npy file"),
    ):
        assert files.main(["themes-discover", *arguments]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
    assert (
        files.main(["links-rank", "--features", source, "--feedback", source, "--out", out, "--top", "0"])
        == 2
    )


def test_an_empty_file_gives_empty_answers(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("id,text\n", encoding="utf-8")
    discover(source, tmp_path / "A.csv", encoder=WordHashEncoder(), say=quiet)
    assert read_csv(tmp_path / "A.csv") == []
    assert json.loads((tmp_path / "A.themes.json").read_text(encoding="utf-8")) == []


def test_two_processes_give_the_same_ids_and_labels(tmp_path: Path) -> None:
    """Equal vectors in equal order, whatever the process's hash seed: equal files, byte for byte."""
    rows = [row for row in tickets(240) if row["text"].strip()]
    source, vectors = write_jsonl(tmp_path / "in.jsonl", rows), tmp_path / "in.npy"
    np.save(vectors, WordHashEncoder().encode([row["text"] for row in rows]))
    hashes = []
    for seed in ("1", "2"):
        out = tmp_path / f"out{seed}.csv"
        command = [sys.executable, "-m", "workers.files", "themes-discover", str(source), "--out", str(out)]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([*command, "--embeddings", str(vectors), "--batch", "60"], check=True, env=environment)
        themes = out.with_suffix(".themes.json").read_bytes()
        assert len(json.loads(themes)) >= 3
        hashes.append(hashlib.sha256(out.read_bytes() + themes).hexdigest())
    assert hashes[0] == hashes[1]

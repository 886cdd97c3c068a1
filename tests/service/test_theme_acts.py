"""People correct themes over HTTP, and it stays corrected: whatever comes, until it is undone."""

import pytest
from sqlalchemy import select

from models.records import ThemeSeed, ThemeState
from tests.service.correcting import BOTH, FED, Correcting
from tests.steps import recounted, stored_counts
from tests.workers.tickets import deliver

MORE = 100


@BOTH
def test_every_act_and_its_undoing_on_either_database(empty_desk: Correcting) -> None:
    desk = empty_desk
    desk.feed(FED)
    before = (desk.places(), stored_counts(desk.database))
    a, b = desk.themes()[:2]
    acts = [
        desk.act(a, "rename", {"label": "Exports"}),
        desk.act(a, "split", {"items": [f"fb_{item}" for item in desk.items_in(a)[:7]]}),
        desk.act(b, "move", {"items": [f"fb_{desk.items_in(a)[0]}"]}),
        desk.act(a, "merge", {"themes": [f"th_{b}"]}),
        desk.act(a, "pin"),
        desk.post("themes", {"label": "Refunds"}, status=201),
    ]
    desk.act(int(acts[1]["created"][3:]), "dismiss")
    assert [each["verb"] for each in desk.get("theme-acts")["items"]] == [
        "dismiss", "seed", "pin", "merge", "move", "split", "rename",
    ]  # fmt: skip
    for act in desk.get("theme-acts")["items"]:
        desk.act(int(act["theme"][3:]), "undo", {"act": act["id"]})
    assert (desk.places(), stored_counts(desk.database)) == before


def test_a_merge_holds_and_can_be_taken_back(desk: Correcting) -> None:
    into, other = desk.themes()[:2]
    mine, theirs = desk.items_in(into), desk.items_in(other)
    done = desk.act(into, "merge", {"themes": [f"th_{other}"]})
    assert (done["theme"], done["moved"], done["created"]) == (f"th_{into}", len(theirs), None)
    assert done["event"]["kind"] == "merged"
    assert done["event"]["actor"]
    assert desk.items_in(into) == sorted([*mine, *theirs])
    assert recounted(desk.database) == stored_counts(desk.database)
    answer = desk.client.get(f"/v1/themes/th_{other}")
    assert (answer.status_code, answer.json()["superseded_by"]) == (308, f"th_{into}")
    assert desk.get(f"themes/th_{other}/lineage")["superseded_by"] == f"th_{into}"
    desk.feed(MORE)
    assert {*mine, *theirs} <= set(desk.items_in(into))
    assert desk.row(other).redirect_id == into
    later = [item for item in desk.items_in(into) if item not in mine and item not in theirs]
    undone = desk.act(into, "undo")
    assert undone["event"]["kind"] == "undone"
    assert set(theirs) <= set(desk.items_in(other))
    assert {*mine, *later} - set(theirs) <= {*desk.items_in(into), *desk.items_in(other)}
    assert recounted(desk.database) == stored_counts(desk.database)
    assert desk.get(f"themes/th_{other}")["label"]


def test_a_split_holds_and_can_be_taken_back(desk: Correcting) -> None:
    theme = desk.themes()[0]
    whole = desk.items_in(theme)
    part = whole[::3]
    done = desk.act(theme, "split", {"items": [f"fb_{item}" for item in part], "label": "Only in Vienna"})
    made = int(done["created"].removeprefix("th_"))
    assert done["share_of_theme"] == pytest.approx(len(part) / len(whole))
    assert desk.items_in(made) == part
    assert desk.get(f"themes/th_{made}")["label"] == "Only in Vienna"
    assert desk.get(f"themes/th_{theme}/lineage")["descendants"] == [f"th_{made}"]
    assert recounted(desk.database) == stored_counts(desk.database)
    desk.feed(MORE)
    assert set(part) <= set(desk.items_in(made))
    assert desk.row(made).redirect_id is None
    assert desk.get(f"themes/th_{made}")["label"] == "Only in Vienna"
    desk.act(theme, "undo")
    assert set(part) <= set(desk.places())
    assert desk.row(made).redirect_id == desk.places()[part[0]]
    assert recounted(desk.database) == stored_counts(desk.database)


def test_a_name_is_kept_and_the_found_one_stands_beside_it(desk: Correcting) -> None:
    theme = desk.themes()[0]
    found = desk.row(theme).label
    assert found
    desk.act(theme, "rename", {"label": "  Calendar exports break  "})
    desk.feed(MORE)
    assert desk.get(f"themes/th_{theme}")["label"] == "Calendar exports break"
    assert desk.row(theme).found_label not in (None, "Calendar exports break")
    assert [each["label"] for each in desk.get("themes?q=calendar+exports+break")["items"]] == [
        "Calendar exports break"
    ]
    desk.act(theme, "rename", {"label": "Exports"})
    desk.act(theme, "undo")
    assert desk.get(f"themes/th_{theme}")["label"] == "Calendar exports break"
    desk.act(theme, "undo")
    assert desk.get(f"themes/th_{theme}")["label"] == desk.row(theme).found_label


def test_a_pinned_theme_keeps_its_items_until_it_is_let_go(desk: Correcting) -> None:
    theme = desk.themes()[-1]
    items = desk.items_in(theme)
    desk.act(theme, "pin")
    assert desk.get(f"themes/th_{theme}")["pinned"] is True
    desk.feed(MORE)
    assert set(items) <= set(desk.items_in(theme))
    assert desk.row(theme).state is ThemeState.ACTIVE
    desk.act(theme, "pin", {"pinned": False})
    assert desk.get(f"themes/th_{theme}")["pinned"] is False
    refused = desk.act(theme, "pin", {"pinned": False}, status=409)
    assert "not pinned" in refused["detail"]


def test_an_item_stays_where_it_was_moved(desk: Correcting) -> None:
    home, target = desk.themes()[:2]
    items = desk.items_in(home)[:3]
    done = desk.act(target, "move", {"items": [f"fb_{item}" for item in items]})
    assert done["moved"] == 3
    assert recounted(desk.database) == stored_counts(desk.database)
    desk.feed(MORE)
    assert set(items) <= set(desk.items_in(target))
    listed = desk.get(f"feedback?theme=th_{target}&limit=500")["items"]
    assert {f"fb_{item}" for item in items} <= {each["id"] for each in listed}
    desk.act(target, "undo")
    assert not set(items) & set(desk.items_in(target))
    assert recounted(desk.database) == stored_counts(desk.database)


def test_an_edited_item_stays_where_it_was_moved(desk: Correcting) -> None:
    home, target = desk.themes()[:2]
    item = desk.items_in(home)[0]
    desk.act(target, "move", {"items": [f"fb_{item}"]})
    name = desk.get(f"feedback/fb_{item}")["external_id"]
    entry = {
        "id": name,
        "text": "The password reset on our phones is broken again.",
        "updated_at": desk.clock().isoformat(),
    }
    deliver(desk.context, desk.workspace, desk.source, entry)
    desk.work()
    assert desk.places()[item] == target


def test_what_is_dismissed_takes_in_its_like_and_counts_for_nothing(desk: Correcting) -> None:
    theme = desk.themes()[0]
    problem = desk.problems()[desk.items_in(theme)[0]]
    before = stored_counts(desk.database)
    desk.act(theme, "dismiss")
    assert theme not in {int(each["id"][3:]) for each in desk.get("themes?limit=500")["items"]}
    assert [each["id"] for each in desk.get("themes?state=dismissed")["items"]] == [f"th_{theme}"]
    assert not [key for key in stored_counts(desk.database) if key[0] == theme]
    item = desk.items_in(theme)[0]
    detail = desk.get(f"feedback/fb_{item}")
    assert detail["counted"] is False
    assert "dismissed" in detail["counted_why"]
    size = len(desk.items_in(theme))
    desk.feed(MORE)
    came = [each for each in desk.items_in(theme) if desk.problems()[each] == problem]
    assert len(came) > size
    assert not [key for key in stored_counts(desk.database) if key[0] == theme]
    desk.act(theme, "undo")
    after = stored_counts(desk.database)
    assert recounted(desk.database) == after
    assert {key for key in before if key[0] == theme} <= set(after)
    assert desk.get(f"feedback/fb_{item}")["counted"] is True


# --- themes that are expected ---------------------------------------------------------------------------------


def test_an_expected_theme_fills_with_what_is_like_it(empty_desk: Correcting) -> None:
    desk = empty_desk
    body = {
        "label": "Double charges",
        "description": "The invoice charges the card twice and the tax is wrong",
        "examples": [
            "My invoice of this month shows a wrong double charge for two seats again and again.",
            "The invoice charges the card twice and the tax is wrong, which costs us hours.",
            "Our last invoice fails our card after the renewal and our whole office waits.",
            "The invoice has a broken card charge in euros for the third time.",
        ],
    }
    done = desk.post("themes", body, status=201)
    theme = int(done["created"].removeprefix("th_"))
    silent = desk.post("themes", {"label": "Nobody ever writes of zeppelins"}, status=201)
    assert desk.get(f"themes/th_{theme}")["size"] == 0
    desk.feed(200)
    problems = desk.problems()
    inside = [problems[item] for item in desk.items_in(theme)]
    assert inside.count("invoice") >= 0.6 * list(problems.values()).count("invoice")
    assert inside.count("invoice") >= 0.9 * len(inside)
    empty = desk.get(f"themes/{silent['created']}")
    assert (empty["state"], empty["size"], empty["pinned"]) == ("active", 0, True)
    assert desk.get(f"themes/th_{theme}")["label"] == "Double charges"
    refused = desk.post("themes", {"label": "double charges"}, status=409)
    assert f"th_{theme}" in refused["detail"]
    desk.post(f"themes/{silent['created']}/undo")
    assert desk.get(f"themes/{silent['created']}")["state"] == "retired"
    desk.act(theme, "undo")
    assert desk.get(f"themes/th_{theme}")["state"] == "active"
    assert desk.row(theme).pinned is False


def test_examples_are_stored_without_personal_data(desk: Correcting) -> None:
    body = {"label": "Refunds", "examples": ["Please refund me, jane.roe@example.com or +49 30 901820."]}
    desk.post("themes", body, status=201)
    with desk.database.read(workspace=None) as session:
        texts = list(session.scalars(select(ThemeSeed.text)))
    assert "Refunds" in texts
    assert not [text for text in texts if "jane.roe" in text or "901820" in text]


# --- contradictions -------------------------------------------------------------------------------------------


def test_contradictions_are_refused_with_both_acts_named(desk: Correcting) -> None:
    a, b, c = desk.themes()[:3]
    state = (desk.places(), stored_counts(desk.database))
    pinned = desk.act(a, "pin")
    for verb, theme, body, said in (
        ("merge", b, {"themes": [f"th_{a}"]}, f"Merging th_{a} into th_{b}"),
        ("dismiss", a, None, f"Dismissing th_{a}"),
        ("split", a, {"items": [f"fb_{desk.items_in(a)[0]}"]}, f"Splitting th_{a}"),
        ("pin", a, None, f"Pinning th_{a}"),
    ):
        detail = desk.act(theme, verb, body, status=409)["detail"]
        assert said in detail
        assert f"{pinned['act']}, the pin of th_{a} by" in detail
        assert "Undo that act first" in detail
    assert (desk.places(), stored_counts(desk.database)) == state
    desk.act(a, "undo")
    part = desk.items_in(a)[:5]
    split = desk.act(a, "split", {"items": [f"fb_{item}" for item in part]})
    detail = desk.act(a, "merge", {"themes": [split["created"]]}, status=409)["detail"]
    assert split["act"] in detail
    detail = desk.act(b, "move", {"items": [f"fb_{part[0]}"]}, status=409)["detail"]
    assert split["act"] in detail
    joined = desk.act(a, "merge", {"themes": [f"th_{b}"]})
    brought = [f"fb_{item}" for item in desk.items_in(a)]
    detail = desk.act(c, "merge", {"themes": [split["created"], f"th_{b}"]}, status=409)["detail"]
    assert split["act"] in detail
    assert joined["act"] != split["act"]
    assert len(brought) > 5


def test_a_split_that_reverses_a_merge_is_refused_for_its_undoing(desk: Correcting) -> None:
    a, b = desk.themes()[:2]
    theirs = [f"fb_{item}" for item in desk.items_in(b)]
    joined = desk.act(a, "merge", {"themes": [f"th_{b}"]})
    detail = desk.act(a, "split", {"items": theirs}, status=409)["detail"]
    assert joined["act"] in detail
    desk.act(a, "split", {"items": theirs[1:]})  # along another line it may be split


def test_an_act_that_others_rest_on_is_undone_after_them(desk: Correcting) -> None:
    theme = desk.themes()[0]
    split = desk.act(theme, "split", {"items": [f"fb_{item}" for item in desk.items_in(theme)[:9]]})
    made = int(split["created"].removeprefix("th_"))
    pin = desk.act(made, "pin")
    detail = desk.act(theme, "undo", {"act": split["act"]}, status=409)["detail"]
    assert pin["act"] in detail
    desk.act(made, "undo")
    desk.act(theme, "undo", {"act": split["act"]})
    assert desk.row(made).redirect_id == theme
    detail = desk.act(theme, "undo", {"act": split["act"]}, status=409)["detail"]
    assert "undone already" in detail


def test_an_undo_of_what_somebody_changed_since_is_refused(desk: Correcting) -> None:
    theme = desk.themes()[0]
    first = desk.act(theme, "rename", {"label": "One"})
    second = desk.act(theme, "rename", {"label": "Two"})
    detail = desk.act(theme, "undo", {"revision": first["revision"]}, status=409)["detail"]
    assert second["act"] in detail
    desk.act(theme, "undo", {"revision": second["revision"]})
    assert desk.get(f"themes/th_{theme}")["label"] == "One"


BAD: list[tuple[str, dict[str, object], int, str | None]] = [
    ("merge", {"themes": []}, 422, "themes"),
    ("merge", {"themes": ["th_999"]}, 404, None),
    ("merge", {"themes": ["SELF"]}, 422, "themes"),
    ("split", {"items": ["fb_99999"]}, 404, None),
    ("split", {"items": "ALL"}, 422, "items"),
    ("split", {"items": "ONE", "label": "   "}, 422, "label"),
    ("rename", {"label": ""}, 422, "label"),
    ("rename", {"label": "x" * 201}, 422, "label"),
    ("move", {"items": ["fb_99999"]}, 404, None),
    ("move", {"items": "ONE"}, 422, "items"),
    ("undo", {}, 404, None),
    ("undo", {"act": "act_999"}, 404, None),
]


def test_bad_acts_say_what_is_wrong_and_change_nothing(desk: Correcting) -> None:
    theme = desk.themes()[0]
    inside = [f"fb_{item}" for item in desk.items_in(theme)]
    words: dict[str, object] = {"ALL": inside, "ONE": inside[:1]}
    before = (desk.places(), [(row.id, row.state, row.label) for row in desk.rows()])
    for verb, body, status, field in BAD:
        sent = {**body, "items": words[str(body["items"])]} if body.get("items") in ("ALL", "ONE") else body
        if body.get("themes") == ["SELF"]:
            sent = {"themes": [f"th_{theme}"]}
        answer = desk.act(theme, verb, sent, status=status)
        assert answer.get("field") == field, (verb, body, answer)
    assert (desk.places(), [(row.id, row.state, row.label) for row in desk.rows()]) == before
    assert desk.get("theme-acts")["items"] == []


def test_the_log_of_acts_names_who_did_what_and_what_was_undone(desk: Correcting) -> None:
    a, b = desk.themes()[:2]
    first = desk.act(a, "rename", {"label": "Exports"})
    second = desk.act(b, "pin")
    third = desk.act(a, "undo")
    listed = desk.get("theme-acts")["items"]
    assert [each["id"] for each in listed] == [third["act"], second["act"], first["act"]]
    assert listed[0]["undoes"] == first["act"]
    assert listed[2]["undone_by"] == third["act"]
    assert listed[2]["label"] == "Exports"
    assert all(each["actor"] for each in listed)
    page = desk.get("theme-acts?limit=2")
    rest = desk.get(f"theme-acts?limit=2&cursor={page['next_cursor']}")
    assert [each["id"] for each in rest["items"]] == [first["act"]]
    only = desk.get(f"theme-acts?theme=th_{b}")["items"]
    assert [each["id"] for each in only] == [second["act"]]
    audit = desk.get("audit?limit=20")["items"]
    assert {"theme.rename", "theme.pin", "theme.undo"} <= {each["action"] for each in audit}

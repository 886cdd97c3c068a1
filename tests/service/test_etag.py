from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from starlette.testclient import TestClient

from service.etag import ETags


def build() -> TestClient:
    app = FastAPI()
    state = {"count": 0}

    @app.get("/value")
    def value() -> dict[str, int]:
        return dict(state)

    @app.post("/value")
    def change() -> dict[str, int]:
        state["count"] += 1
        return dict(state)

    @app.get("/text")
    def text() -> PlainTextResponse:
        return PlainTextResponse("hello")

    app.add_middleware(ETags)
    return TestClient(app)


def test_an_unchanged_answer_is_304_without_a_body() -> None:
    client = build()
    first = client.get("/value")
    assert first.json() == {"count": 0}
    again = client.get("/value", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_a_changed_answer_is_sent_whole_under_a_new_tag() -> None:
    client = build()
    first = client.get("/value")
    client.post("/value")
    again = client.get("/value", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 200
    assert again.json() == {"count": 1}
    assert again.headers["ETag"] != first.headers["ETag"]


def test_one_of_several_tags_is_enough() -> None:
    client = build()
    tag = client.get("/value").headers["ETag"]
    assert client.get("/value", headers={"If-None-Match": f'W/"other", {tag}'}).status_code == 304


def test_writes_and_other_media_carry_no_tag() -> None:
    client = build()
    assert "ETag" not in client.post("/value").headers
    assert "ETag" not in client.get("/text").headers

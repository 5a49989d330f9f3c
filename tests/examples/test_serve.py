"""The example of a service."""

import dataclasses
import json
import re
import sys
import threading
import weakref

import pytest

from ..conftest import ROOT
from ..fixtures.commands import saved  # noqa: F401

pytest.importorskip("fastapi", reason="the example of a service needs FastAPI: pip install fastapi uvicorn httpx")
testclient = pytest.importorskip("fastapi.testclient", reason="FastAPI's test client needs httpx: pip install httpx")


@pytest.fixture
def serve(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "serve"))
    import load_test
    import service

    yield service, load_test
    for name in ("service", "load_test"):
        sys.modules.pop(name, None)


@pytest.fixture
def client(serve, saved):  # noqa: F811
    settings = serve[0].Settings(str(saved[0]), max_texts=3, max_bytes=2000, max_waiting=2)
    return testclient.TestClient(serve[0].make_app(settings))


def test_answers_have_entities_and_tokens_with_probabilities(client):
    texts = ["I like London.", "", "She saw Paris ."]
    answers = client.post("/annotate", json={"texts": texts}).json()
    assert [list(answer) for answer in answers] == [["ents"]] * 3
    (ent,) = answers[0]["ents"]
    assert ent["text"] == "London" and texts[0][ent["start"] : ent["end"]] == "London" and 0 < ent["score"] <= 1
    with_tokens = client.post("/annotate", json={"texts": texts, "tokens": True}).json()
    assert [answer["ents"] for answer in with_tokens] == [answer["ents"] for answer in answers]
    assert with_tokens[1]["tokens"] == [] and {row["text"] for row in with_tokens[2]["tokens"]} == {*texts[2].split()}
    assert all(0 < row["score"] <= 1 for row in with_tokens[2]["tokens"] if row["target"] == "tag")


def test_health(client):
    client.post("/annotate", json={"texts": ["One.", "Two."]})
    health = client.get("/health").json()
    assert (health["status"], health["texts"], health["waiting"]) == ("ok", 2, 0) and health["model"].startswith("en_")


@pytest.mark.parametrize(
    "body, code, message",
    [
        ({"texts": ["a"] * 4}, 413, "4 texts in a request; 3 at most are allowed."),
        ({"texts": ["a" * 3000]}, 413, "at most 2000 bytes here; send fewer texts."),
        ({"texts": "a"}, 422, "valid list"),
        ({}, 422, "Field required"),
    ],
)
def test_requests_that_are_refused(client, body, code, message):
    reply = client.post("/annotate", json=body)
    assert reply.status_code == code and message in json.dumps(reply.json())
    assert client.get("/health").json()["waiting"] == 0


def test_a_text_longer_than_spacy_takes(client):
    client.app.state.service.max_length = 5
    reply = client.post("/annotate", json={"texts": ["longer"]})
    assert reply.status_code == 413 and reply.json()["detail"] == "A text has 6 characters; 5 at most are allowed."


def test_time_that_runs_out(serve, saved):  # noqa: F811
    client = testclient.TestClient(serve[0].make_app(serve[0].Settings(str(saved[0]), timeout_s=-1.0)))
    reply = client.post("/annotate", json={"texts": ["One."]})
    assert reply.status_code == 504 and "send fewer texts" in reply.json()["detail"]


def test_requests_beyond_the_most_that_wait_are_turned_away(client, monkeypatch):
    service, gate, running = client.app.state.service, threading.Event(), threading.Event()

    def slow(*args):
        running.set()
        assert gate.wait(60)
        return []

    monkeypatch.setattr(service, "answer", slow)
    codes = []
    with client:  # one event loop for all requests, as in a running service
        threads = [
            threading.Thread(target=lambda: codes.append(client.post("/annotate", json={"texts": []}).status_code))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        assert running.wait(60)
        while client.get("/health").json()["waiting"] < 2:
            pass
        assert client.get("/health").json()["status"] == "busy"
        reply = client.post("/annotate", json={"texts": []})
        assert reply.status_code == 503 and reply.headers["Retry-After"] == "1"
        gate.set()
        for thread in threads:
            thread.join()
    assert codes == [200, 200]


def test_a_fresh_copy_takes_the_place_of_a_pipeline_that_met_many_words(serve, saved):  # noqa: F811
    settings = serve[0].Settings(str(saved[0]), max_new_words=20)
    client = testclient.TestClient(serve[0].make_app(settings))
    service = client.app.state.service
    first, known = weakref.ref(service.nlp), {"texts": ["I like London."], "tokens": True}
    expected = client.post("/annotate", json=known).json()
    client.post("/annotate", json={"texts": ["few new words"]})
    assert client.post("/annotate", json=known).json() == expected and service.nlp is first()
    client.post("/annotate", json={"texts": [" ".join(f"word{i}" for i in range(21))]})
    assert client.post("/annotate", json=known).json() == expected and first() is None
    assert len(service.nlp.vocab) < service.most_words


def test_settings(serve, monkeypatch):
    monkeypatch.delenv("MODEL", raising=False)
    with pytest.raises(ValueError, match="MODEL is not set; name a pipeline"):
        serve[0].Settings.from_environment()
    monkeypatch.setenv("MODEL", "m")
    monkeypatch.setenv("MAX_TEXTS", "7")
    monkeypatch.setenv("TIMEOUT_S", "0.5")
    assert serve[0].Settings.from_environment() == serve[0].Settings("m", max_texts=7, timeout_s=0.5)
    monkeypatch.setenv("MAX_TEXTS", "many")
    with pytest.raises(ValueError, match="MAX_TEXTS = 'many' is not a number"):
        serve[0].Settings.from_environment()


@pytest.mark.timeout(600)
def test_load_on_two_workers(serve, saved):  # noqa: F811
    done = serve[1].load(str(saved[0]), minutes=0.05, workers=2, clients=3)
    assert done.requests > 0 and done.texts >= done.requests and not done.wrong and not done.failed
    assert 0 < done.latency_ms["p50"] <= done.latency_ms["p99"] <= done.latency_ms["max"] and done.memory_mb > 50


def test_the_load_test_notices_a_wrong_answer(serve, saved, monkeypatch):  # noqa: F811
    service, load_test = serve
    traffic = load_test.Traffic(0, service.Service(service.Settings(str(saved[0]))), 0.0)
    request = {"texts": ["I like London.", "She saw Paris ."], "tokens": True}
    right = traffic.oracle.answer(request["texts"], True)
    traffic._compare(request, json.loads(json.dumps(right)), 0.1)
    assert not traffic.wrong and traffic.n_texts == 2
    traffic._compare(request, [right[0], {**right[1], "ents": []}], 0.1)
    assert len(traffic.wrong) == 1 and traffic.wrong[0].startswith("text 1 of")


def test_the_page_has_the_settings(serve):
    page = (ROOT / "docs" / "serve.md").read_text(encoding="utf8")
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| ([\d.]*) ?\|", page, flags=re.M))
    for field in dataclasses.fields(serve[0].Settings):
        default = "" if field.default is dataclasses.MISSING else str(field.default)
        assert rows.pop(field.name.upper()) == default
    assert not rows

"""A language model of the site's own, over HTTP: what it is told, what is taken of its answers, and its silence."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from inventory_pipeline.catalog.model import Catalog
from inventory_pipeline.normalization.curation.curate import Advice, Asked, Curation
from inventory_pipeline.normalization.curation.language_model import LanguageModel, read_advice
from inventory_pipeline.normalization.software import normalize_software
from inventory_pipeline_tests.normalization.conftest import statements


class Server:
    """An OpenAI-compatible endpoint: remembers what it was asked, answers as it is told."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.status = 200
        self.content: str | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(body)
                outer.headers.append(dict(self.headers))
                outer.paths.append(self.path)
                rows = json.loads(body["messages"][1]["content"])
                said = [{"n": row["n"], "vendor": "Said", "title": f"Said {row['title'][:20]}"} for row in rows]
                content = outer.content if outer.content is not None else f"```json\n{json.dumps(said)}\n```"
                answer = json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]}).encode()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name in the base class)
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.server.shutdown()
    running.server.server_close()


ROWS = [Asked(f"Quuxinator {n}", "", f"{n}.0") for n in range(45)]


def test_title_publisher_and_version_are_all_that_leaves(server: Server, catalog: Catalog) -> None:
    rows: list[dict[str, str | None]] = [
        {
            "title": "Quuxinator",
            "publisher": "Quux GmbH",
            "version": "3",
            "source": "sccm",
            "edition": "SECRET-1",
            "product_code": "SECRET-2",
            "package_family": "SECRET-3",
            "origin": "SECRET-4",
        },
        {"title": "Google Chrome", "publisher": "Google LLC", "version": "124"},
    ]
    adviser = LanguageModel(server.url, "local-model", api_key="key-123")
    found = normalize_software(statements(rows), catalog, Curation(threshold=1.0, adviser=adviser)).to_pylist()
    assert len(server.asked) == 1 and server.paths == ["/v1/chat/completions"]
    sent = json.dumps(server.asked)
    assert "SECRET" not in sent and "sccm" not in sent and "Chrome" not in sent, "decided rows are not asked about"
    entries = json.loads(server.asked[0]["messages"][1]["content"])
    assert entries == [{"n": 0, "title": "Quuxinator", "publisher": "Quux GmbH", "version": "3"}]
    assert server.asked[0]["model"] == "local-model"
    assert server.headers[0]["Authorization"] == "Bearer key-123"
    assert "key-123" not in repr(adviser)
    assert (found[0]["suggestion_vendor"], found[0]["suggestion_title"]) == ("Said", "Said Quuxinator")
    assert (found[0]["decided_by"], found[0]["product_id"]) == ("parsed", None), "a suggestion never decides"
    assert found[0]["evidence"].startswith("The language model suggests this.")


def test_it_is_asked_in_batches_about_the_most_installed_first(server: Server, catalog: Catalog) -> None:
    adviser = LanguageModel(server.url, "m", most_rows=30)
    Curation(threshold=1.0, adviser=adviser).curate(ROWS, catalog, installs=list(range(45)))
    batches = [json.loads(asked["messages"][1]["content"]) for asked in server.asked]
    assert [len(batch) for batch in batches] == [20, 10]
    assert [row["title"] for row in batches[0]][:3] == ["Quuxinator 44", "Quuxinator 43", "Quuxinator 42"]


@pytest.mark.parametrize(
    ("status", "content"),
    [(500, None), (401, None), (200, "no json"), (200, "[1, 2]"), (200, '{"a": 1}'), (302, None), (200, "")],
)
def test_trouble_costs_suggestions_only(
    server: Server, status: int, content: str | None, catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    server.status, server.content = status, content
    adviser = LanguageModel(server.url, "m", api_key="key-123")
    assert adviser.advise(ROWS) == [None] * len(ROWS)
    assert ("gave no suggestions" in caplog.text) is (status != 200)
    assert "key-123" not in caplog.text and "Quuxinator" not in caplog.text
    if status != 200:
        assert len(server.asked) == 1, "after a failure it is not asked again"


def test_nobody_there(catalog: Catalog, caplog: pytest.LogCaptureFixture) -> None:
    adviser = LanguageModel("http://user:word@127.0.0.1:9/v1", "m", timeout_seconds=2)
    plain = Curation(threshold=1.0).curate(ROWS[:3], catalog)
    assert Curation(threshold=1.0, adviser=adviser).curate(ROWS[:3], catalog) == plain
    assert "word" not in caplog.text


def test_only_usable_suggestions_are_taken() -> None:
    said = [
        {"n": 0, "vendor": "Acme", "title": " Widget \n Pro "},
        {"n": 1, "vendor": "Acme", "title": "C:\\x"},
        {"n": 2, "vendor": None, "title": "Widget"},
        {"n": 9, "vendor": "Acme", "title": "Widget"},
        {"n": 3, "vendor": "Acme", "title": "x" * 500},
        "text",
        {"n": "4", "vendor": "Acme", "title": "Widget"},
    ]
    assert read_advice(json.dumps(said), 5) == {0: Advice("Acme", "Widget Pro")}

"""Alerts reach a real SMTP server and a real webhook, and their own failures hide what is secret."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from inventory_pipeline.orchestration.alerts import Alert, send_alert
from inventory_pipeline.settings.models import AlertSettings

ALERT = Alert("Sync Data - Depot", "default_inventory", "run-1", "the folder does not exist.")


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


class Webhook(BaseHTTPRequestHandler):
    received: list[dict[str, str]]
    status = 200

    def do_POST(self) -> None:
        self.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


class Smtp(socketserver.StreamRequestHandler):
    received: list[str]

    def handle(self) -> None:
        self.wfile.write(b"220 test\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                text = b""
                while (line := self.rfile.readline()) != b".\r\n":
                    text += line
                self.received.append(text.decode())
            elif verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 ok\r\n")


def test_a_webhook_gets_the_alert_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = type("Handler", (Webhook,), {"received": []})
    with serving(HTTPServer(("127.0.0.1", 0), handler)) as port:
        monkeypatch.setenv("HOOK", f"http://127.0.0.1:{port}/token-in-path")
        assert send_alert(ALERT, AlertSettings.model_validate({"webhook": {"env": "HOOK"}})) == []
    assert handler.received[0]["action"] == "Sync Data - Depot"
    assert handler.received[0]["message"] == "the folder does not exist."


def test_a_webhook_that_refuses_is_named_by_its_variable_only(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = type("Handler", (Webhook,), {"received": [], "status": 403})
    settings = AlertSettings.model_validate({"webhook": {"env": "HOOK"}})
    with serving(HTTPServer(("127.0.0.1", 0), handler)) as port:
        monkeypatch.setenv("HOOK", f"http://127.0.0.1:{port}/token-in-path")
        assert send_alert(ALERT, settings) == ["The webhook of HOOK answered 403."]
    assert send_alert(ALERT, settings) == ["The webhook of HOOK could not be reached."]
    monkeypatch.setenv("HOOK", "file:///etc/passwd")
    assert send_alert(ALERT, settings) == ["The webhook of HOOK could not be reached."]


def test_an_e_mail_is_sent() -> None:
    handler = type("Handler", (Smtp,), {"received": []})
    with serving(socketserver.TCPServer(("127.0.0.1", 0), handler)) as port:
        settings = AlertSettings.model_validate(
            {
                "email": {
                    "server": "127.0.0.1",
                    "port": port,
                    "sender": "inventory@example.com",
                    "recipients": ["ops@example.com"],
                    "start_tls": False,
                }
            }
        )
        assert send_alert(ALERT, settings) == []
    assert "Subject: Failed: Sync Data - Depot (default_inventory)" in handler.received[0]
    assert "the folder does not exist." in handler.received[0]

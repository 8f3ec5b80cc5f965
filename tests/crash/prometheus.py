"""A stand-in for Prometheus that tells the same alerts as pending, for as long as it lives."""

import json
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Pending:
    """alerts: the labels of each; url: where it answers."""

    def __init__(self, alerts: Sequence[dict[str, Any]]) -> None:
        pending = [{"labels": labels, "state": "pending"} for labels in alerts]
        answer = json.dumps({"status": "success", "data": {"alerts": pending}}).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Nothing is printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

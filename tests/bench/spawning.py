"""The webhook handler that everybody writes first: for each alert it runs `ssh host kill`. Records nothing.

`python -m tests.bench.spawning JSON`: the argument is the ssh command without its last word. Prints its port.
"""

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Self

SSH: list[str] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        for alert in message["alerts"]:
            kill = f"kill -USR1 {int(alert['labels']['pid'])}"
            subprocess.run([*SSH, kill], check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class Spawning:
    """The handler as a process."""

    def __init__(self, ssh: list[str]) -> None:
        command = [sys.executable, "-m", "tests.bench.spawning", json.dumps(ssh)]
        self._server = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._server.stdout
        self.port = int(self._server.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.terminate()
        self._server.communicate(timeout=10)


if __name__ == "__main__":
    SSH.extend(json.loads(sys.argv[1]))
    server = HTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()

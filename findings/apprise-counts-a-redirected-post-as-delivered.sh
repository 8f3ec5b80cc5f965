#!/bin/sh
# Apprise 2.2.0, json:// and by its source most services over HTTP.
#
# Apprise says SUCCESS once the service answers 2xx, so one would take the message for delivered. It follows redirects,
# as the library beneath it does (requests), and that turns the POST into a GET without a body after a 301, 302 or 303.
# So a service that has moved, or a proxy that sends to a login page, answers 200 to a GET: the message is lost, and
# Apprise says SUCCESS. With AppriseAsset(http_redirects=False) it says FAILURE.
#
# Seen: SUCCESS: POST /hook with a body, then GET /login without. Without redirects: FAILURE: POST /hook with a body
# Exits non-zero when it is otherwise.
set -eu
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip --quiet --disable-pip-version-check install apprise==2.2.0
cat >told.py <<'PYTHON'
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import apprise

requests = []


class Moved(BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        requests.append(f"{self.command} {self.path} {'with' if body else 'without'}")
        self.send_response(200 if self.path == "/login" else 302)
        self.send_header("Location", "/login")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = answer

    def log_message(self, *said):
        pass


server = HTTPServer(("127.0.0.1", 0), Moved)
threading.Thread(target=server.serve_forever, daemon=True).start()


def told(asset):
    requests.clear()
    service = apprise.Apprise(asset=asset)
    service.add(f"json://127.0.0.1:{server.server_port}/hook")
    said = "SUCCESS" if service.notify(title="HighCPU", body="order-mq burns a core") else "FAILURE"
    return f"{said}: {', '.join(requests)}"


by_default, without = told(apprise.AppriseAsset()), told(apprise.AppriseAsset(http_redirects=False))
print(by_default, without, sep="\n")
assert by_default == "SUCCESS: POST /hook with, GET /login without"
assert without == "FAILURE: POST /hook with"
PYTHON
venv/bin/python -W ignore told.py

"""The routes that a deployment asks for; FAULT: none, sick (never ready), wrong (ready, yet answers nonsense), ends."""

import json
import os
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULT = os.environ.get("FAULT", "none")
CLOCK = {"now": "2013-04-11T12:00:00Z", "mode": "simulated"}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        ready = {"status": "ready", "model_version": 1, "clock": CLOCK}
        self.answer(503 if FAULT == "sick" else 200, ready)

    def do_POST(self):
        flight = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "stranger" in self.headers["Authorization"]:
            self.answer(401, {})
        elif FAULT == "wrong" and "probe" not in self.headers["Authorization"]:
            self.answer(200, {"probability": 7.0})
        else:
            self.answer(200, {"probability": 0.5, "flight": flight.get("flight"), "fault": FAULT})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


if __name__ == "__main__" and sys.argv[1:] == ["check"]:
    urllib.request.urlopen("http://127.0.0.1:8000/health/ready", timeout=5)
elif __name__ == "__main__":
    sys.stderr.write("opening the port\n")
    if FAULT == "ends":
        sys.exit(1)
    ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()

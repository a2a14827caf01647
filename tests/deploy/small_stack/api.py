"""The routes that a deployment asks for; FAULT: none, sick (never ready), wrong (ready, yet answers nonsense), ends.

Answers need a state and a model of this image's CONTRACT, as in the real stack: files on a volume.
"""

import json
import os
import signal
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FAULT = os.environ.get("FAULT", "none")
CLOCK = {"now": "2013-04-11T12:00:00Z", "mode": "simulated"}
STATE, MODEL = (Path(f"/shared/{kind}-{os.environ.get('CONTRACT', 'first')}") for kind in ("state", "model"))
STATE_SECONDS = 6.0


def compute_states():
    while True:
        STATE.touch()
        time.sleep(0.3)


def require_state():
    if not (STATE.exists() and time.time() - STATE.stat().st_mtime < STATE_SECONDS):
        sys.exit("no state")


def command(words):
    if words[0] == "train-first":
        sys.stdout.write(f"training {' '.join(words[1:])}\n")
        if os.environ.get("REFUSED"):
            sys.exit(1)
        MODEL.touch()
    elif words[0] == "succeed":
        sys.stdout.write("version 2 is champion\n")


def can_answer():
    try:
        require_state()
    except SystemExit:
        return False
    return MODEL.exists()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        ready = {"status": "ready", "model_version": 1, "clock": CLOCK}
        self.answer(503 if FAULT == "sick" or not can_answer() else 200, ready)

    def do_POST(self):
        flight = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not can_answer():
            self.answer(503, {})
        elif "stranger" in self.headers["Authorization"]:
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
    server = ThreadingHTTPServer(("0.0.0.0", 8000), Handler)
    # As Gunicorn does: what was accepted is answered.
    server.daemon_threads = False
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    server.server_close()

"""The health check of images of others: a script that needs nothing but Python."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from adapters.settings import PROJECT_ROOT
from tests.app.worlds import NOWHERE

SCRIPT = PROJECT_ROOT / "deploy" / "images" / "entrypoints" / "healthcheck.py"


class Well(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *words):
        """Nobody reads it."""


def test_a_server_is_asked_without_the_proxies_that_dockers_client_hands_to_containers():
    with HTTPServer(("127.0.0.1", 0), Well) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY"), NOWHERE)
        environment = {
            name: value for name, value in os.environ.items() if name.lower() != "no_proxy"
        } | proxies
        url = f"http://127.0.0.1:{server.server_port}/health"
        done = subprocess.run([sys.executable, str(SCRIPT), url], env=environment, check=False)
        server.shutdown()
    assert done.returncode == 0

"""A key-value store over HTTP, kept by a Line server (see sdk/examples/line): GET and PUT /keys/KEY."""

import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST, PORT = os.environ.get("LINE_SERVER", "127.0.0.1:7070").rsplit(":", 1)
local = threading.local()


def ask(command):
    """One Line command; its answer. Each thread keeps a connection."""
    if not hasattr(local, "line"):
        local.line = socket.create_connection((HOST, int(PORT)), timeout=10).makefile("rw", newline="\n")
    local.line.write(command + "\n")
    local.line.flush()
    return local.line.readline().rstrip("\n")


class Keys(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        word, _, value = ask(f"GET {self.key()}").partition(" ")
        self.answer(200 if word == "VALUE" else 404, value)

    def do_PUT(self):
        value = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.answer(200 if ask(f"SET {self.key()} {value}") == "OK" else 502, "stored")

    def key(self):
        return self.path.removeprefix("/keys/")

    def answer(self, status, text):
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Keys).serve_forever()

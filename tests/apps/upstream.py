"""The rates service: GET /rates/EUR. The same question always has the same answer.

Plain, gzip and chunked answers take turns by currency, because real services do all three.
"""

import gzip
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RATES = {"USD": 1.0, "EUR": 1.25, "GBP": 1.5, "CHF": 1.125, "JPY": 0.0078125, "SEK": 0.109375}
GZIPPED = {"GBP", "JPY"}
CHUNKED = {"CHF", "SEK"}


class Rates(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        currency = self.path.removeprefix("/rates/")
        rate = RATES.get(currency)
        if rate is None:
            self.answer(404, currency, {"error": f"no rate for {currency}"})
        else:
            self.answer(200, currency, {"currency": currency, "rate": rate, "source": "upstream"})

    def answer(self, status, currency, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if currency in GZIPPED and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, mtime=0)
            self.send_header("Content-Encoding", "gzip")
        if currency in CHUNKED:
            self.send_header("Transfer-Encoding", "chunked")
            middle = len(body) // 2
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:middle], body[middle:], b""))
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    Server(("0.0.0.0", int(os.environ.get("PORT", "8085"))), Rates).serve_forever()

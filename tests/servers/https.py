"""Started by https.sh: python3 https.py PORT DIR TLS"""

import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        subject = dict(pair for (pair,) in (self.connection.getpeercert() or {}).get("subject", ()))
        answer = {"method": "GET", "path": self.path, "client": subject.get("commonName"), "greeting": "grüß dich"}
        text = json.dumps(answer, ensure_ascii=False).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True

    def finish_request(self, request, client_address):
        # In the connection's own thread, so that a slow handshake holds up nobody.
        try:
            request.do_handshake()
        except (OSError, ssl.SSLError):
            return
        super().finish_request(request, client_address)


def main():
    port, folder, tls = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
    if tls == "required":
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(f"{folder}/ca.pem")
    server = Server(("127.0.0.1", port), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main()

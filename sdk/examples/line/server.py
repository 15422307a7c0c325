"""A Line server: a thread a connection, one store for all. `python3 server.py [PORT]`, default 7070; 0 takes a free one."""

import socketserver
import sys
import threading

store = {}
lock = threading.Lock()


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            command, *words = line.decode().rstrip("\n").split(" ", 2)
            answer = self.answer(command, words)
            self.wfile.write(f"{answer}\n".encode())
            if command == "QUIT":
                return

    def answer(self, command, words):
        match command, words:
            case "SET", [key, value]:
                with lock:
                    store[key] = value
                return "OK"
            case "GET", [key]:
                with lock:
                    value = store.get(key)
                return "NONE" if value is None else f"VALUE {value}"
            case "QUIT", []:
                return "BYE"
        return "ERROR not a command"


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 7070), Connection) as server:
        print(f"listening on port {server.server_address[1]}", flush=True)
        server.serve_forever()

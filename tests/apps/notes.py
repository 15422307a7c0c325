"""Notes in Redis, over HTTP: what verdicts are tried on. CHANGE (a comma-separated list) makes it another version.

STARTS names a file in which it counts how often it was started; every second time it is in another mood.
"""

import json
import os
import random
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import redis

CHANGES = os.environ.get("CHANGE", "").split(",")
MOOD = None
if starts := os.environ.get("STARTS"):
    with open(starts, "a+") as file:
        file.write("x")
        MOOD = "calm" if file.tell() % 2 else "grim"
store = redis.Redis.from_url(os.environ["REDIS_URL"])


def create(text):
    note = {"id": str(uuid.uuid4()), "text": text, "length": len(text)}
    if "field" in CHANGES:
        note["version"] = 2
    if "length" in CHANGES:
        note["length"] += 1
    if "type" in CHANGES:
        note["length"] = str(note["length"])
    if MOOD:
        note["mood"] = MOOD
    store.set("notes:" + note["id"] if "key" in CHANGES else "note:" + note["id"], text)
    if "skip" not in CHANGES:
        store.incr("notes")
    if "extra" in CHANGES:
        store.lpush("log", text)
    return 201, note


def show(note):
    # Asked for, and used by nobody: a blind spot.
    store.get("motd")
    text = store.get("note:" + note)
    return (404, {"error": "no such note"}) if text is None else (200, {"id": note, "text": text.decode()})


# Kept by nobody else: their numbers go from answer to request only.
tickets = {}


def draw():
    number = random.randrange(10**8, 10**9)
    tickets[number] = {"ticket": number, "waiting": len(tickets)}
    if "field" in CHANGES:
        tickets[number]["version"] = 2
    if "wrong" in CHANGES:
        return 201, {**tickets[number], "ticket": 7}
    return 201, tickets[number]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(*(draw() if self.path == "/tickets" else create(json.loads(body)["text"])))

    def do_GET(self):
        _, kind, name = self.path.split("/")
        if kind == "tickets":
            ticket = tickets.get(int(name))
            self.answer(200, ticket) if ticket else self.answer(404, {"error": "no such ticket"})
        else:
            self.answer(*show(name))

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()

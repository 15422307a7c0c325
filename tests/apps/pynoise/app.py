"""Items, with Flask, waitress, psycopg and redis-py: python app.py. ../NOISE.md says what each request does."""

import hashlib
import json
import os
import secrets
import signal
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import wraps

import background
import jwt
import redis
import store
from flask import Flask, Response, g, jsonify, request
from fresh import broken, item_code, item_id, item_ref, now, utc
from waitress import serve

PATIENCE_S = 10
SECRET = os.environ.get("JWT_SECRET", "a secret of thirty-two bytes, at least")
TOKEN_LIFE_S = 35
SESSION_LIFE = timedelta(days=7)
ITEM_CACHE_S = 300
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LIMITS = (100, 100, 100, 100, 100, 50, 10)

app = Flask(__name__)
app.json.sort_keys = False
cache = redis.Redis(
    host=os.environ.get("REDIS_HOST", "127.0.0.1"),
    port=int(os.environ.get("REDIS_PORT", "6379")),
    decode_responses=True,
)
parallel = ThreadPoolExecutor(max_workers=12)
started = time.monotonic()


def error(status, message):
    return jsonify(error=message), status


def asked():
    return request.get_json(silent=True) or {}


def signed_in(view):
    """Only with a bearer's token, whose claims are in `g`."""

    @wraps(view)
    def checked(*args, **kwargs):
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            g.claims = jwt.decode(token if kind == "Bearer" else "", SECRET, algorithms=["HS256"])
        except jwt.InvalidTokenError as refused:
            return error(401, f"no valid token: {refused}")
        return view(*args, **kwargs)

    return checked


@app.after_request
def identify(response):
    response.headers["X-Request-Id"] = str(uuid.uuid4())
    return response


@app.post("/login")
def login():
    user = asked().get("user")
    if not user:
        return error(400, "user is needed")
    issued = int(time.time())
    life = 3635 if broken("token-life") else TOKEN_LIFE_S
    claims = {"sub": user, "iat": issued, "exp": issued + life, "jti": str(uuid.uuid4())}
    session = secrets.token_hex(16)
    cache.set(f"session:{session}", user, ex=SESSION_LIFE)
    expires = datetime.fromtimestamp(issued + TOKEN_LIFE_S, timezone.utc)
    response = jsonify(
        token=jwt.encode(claims, SECRET, algorithm="HS256"),
        expires_in=TOKEN_LIFE_S,
        expires_at=expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        session=session,
    )
    week = None if broken("no-cookie-expiry") else datetime.now(timezone.utc) + SESSION_LIFE
    response.set_cookie("session", session, expires=week, httponly=True)
    return response


@app.get("/verify")
@signed_in
def verify():
    return jsonify(valid=True, sub=g.claims["sub"], seconds_left=int(g.claims["exp"] - time.time()))


@app.post("/items")
@signed_in
def create_item():
    body = asked()
    name, price, quantity, tags = body.get("name"), body.get("price"), body.get("quantity"), body.get("tags", [])
    if not name or not isinstance(price, (int, float)) or not isinstance(quantity, int):
        return error(400, "name, price and quantity are needed")
    instant = now()
    item, items_of_user = store.create(
        {
            "id": item_id(),
            "owner": g.claims["sub"],
            "ref": item_ref(instant),
            "code": item_code(),
            "name": name,
            "tags": tags,
            "price": Decimal(str(price)).quantize(Decimal("0.01")),
            "quantity": quantity,
            "created_at": instant - timedelta(hours=1) if broken("late") else instant,
            "updated_at": instant,
        }
    )
    answer = store.shown(item)
    key = "items" if broken("cache-key") else "item"
    cache.set(f"{key}:{item['id']}", json.dumps(answer), ex=ITEM_CACHE_S)
    for _ in range(2 if broken("repeated-call") else 1):
        cache.incr("items:created")
    if tags:
        cache.sadd("tags", *tags)
    return jsonify(answer | {"items_of_user": items_of_user}), 201, {"Location": f"/items/{item['id']}"}


@app.get("/items/<uuid:item>")
def show_item(item):
    cached = cache.get(f"item:{item}")
    if cached is not None:
        answer = json.loads(cached)
    elif row := store.load(item):
        answer = store.shown(row)
    else:
        return error(404, f"no item {item}")
    version = "constant" if broken("etag") else f"{answer['id']} {answer.get('updated_at')}"
    response = jsonify(answer)
    response.set_etag(hashlib.sha256(version.encode()).hexdigest()[:32])
    return response.make_conditional(request)


@app.put("/items/<uuid:item>")
@signed_in
def change_item(item):
    quantity = asked().get("quantity")
    if not isinstance(quantity, int):
        return error(400, "quantity is needed")
    row = store.change(item, quantity, now())
    if row is None:
        return error(404, f"no item {item}")
    cache.delete(f"item:{item}")
    return jsonify(store.shown(row))


@app.get("/items")
def list_items():
    names = store.names(request.args.get("tag", ""))
    # Sets, in whatever order they have today.
    tags = list(cache.smembers("tags"))
    words = list({word for name in names for word in name.split()})
    if broken("duplicated-tag"):
        tags += tags[:1]
        words += words[:1]
    return jsonify(items=names, tags=tags, words=words)


@app.get("/dashboard")
def dashboard():
    session = request.cookies.get("session")
    if not session or cache.get(f"session:{session}") is None:
        return error(401, "no session")
    began = time.perf_counter()
    count, worth, created = (
        parallel.submit(store.count),
        parallel.submit(store.worth),
        parallel.submit(cache.get, "items:created"),
    )
    return jsonify(
        count=count.result(),
        sum=worth.result(),
        created=int(created.result() or 0),
        took_ms=round((time.perf_counter() - began) * 1000, 3),
        generated_at=utc(now()),
        server_uptime_s=round(time.monotonic() - started, 3),
    )


@app.get("/quota")
def quota():
    user = request.args.get("user", "")
    instant = now()
    used = cache.incr(f"quota:{instant:%Y-%m-%d}:{user}")
    midnight = (instant + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    day = (instant.weekday() - (1 if broken("weekday") else 0)) % 7
    limit = LIMITS[day]
    answer = jsonify(weekday=DAYS[day], limit=limit, used=used, resets_in_s=int((midnight - instant).total_seconds()))
    answer.headers["X-RateLimit-Remaining"] = str(max(limit - used, 0))
    answer.headers["X-RateLimit-Reset"] = str(int(midnight.timestamp()))
    return answer, 429 if used > limit else 200


@app.post("/jobs")
def create_job():
    body = asked()
    user, text = body.get("user"), body.get("text")
    if not user or not text:
        return error(400, "user and text are needed")
    job = str(uuid.uuid4())
    cache.lpush("jobs", json.dumps({"job": job, "user": user, "text": text, "enqueued_at": utc(now())}))
    return jsonify(job=job), 202


@app.get("/jobs/<uuid:job>")
def show_job(job):
    return jsonify(state="done" if store.finished(job) else "queued")


@app.get("/metrics")
def metrics():
    return Response(f"# TYPE items gauge\nitems {background.Gauge.items}\n", mimetype="text/plain")


def wait_for_cache():
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return cache.ping()
        except redis.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def main():
    # waitress ends on it in its own way.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    store.start(PATIENCE_S)
    wait_for_cache()
    background.start(cache)
    port = int(os.environ.get("PORT", "8080"))
    serve(app, host="127.0.0.1", port=port, threads=32, connection_limit=1000)
    background.ended.set()
    store.pool.close()


if __name__ == "__main__":
    main()

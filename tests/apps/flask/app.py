"""Orders, with Flask: gunicorn -c gunicorn.conf.py app:app"""

import json
import os
import threading

import redis
import requests
from flask import Flask, Response, jsonify, request

UPSTREAM = os.environ.get("UPSTREAM_URL", "http://rates.test:8085")
RATE_TTL_SECONDS = 3600
# Regressions that the end-to-end tests plant; empty for everybody else.
MUTATE = set(os.environ.get("MUTATE", "").split(","))

app = Flask(__name__)
cache = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"), decode_responses=True)
local = threading.local()


def upstream_rate(currency):
    """The rate as the upstream says it; None when it knows no such currency."""
    if not hasattr(local, "http"):
        local.http = requests.Session()  # a Session is not safe to share between threads
    answer = local.http.get(f"{UPSTREAM}/rates/{currency}", timeout=10)
    if answer.status_code == 404:
        return None
    answer.raise_for_status()
    return answer.json()["rate"]


def error(status, message):
    return jsonify(error=message), status


def load(order_id):
    text = cache.get(f"order:{order_id}")
    return None if text is None else json.loads(text)


def encode(document):
    return json.dumps(document, separators=(",", ":"))


def public(order):
    """An order as clients see it."""
    if "json" in MUTATE:
        return order | {"total": order["total"] + 1}
    return order


def customer_orders(customer):
    ids = cache.lrange(f"orders:{customer}", 0, -1)
    texts = cache.mget([f"order:{i}" for i in ids]) if ids else []
    return [json.loads(text) for text in texts if text is not None]


@app.get("/health")
def health():
    return Response("fine\n" if "text" in MUTATE else "ok\n", mimetype="text/plain")


@app.post("/orders")
def create():
    body = request.get_json(silent=True) or {}
    customer, currency, amount = body.get("customer"), body.get("currency"), body.get("amount")
    if not customer or not currency or not isinstance(amount, int) or amount <= 0:
        return error(400, "customer, currency and a positive amount are needed")
    rate = upstream_rate(currency)
    if rate is None:
        return error(422, f"unknown currency {currency}")
    order_id = f"{customer}-{cache.incr(f'orders:{customer}:next')}"
    order = {"id": order_id, "customer": customer, "currency": currency, "amount": amount, "total": amount * rate}
    cache.set(f"order:{order_id}", encode(order))
    cache.rpush(f"orders:{customer}", order_id)
    response = jsonify(public(order))
    response.headers["Location"] = f"/orders/{order_id}"
    response.headers["X-Api-Version"] = "2" if "header" in MUTATE else "1"
    return response, 200 if "status" in MUTATE else 201


@app.get("/orders")
def index():
    return jsonify(orders=[public(order) for order in customer_orders(request.args.get("customer", ""))])


@app.get("/orders/<order_id>")
def show(order_id):
    if "extra-call" in MUTATE:
        try:
            upstream_rate("SEK")
        except requests.RequestException:
            pass  # the answer stays the same: only the call is new
    order = load(order_id)
    return error(404, f"no order {order_id}") if order is None else jsonify(public(order))


@app.patch("/orders/<order_id>")
def change(order_id):
    order = load(order_id)
    if order is None:
        return error(404, f"no order {order_id}")
    amount = (request.get_json(silent=True) or {}).get("amount")
    if not isinstance(amount, int) or amount <= 0:
        return error(400, "a positive amount is needed")
    order["total"] = order["total"] / order["amount"] * amount
    order["amount"] = amount
    with cache.pipeline(transaction=True) as transaction:
        _, revision = transaction.set(f"order:{order_id}", encode(order)).incr(f"order:{order_id}:rev").execute()
    return jsonify(public(order) | {"revision": revision})


@app.delete("/orders/<order_id>")
def remove(order_id):
    order = load(order_id)
    if order is None:
        return error(404, f"no order {order_id}")
    with cache.pipeline(transaction=False) as pipeline:
        pipeline.delete(f"order:{order_id}").lrem(f"orders:{order['customer']}", 1, order_id).execute()
    return "", 204


@app.get("/rates/<currency>")
def rate(currency):
    cached = cache.get(f"rate:{currency}")
    if cached is not None:
        return jsonify(currency=currency, rate=float(cached))
    value = upstream_rate(currency)
    if value is None:
        return error(404, f"unknown currency {currency}")
    if "skip-cache-write" not in MUTATE:
        cache.set(f"rate:{currency}", value, ex=RATE_TTL_SECONDS)
    return jsonify(currency=currency, rate=value)


@app.get("/report.txt")
def report():
    customer = request.args.get("customer", "")
    orders = customer_orders(customer)
    lines = [f"{o['id']}\t{o['amount']} {o['currency']}\t{o['total']:.2f}" for o in orders]
    total = sum(o["total"] for o in orders)
    return Response("\n".join([f"Orders of {customer}", *lines, f"Total\t{total:.2f}", ""]), mimetype="text/plain")


@app.post("/echo")
def echo():
    return Response(request.get_data(), content_type=request.content_type or "application/octet-stream")


@app.post("/tickets")
def ticket():
    customer = (request.get_json(silent=True) or {}).get("customer")
    if not customer:
        return error(400, "customer is needed")
    number = cache.incr("tickets:next")
    cache.set(f"ticket:{number}", customer)
    return jsonify(ticket=number, customer=customer), 201

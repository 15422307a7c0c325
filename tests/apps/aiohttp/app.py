"""Orders, with aiohttp: python app.py"""

import json
import os

import redis.asyncio
from aiohttp import ClientError, ClientSession, ClientTimeout, web

UPSTREAM = os.environ.get("UPSTREAM_URL", "http://rates.test:8085")
RATE_TTL_SECONDS = 3600
BODY_LIMIT = 256 * 1024 * 1024
# Regressions that the end-to-end tests plant; empty for everybody else.
MUTATE = set(os.environ.get("MUTATE", "").split(","))

CACHE = web.AppKey("cache", redis.asyncio.Redis)
HTTP = web.AppKey("http", ClientSession)
routes = web.RouteTableDef()


async def upstream_rate(app, currency):
    """The rate as the upstream says it; None when it knows no such currency."""
    async with app[HTTP].get(f"{UPSTREAM}/rates/{currency}") as answer:
        if answer.status == 404:
            return None
        answer.raise_for_status()
        return (await answer.json())["rate"]


def error(status, message):
    return web.json_response({"error": message}, status=status)


def encode(document):
    return json.dumps(document, separators=(",", ":"))


async def load(app, order_id):
    text = await app[CACHE].get(f"order:{order_id}")
    return None if text is None else json.loads(text)


async def body_of(request):
    try:
        body = await request.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def public(order):
    """An order as clients see it."""
    if "json" in MUTATE:
        return order | {"total": order["total"] + 1}
    return order


async def customer_orders(app, customer):
    ids = await app[CACHE].lrange(f"orders:{customer}", 0, -1)
    texts = await app[CACHE].mget([f"order:{i}" for i in ids]) if ids else []
    return [json.loads(text) for text in texts if text is not None]


@routes.get("/health")
async def health(_):
    return web.Response(text="fine\n" if "text" in MUTATE else "ok\n")


@routes.post("/orders")
async def create(request):
    body = await body_of(request)
    customer, currency, amount = body.get("customer"), body.get("currency"), body.get("amount")
    if not customer or not currency or not isinstance(amount, int) or amount <= 0:
        return error(400, "customer, currency and a positive amount are needed")
    rate = await upstream_rate(request.app, currency)
    if rate is None:
        return error(422, f"unknown currency {currency}")
    cache = request.app[CACHE]
    order_id = f"{customer}-{await cache.incr(f'orders:{customer}:next')}"
    order = {"id": order_id, "customer": customer, "currency": currency, "amount": amount, "total": amount * rate}
    await cache.set(f"order:{order_id}", encode(order))
    await cache.rpush(f"orders:{customer}", order_id)
    headers = {"Location": f"/orders/{order_id}", "X-Api-Version": "2" if "header" in MUTATE else "1"}
    return web.json_response(public(order), status=200 if "status" in MUTATE else 201, headers=headers)


@routes.get("/orders")
async def index(request):
    orders = await customer_orders(request.app, request.query.get("customer", ""))
    return web.json_response({"orders": [public(order) for order in orders]})


@routes.get("/orders/{order_id}")
async def show(request):
    order_id = request.match_info["order_id"]
    if "extra-call" in MUTATE:
        try:
            await upstream_rate(request.app, "SEK")
        except ClientError:
            pass  # the answer stays the same: only the call is new
    order = await load(request.app, order_id)
    return error(404, f"no order {order_id}") if order is None else web.json_response(public(order))


@routes.patch("/orders/{order_id}")
async def change(request):
    order_id = request.match_info["order_id"]
    order = await load(request.app, order_id)
    if order is None:
        return error(404, f"no order {order_id}")
    amount = (await body_of(request)).get("amount")
    if not isinstance(amount, int) or amount <= 0:
        return error(400, "a positive amount is needed")
    order["total"] = order["total"] / order["amount"] * amount
    order["amount"] = amount
    async with request.app[CACHE].pipeline(transaction=True) as transaction:
        _, revision = await transaction.set(f"order:{order_id}", encode(order)).incr(f"order:{order_id}:rev").execute()
    return web.json_response(public(order) | {"revision": revision})


@routes.delete("/orders/{order_id}")
async def remove(request):
    order_id = request.match_info["order_id"]
    order = await load(request.app, order_id)
    if order is None:
        return error(404, f"no order {order_id}")
    async with request.app[CACHE].pipeline(transaction=False) as pipeline:
        await pipeline.delete(f"order:{order_id}").lrem(f"orders:{order['customer']}", 1, order_id).execute()
    return web.Response(status=204)


@routes.get("/rates/{currency}")
async def rate(request):
    currency = request.match_info["currency"]
    cached = await request.app[CACHE].get(f"rate:{currency}")
    if cached is not None:
        return web.json_response({"currency": currency, "rate": float(cached)})
    value = await upstream_rate(request.app, currency)
    if value is None:
        return error(404, f"unknown currency {currency}")
    if "skip-cache-write" not in MUTATE:
        await request.app[CACHE].set(f"rate:{currency}", value, ex=RATE_TTL_SECONDS)
    return web.json_response({"currency": currency, "rate": value})


@routes.get("/report.txt")
async def report(request):
    customer = request.query.get("customer", "")
    orders = await customer_orders(request.app, customer)
    lines = [f"{o['id']}\t{o['amount']} {o['currency']}\t{o['total']:.2f}" for o in orders]
    total = sum(o["total"] for o in orders)
    return web.Response(text="\n".join([f"Orders of {customer}", *lines, f"Total\t{total:.2f}", ""]))


@routes.post("/echo")
async def echo(request):
    body = await request.read()
    return web.Response(body=body, headers={"Content-Type": request.headers.get("Content-Type", "application/octet-stream")})


@routes.post("/tickets")
async def ticket(request):
    customer = (await body_of(request)).get("customer")
    if not customer:
        return error(400, "customer is needed")
    number = await request.app[CACHE].incr("tickets:next")
    await request.app[CACHE].set(f"ticket:{number}", customer)
    return web.json_response({"ticket": number, "customer": customer}, status=201)


async def connections(app):
    url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
    app[CACHE] = redis.asyncio.Redis.from_url(url, decode_responses=True)
    app[HTTP] = ClientSession(timeout=ClientTimeout(total=10))
    yield
    await app[HTTP].close()
    await app[CACHE].aclose()


if __name__ == "__main__":
    application = web.Application(client_max_size=BODY_LIMIT)
    application.add_routes(routes)
    application.cleanup_ctx.append(connections)
    web.run_app(application, host="127.0.0.1", port=int(os.environ.get("PORT", "8080")), print=None)

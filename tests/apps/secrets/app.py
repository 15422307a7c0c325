"""Everything that must not get into a recording: passwords, sessions, tokens, keys, cards. See it/secrets.rs.

API_KEY is the key of the rates service, JWT_SECRET signs tokens; in CI both are others than where it was recorded.
"""

import json
import os
import secrets
import urllib.request

import jwt
import redis
from flask import Flask, jsonify, request
from waitress import serve

app = Flask(__name__)
cache = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
SECRET, API_KEY = os.environ["JWT_SECRET"], os.environ["API_KEY"]
RATES = os.environ.get("UPSTREAM_URL", "http://rates.test:8085")


@app.post("/login")
def login():
    user = request.form["user"]
    session = secrets.token_hex(16)
    cache.set(f"session:{session}", json.dumps({"user": user, "password": request.form["password"]}))
    # Without times in it: on another day it is the same one.
    response = jsonify(access_token=jwt.encode({"sub": user}, SECRET, algorithm="HS256"), token_type="bearer")
    response.set_cookie("sid", session, httponly=True)
    return response


@app.get("/me")
def me():
    session = cache.get(f"session:{request.cookies.get('sid')}")
    return (jsonify(user=json.loads(session)["user"]), 200) if session else (jsonify(error="no session"), 401)


@app.get("/verify")
def verify():
    try:
        return jsonify(jwt.decode(request.headers["Authorization"].removeprefix("Bearer "), SECRET, algorithms=["HS256"]))
    except jwt.InvalidTokenError as refused:
        return jsonify(error=str(refused)), 401


@app.get("/rate")
def rate():
    call = urllib.request.Request(f"{RATES}/rates/EUR", headers={"Authorization": f"Bearer {API_KEY}"})
    with urllib.request.urlopen(call) as answer:
        return jsonify(json.load(answer))


@app.post("/pay")
def pay():
    cache.set("last-card", request.json["card"]["number"])
    return jsonify(paid=True)


@app.post("/unlock")
def unlock():
    return jsonify(open=request.json["password"] == os.environ["PASSWORD"])


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(os.environ["PORT"]))

"""One HTTPS GET with each of Python's usual clients, none of which is told whom to trust: url -> (status, text)."""

import asyncio
import subprocess
import urllib.request

import aiohttp
import httpx
import requests


def with_urllib(url):
    with urllib.request.urlopen(url) as answer:
        return answer.status, answer.read().decode()


def with_requests(url):
    answer = requests.get(url)
    return answer.status_code, answer.text


def with_httpx(url):
    answer = httpx.get(url)
    return answer.status_code, answer.text


def with_aiohttp(url):
    async def get():
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.status, await answer.text()

    return asyncio.run(get())


def with_curl(url):
    command = ["curl", "--silent", "--show-error", "--write-out", "\n%{http_code}", url]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise OSError(done.stderr.strip())
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


CLIENTS = {
    "urllib": with_urllib,
    "requests": with_requests,
    "httpx": with_httpx,
    "aiohttp": with_aiohttp,
    "curl": with_curl,
}

"""connect.py WAY ADDR...: prints of each address the errno, or what the relay says and whom the socket is connected to."""

import asyncio
import socket
import sys


def blocking(host, port):
    with socket.create_connection((host, port)) as connection:
        return connection.makefile().readline(), connection.getpeername()


def with_asyncio(host, port):
    async def ask():
        reader, writer = await asyncio.open_connection(host, port)
        return (await reader.readline()).decode(), writer.get_extra_info("peername")

    return asyncio.run(ask())


ask = {"blocking": blocking, "asyncio": with_asyncio}[sys.argv[1]]
for address in sys.argv[2:]:
    host, port = address.rsplit(":", 1)
    try:
        line, peer = ask(host.strip("[]"), int(port))
        print(address, line.strip(), f"[{peer[0]}]:{peer[1]}" if ":" in host else f"{peer[0]}:{peer[1]}")
    except OSError as error:
        print(address, error.errno)

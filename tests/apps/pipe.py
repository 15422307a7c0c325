"""A pipe: what comes in on PORT goes on to TARGET, byte for byte, ends and resets included; and back.

When TARGET cannot be reached, the client is told why in one line.
"""

import errno
import os
import signal
import socket
import struct
import threading

TARGET = os.environ.get("TARGET", "127.0.0.1:7000").rsplit(":", 1)
CHUNK = 64 * 1024


def reset(*sockets):
    for s in sockets:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Wakes the other direction's thread; the close that sends the reset comes when both have let go.
        try:
            s.shutdown(socket.SHUT_RD)
        except OSError:
            pass


def copy(source, sink):
    try:
        while chunk := source.recv(CHUNK):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        reset(source, sink)


def serve(client):
    with client, socket.socket() as target:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            target.connect((TARGET[0], int(TARGET[1])))
        except OSError as error:
            client.sendall(f"{errno.errorcode[error.errno]}\n".encode())
            return
        back = threading.Thread(target=copy, args=(target, client), daemon=True)
        back.start()
        copy(client, target)
        back.join()


signal.signal(signal.SIGINT, signal.SIG_DFL)
listener = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "8080"))), backlog=128)
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()

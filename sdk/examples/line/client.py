"""A Line client. As a program: `python3 client.py HOST:PORT "SET colour blue" "GET colour"` prints an answer a line."""

import socket
import sys


class Line:
    def __init__(self, host, port):
        self.stream = socket.create_connection((host, port), timeout=10).makefile("rw", newline="\n")

    def ask(self, *commands):
        """Sends all commands at once, and returns the answers, in order."""
        self.stream.write("".join(f"{command}\n" for command in commands))
        self.stream.flush()
        return [self.stream.readline().rstrip("\n") for _ in commands]

    def set(self, key, value):
        return self.ask(f"SET {key} {value}") == ["OK"]

    def get(self, key):
        word, _, value = self.ask(f"GET {key}")[0].partition(" ")
        return value if word == "VALUE" else None

    def close(self):
        self.ask("QUIT")
        self.stream.close()


if __name__ == "__main__":
    address, *commands = sys.argv[1:]
    host, _, port = address.rpartition(":")
    print(*Line(host, int(port)).ask(*commands), sep="\n")

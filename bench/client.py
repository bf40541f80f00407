"""A client with one kept-alive connection: what it asks, how long that takes, what CPU the server used."""

import http.client
import json
import socket
import time
from typing import Any

from bench import FLOOR


class Client:
    """Asks one server, one request after another. `seconds` collects how long each took."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.seconds: list[float] = []

    def ask(self, method: str, path: str, content: Any = None, token: str = "") -> bytes:
        """The body of the answer. Anything but 200 ends the bench: a refusal is quick, and proves nothing."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = json.dumps(content) if content is not None else None
        began = time.perf_counter()
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        told = answer.read()
        self.seconds.append(time.perf_counter() - began)
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} answered {answer.status}: {told[:500]!r}")
        return told

    def graphql(self, query: str, token: str, **variables: Any) -> Any:
        """The data of a GraphQL answer; an error in it ends the bench."""
        told = self.ask("POST", "/api/graphql", {"query": query, "variables": variables}, token)
        answer = json.loads(told)
        if "errors" in answer:
            raise RuntimeError(f"{query[:60]!r} answered {answer['errors']}")
        return answer["data"]

    def cpu_seconds(self) -> float:
        """CPU that the serving process has used so far, in all its threads."""
        told = float(self.ask("GET", f"{FLOOR}cpu"))
        self.seconds.pop()
        return told

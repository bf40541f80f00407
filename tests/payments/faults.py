"""A bad line to the sandbox: it loses questions or answers, or answers in the provider's place."""

import http.client
import json
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

PROBLEM = {
    "error": {"type": "invalid_request_error", "message": "No", "code": "no"},
    "name": "NO",
    "details": [{"issue": "NO"}],
}


@dataclass(frozen=True)
class Fault:
    """What happens to a call. `after`: the provider did what it was asked, and then this happened.
    `answer` None loses the answer; a status of 0 is never sent: the caller waits until it gives up."""

    status: int = 0
    answer: str | None = None
    after: bool = False


LOST_QUESTION = Fault()
LOST_ANSWER = Fault(after=True)
TOO_SLOW = Fault(status=0, answer="")
BROKEN = Fault(200, "<html>Bad gateway")


def refused(status: int, *, after: bool = False) -> Fault:
    return Fault(status, json.dumps(PROBLEM), after)


class QuietServer(ThreadingHTTPServer):
    """Calls that break off are what it is for: it tells nobody."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@dataclass
class Line:
    """Point the providers at `url`. `next_calls` names the faults of the next calls whose path contains a
    word, in order; `always` the fault of each of them."""

    target: str
    next_calls: list[tuple[str, Fault]] = field(default_factory=list)
    always: list[tuple[str, Fault]] = field(default_factory=list)
    seen: list[tuple[str, str, bytes, dict[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        line = self

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30
            disable_nagle_algorithm = True
            wbufsize = -1  # head and body leave together

            def do_GET(self) -> None:
                line.pass_on(self)

            do_POST = do_GET

            def log_message(self, format, *args) -> None:
                pass

        self.over = threading.Event()
        self.server = QuietServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def calls(self, word: str) -> int:
        return sum(word in path for _, path, _, _ in self.seen)

    def _fault(self, path: str) -> Fault | None:
        for place, (word, fault) in enumerate(self.next_calls):
            if word in path:
                del self.next_calls[place]
                return fault
        return next((fault for word, fault in self.always if word in path), None)

    def pass_on(self, door: BaseHTTPRequestHandler) -> None:
        body = door.rfile.read(int(door.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in door.headers.items() if name.lower() != "host"}
        self.seen.append((door.command, door.path, body, headers))
        fault = self._fault(door.path)
        status, answer = 0, b""
        if fault is None or fault.after:
            status, answer = self._ask(door.command, door.path, body, headers)
        if fault is not None and fault.answer is None:
            return self._hang_up(door)
        if fault is not None:
            if fault.status == 0:
                self.over.wait(20)
                return self._hang_up(door)
            status, answer = fault.status, fault.answer.encode()
        door.send_response(status)
        door.send_header("Content-Type", "application/json")
        door.send_header("Content-Length", str(len(answer)))
        door.end_headers()
        door.wfile.write(answer)
        door.wfile.flush()
        return None

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.target).netloc, timeout=20)
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        told = answer.status, answer.read()
        connection.close()
        return told

    def _hang_up(self, door: BaseHTTPRequestHandler) -> None:
        """Reset the connection: the caller learns nothing."""
        door.close_connection = True
        door.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        door.connection.close()

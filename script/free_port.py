"""Say so, and end with status 1, when a server could not listen on the given host and port."""

import socket
import sys


def refusal(host: str, port: str) -> str | None:
    """The reason why nobody can listen there now, or None."""
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        return f"{port!r} is no port: give a number from 1 to 65535."
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as listener:
            # As servers do: without it, connections that ended a moment ago would count as "busy".
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
    except OSError as error:
        return f"Cannot listen on {host} port {port}: {error.strerror}. Choose another with PORT=…"
    return None


if __name__ == "__main__":
    if reason := refusal(sys.argv[1], sys.argv[2]):
        sys.exit(f"!! {reason}")

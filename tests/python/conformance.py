"""A server under test on python-socketio, with the behaviours of tests/js/README.md that a client needs.

conformance.py --port P [--ping-interval SECONDS] [--ping-timeout SECONDS] [--parser json|msgpack]

It has `auth`, `message`, `message-with-ack`, `ticks`, `ask-me`, `count`, `disconnect-me` and `reason-of`, and the
namespaces `/`, `/custom` and `/refuse`. It prints `listening on http://127.0.0.1:P` once it accepts connections; port 0 picks a free one.
"""

import argparse
import asyncio
import socket

import socketio
import uvicorn

NAMESPACES = ["/", "/custom", "/refuse"]
MAX_REPEATS = 1000
REASONS_KEPT = 1000


def make_server(ping_interval, ping_timeout, parser):
    server = socketio.AsyncServer(
        async_mode="asgi",
        namespaces=NAMESPACES,
        ping_interval=ping_interval,
        ping_timeout=ping_timeout,
        serializer="msgpack" if parser == "msgpack" else "default",
        cors_allowed_origins=[],
    )
    for namespace in NAMESPACES:
        add_common(server, namespace)
    add_main(server)
    return server


def add_common(server, namespace):
    @server.on("connect", namespace=namespace)
    async def connect(sid, environ, auth):
        if namespace == "/refuse" and (auth or {}).get("token") != "let me in":
            raise socketio.exceptions.ConnectionRefusedError("not authorized", {"code": 401})

        # What is emitted before this handler returns would be sent ahead of the answer to CONNECT.
        async def greet():
            await server.emit("auth", auth or {}, to=sid, namespace=namespace)

        server.start_background_task(greet)

    @server.on("message", namespace=namespace)
    async def message(sid, *args):
        await server.emit("message-back", args, to=sid, namespace=namespace)

    @server.on("message-with-ack", namespace=namespace)
    async def message_with_ack(sid, *args):
        return args


def add_main(server):
    reasons = {}

    @server.on("disconnect")
    async def disconnect(sid, reason):
        reasons[sid] = reason
        if len(reasons) > REASONS_KEPT:
            del reasons[next(iter(reasons))]

    @server.on("reason-of")
    async def reason_of(sid, of):
        return reasons.get(of)

    @server.on("ticks")
    async def ticks(sid, n, ms):
        async def run():
            for i in range(min(n, MAX_REPEATS)):
                if not server.manager.is_connected(sid, "/"):
                    return
                await server.emit("tick", i, to=sid)
                await asyncio.sleep(ms / 1000)

        server.start_background_task(run)

    @server.on("ask-me")
    async def ask_me(sid, ms, *args):
        try:
            reply = await server.call("question", args, to=sid, timeout=ms / 1000)
        except socketio.exceptions.TimeoutError:
            return "operation has timed out"
        if reply is None:
            return (None,)
        return (None, *reply) if isinstance(reply, tuple) else (None, reply)

    @server.on("count")
    async def count(sid):
        return len(list(server.manager.get_participants("/", None)))

    @server.on("disconnect-me")
    async def disconnect_me(sid, close):
        if close:
            await server.eio.disconnect(server.manager.eio_sid_from_sid(sid, "/"))
        else:
            await server.disconnect(sid)


class Announced(uvicorn.Server):
    """Tells when it accepts connections."""

    async def startup(self, sockets=None):
        await super().startup(sockets=sockets)
        port = sockets[0].getsockname()[1]
        print(f"listening on http://127.0.0.1:{port}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=3000)
    # Whole seconds: the handshake announces no fractions of them.
    parser.add_argument("--ping-interval", type=int, default=1)
    parser.add_argument("--ping-timeout", type=int, default=1)
    parser.add_argument("--parser", choices=["json", "msgpack"], default="json")
    arguments = parser.parse_args()
    server = make_server(arguments.ping_interval, arguments.ping_timeout, arguments.parser)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", arguments.port))
    config = uvicorn.Config(
        socketio.ASGIApp(server),
        ws="wsproto",
        http="h11",
        lifespan="off",
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    Announced(config).run(sockets=[listener])


main()

"""The client of python-socketio against a conformance program.

client.py --url URL [--parser json|msgpack]

It goes through the behaviours of tests/js/README.md over each transport, and ends with a status other than 0 and says why
as soon as one is not as it should be. For every transport that did well it prints its name.
"""

import argparse
import threading
import time

import engineio
import socketio

# It takes no more than 16 packets in an answer to a poll unless it is told to, whatever the server.
engineio.payload.Payload.max_decode_packets = 1000

MODES = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}
LIMIT = 10


class Inbox:
    """The events of a client, which are waited for one by one."""

    def __init__(self, client):
        self.arrived = threading.Condition()
        self.events = []
        for namespace in ["/", "/custom"]:
            self.listen(client, namespace)

    def listen(self, client, namespace):
        client.on("*", lambda event, *args: self.add(event, namespace, *args), namespace=namespace)
        # Not among all.
        client.on("disconnect", lambda *_: self.add("disconnect", namespace), namespace=namespace)

    def add(self, *event):
        with self.arrived:
            self.events.append(event)
            self.arrived.notify_all()

    def take(self, name):
        """The first event of this name that was not taken yet, without its name."""
        deadline = time.monotonic() + LIMIT
        with self.arrived:
            while True:
                for index, event in enumerate(self.events):
                    if event[0] == name:
                        del self.events[index]
                        return event[1:]
                left = deadline - time.monotonic()
                assert left > 0, f"no {name} in {self.events}"
                self.arrived.wait(left)


def connect(url, parser, transports, namespaces, auth=None):
    client = socketio.Client(reconnection=False, serializer="msgpack" if parser == "msgpack" else "default")
    inbox = Inbox(client)
    client.on("question", lambda *args: (*args, b"\xff"), namespace="/")
    client.connect(url, transports=transports, namespaces=namespaces, auth=auth, wait_timeout=LIMIT)
    return client, inbox


def check(url, parser, mode):
    client, inbox = connect(url, parser, MODES[mode], ["/", "/custom"], {"token": "abc"})
    # The client waits for the upgrade by itself.
    assert client.transport() == MODES[mode][-1], client.transport()
    greetings = [inbox.take("auth") for _ in range(2)]
    for namespace in ["/", "/custom"]:
        assert (namespace, {"token": "abc"}) in greetings, greetings
    data_goes_there_and_back(client, inbox)
    acknowledgements(client)
    rooms(url, parser, mode, client, inbox)
    refusals(url, parser, mode)
    # Several heartbeats of 300 ms.
    time.sleep(1.5)
    assert client.connected
    leaving(url, parser, client, inbox)


def data_goes_there_and_back(client, inbox):
    args = (1, -1.5, "é€😀\u2028", True, None, [], {"a": [{"b": None}]}, b"\x00\xff", {"deep": [b"", b"x" * 100_000]})
    for namespace in ["/", "/custom"]:
        client.emit("message", args, namespace=namespace)
        back = inbox.take("message-back")
        assert back == (namespace, *args), back
    for number in range(300):
        client.emit("message", number)
    order = [inbox.take("message-back")[1] for _ in range(300)]
    assert order == list(range(300)), order


def acknowledgements(client):
    for args in [(), ("x",), (b"\x01", {"a": [b"\x02"]})]:
        reply = client.call("message-with-ack", args, timeout=LIMIT)
        # A list of arguments is given as a tuple only if there are several, or none.
        assert reply == {0: None, 1: args[0] if args else None}.get(len(args), args), reply
    reply = client.call("ask-me", (5000, "how?"), timeout=LIMIT)
    assert reply == (None, "how?", b"\xff"), reply


def rooms(url, parser, mode, client, inbox):
    other, _ = connect(url, parser, MODES[mode], ["/"])
    client.call("join", "room", timeout=LIMIT)
    other.call("to", (["room"], "in-room", "hello", b"\x07"), timeout=LIMIT)
    got = inbox.take("in-room")
    assert got == ("/", "hello", b"\x07"), got
    names = client.call("rooms", timeout=LIMIT)
    assert sorted(names) == sorted([client.get_sid(), "room"]), names
    other.disconnect()


def refusals(url, parser, mode):
    for namespace, error in [
        ("/refuse", {"message": "not authorized", "data": {"code": 401}}),
        ("/unknown", {"message": "Invalid namespace"}),
    ]:
        client = socketio.Client(reconnection=False, serializer="msgpack" if parser == "msgpack" else "default")
        seen = []
        client.on("connect_error", seen.append, namespace=namespace)
        try:
            client.connect(url, transports=MODES[mode], namespaces=[namespace], wait_timeout=LIMIT)
            raise AssertionError(f"{namespace} let it in")
        except socketio.exceptions.ConnectionError:
            assert seen == [error], seen
        client.disconnect()


def leaving(url, parser, client, inbox):
    """One namespace is left by the server's word, and the connection goes with the client's."""
    sid = client.get_sid()
    client.emit("disconnect-me", False)
    assert inbox.take("disconnect") == ("/",)
    assert client.call("message-with-ack", 1, namespace="/custom", timeout=LIMIT) == 1
    client.disconnect()
    assert inbox.take("disconnect") == ("/custom",)
    witness, _ = connect(url, parser, ["websocket"], ["/"])
    reason = witness.call("reason-of", sid, timeout=LIMIT)
    assert reason == "server namespace disconnect", reason
    witness.disconnect()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--url", required=True)
    arguments.add_argument("--parser", choices=["json", "msgpack"], default="json")
    given = arguments.parse_args()
    for mode in MODES:
        check(given.url, given.parser, mode)
        print(mode, flush=True)


main()

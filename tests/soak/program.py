"""The local program of the soak: what it does stands in the path. Serves HTTP/1.1, HTTP/2 with prior knowledge and WebSocket.

Deliberately absent: checking. Whoever asked knows what must come back.
"""

import asyncio
import gzip
import socket
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config

PAGE = b"<li>A cup of tea, and another one, for everybody who waits.</li>\n"
EVENTS = 10
EVENT_EVERY = 0.05


class Cut(Exception):
    """Ends an answer in the middle: the server closes the connection, or resets the stream."""


async def answer(scope, receive, send):
    if scope["type"] == "websocket":
        await echo_frames(receive, send)
    elif scope["type"] == "http":
        kind, _, argument = scope["path"].strip("/").partition("/")
        await HANDLERS[kind](argument, receive, send)


async def echo_frames(receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (came := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": came.get("text"), "bytes": came.get("bytes")})


async def body_of(receive):
    parts, has_more = [], True
    while has_more:
        came = await receive()
        parts.append(came.get("body", b""))
        has_more = came.get("more_body", False)
    return b"".join(parts)


async def whole(send, body, headers=()):
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def echo(argument, receive, send):
    await whole(send, await body_of(receive))


async def page(argument, receive, send):
    packed = gzip.compress(PAGE * int(argument), 1)
    await whole(send, packed, [(b"content-encoding", b"gzip"), (b"content-type", b"text/html")])


async def slow(argument, receive, send):
    await asyncio.sleep(int(argument) / 1000)
    await whole(send, b"at last")


async def cut(argument, receive, send):
    length = (b"content-length", b"100000")
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": b"x" * 500, "more_body": True})
    raise Cut


async def events(argument, receive, send):
    head = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    for number in range(EVENTS):
        event = b"id: %d\ndata: a cup of tea\n\n" % number
        await send({"type": "http.response.body", "body": event, "more_body": True})
        await asyncio.sleep(EVENT_EVERY)
    await send({"type": "http.response.body", "body": b""})


async def call(argument, receive, send):
    """One message there and back, as gRPC has it."""
    message = await body_of(receive)
    head = [(b"content-type", b"application/grpc"), (b"trailer", b"grpc-status")]
    await send({"type": "http.response.start", "status": 200, "headers": head, "trailers": True})
    await send({"type": "http.response.body", "body": message})
    await send({"type": "http.response.trailers", "headers": [(b"grpc-status", b"0")]})


HANDLERS = {"echo": echo, "page": page, "slow": slow, "cut": cut, "events": events, "call": call}


async def main():
    """Says its port, and serves until it is killed, or whoever started it is gone."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    config, over = Config(), asyncio.Event()
    config.bind, config.errorlog, config.h2_max_concurrent_streams = [f"fd://{listener.fileno()}"], None, 200
    # It closes a connection that the other side has closed only after this time.
    config.keep_alive_timeout = 5
    serving = asyncio.create_task(serve(answer, config, shutdown_trigger=over.wait))
    print(listener.getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    over.set()
    serving.cancel()


if __name__ == "__main__":
    asyncio.run(main())

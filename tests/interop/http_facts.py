"""HTTP with httpx, h11 and h2 as callers, and Hypercorn as the local program: HTTP/1.1, and HTTP/2 with prior knowledge.

Where something must arrive before more of it is sent, the other side waits for it: what holds anything back on the way, hangs.
"""

import asyncio
import contextlib
import json
import os
import socket

import h2.config
import h2.connection
import h2.events
import h11
import httpx
from hypercorn.asyncio import serve as hypercorn
from hypercorn.config import Config

from facts import fact, main, same

MARK = {"X-Dev": "http"}
EVENTS = 20
CHUNKS = 20
AT_ONCE = 50
ENDS = (h2.events.StreamEnded, h2.events.StreamReset, h2.events.ConnectionTerminated)
LONG = 3 * 1024 * 1024
SENT = [("X-Two", "a"), ("X-Two", "b"), ("X_Under", "1"), ("X-Latin", "café"), ("X-Long", "y" * 6000)]


class Program:
    """The local program: what it does stands in the path."""

    def __init__(self):
        # What callers and handlers have told each other so far.
        self.told = {}
        self.at_once = asyncio.Barrier(AT_ONCE)

    def gate(self, key):
        return self.told.setdefault(key, asyncio.Semaphore(0))

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        name, _, key = scope["path"].strip("/").partition("/")
        await getattr(self, name.replace("-", "_"))(Asked(scope, receive, send), key)

    async def echo(self, asked, key):
        await asked.answer(200, await asked.body(), [(b"x-connection", str(asked.scope["client"][1]).encode())])

    async def headers(self, asked, key):
        shown = [[name.decode(), value.decode("latin-1")] for name, value in asked.scope["headers"]]
        await asked.answer(200, json.dumps(shown).encode(), [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")])

    async def status(self, asked, key):
        body = b"" if key in ("204", "304") else b"the body"
        await asked.answer(int(key), body, [(b"etag", b'"x"')])

    async def events(self, asked, key):
        await asked.begin(200, [(b"content-type", b"text/event-stream")])
        for number in range(EVENTS):
            # Only once the caller has the one before.
            await self.gate(f"events/{key}").acquire()
            await asked.more(f"id: {number}\ndata: event {number}\n\n".encode())
        await asked.more(b"", is_last=True)

    async def go_on(self, asked, key):
        self.gate(key).release()
        await asked.answer(204, b"")

    async def upload(self, asked, key):
        body = b""
        async for part in asked.parts():
            body += part
            for _ in range(part.count(b"\n")):
                self.gate(f"upload/{key}").release()
        await asked.answer(200, body)

    async def has_come(self, asked, key):
        await self.gate(key).acquire()
        await asked.answer(204, b"")

    async def together(self, asked, key):
        await asked.body()
        await self.at_once.wait()
        await asked.answer(200, key.encode())

    async def trailers(self, asked, key):
        start = {"type": "http.response.start", "status": 200, "headers": [(b"trailer", b"x-sum")], "trailers": True}
        await asked.send(start)
        await asked.more(b"with trailers", is_last=True)
        await asked.send({"type": "http.response.trailers", "headers": [(b"x-sum", b"42"), (b"x-sum", b"43")]})


class Asked:
    """One request, and how it is answered."""

    def __init__(self, scope, receive, send):
        self.scope, self.receive, self.send = scope, receive, send

    async def parts(self):
        has_more = True
        while has_more:
            part = await self.receive()
            has_more = part.get("more_body", False)
            yield part.get("body", b"")

    async def body(self):
        return b"".join([part async for part in self.parts()])

    async def begin(self, status, headers):
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def more(self, body, is_last=False):
        await self.send({"type": "http.response.body", "body": body, "more_body": not is_last})

    async def answer(self, status, body, headers=()):
        length = [] if status in (204, 304) else [(b"content-length", str(len(body)).encode())]
        await self.begin(status, [*length, *headers])
        await self.more(body, is_last=True)


@contextlib.asynccontextmanager
async def serve():
    listener = socket.create_server(("127.0.0.1", 0))
    config, over = Config(), asyncio.Event()
    config.bind, config.errorlog, config.h2_max_concurrent_streams = [f"fd://{listener.fileno()}"], None, 200
    serving = asyncio.create_task(hypercorn(Program(), config, shutdown_trigger=over.wait))
    yield listener.getsockname()[1]
    over.set()
    serving.cancel()


def client(where, is_http2=False):
    host, port = where.through
    return httpx.AsyncClient(
        base_url=f"http://{host}:{port}", headers=MARK, http1=not is_http2, http2=is_http2, timeout=20, trust_env=False
    )


async def both(where, ask):
    """Asks in HTTP/1.1 and in HTTP/2."""
    for is_http2 in (False, True):
        async with client(where, is_http2) as made:
            answer = await ask(made, "2" if is_http2 else "1")
            same(answer.http_version, "HTTP/2" if is_http2 else "HTTP/1.1")


@fact
async def bodies_of_any_length_come_back(where):
    async def ask(made, version):
        for size in (0, 1, 1000, 65536, LONG):
            body = os.urandom(size)
            answer = await made.post(f"/echo/{version}?size={size}", content=body)
            same(answer.content == body, True, f"whether {size} bytes come back")
        return answer

    await both(where, ask)


@fact
async def one_connection_to_the_program_serves_many_requests(where):
    async with client(where) as made:
        connections = {(await made.get(f"/echo/kept?n={n}")).headers["x-connection"] for n in range(30)}
        # A connection that rests for a second is closed, and a machine that does much else may pause for as long.
        same(len(connections) < 6, True, f"whether {connections} are few")


@fact
async def every_method_arrives(where):
    async def ask(made, version):
        for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
            answer = await made.request(method, f"/echo/method-{version}")
            same(answer.status_code, 200)
        return answer

    await both(where, ask)


@fact
async def repeated_and_odd_headers_arrive(where):
    async def ask(made, version):
        answer = await made.get(f"/headers/{version}", headers=[(name, value.encode("latin-1")) for name, value in SENT])
        came = [(name, value) for name, value in answer.json() if name.startswith(("x-", "x_"))]
        wanted = [(name.lower(), value) for name, value in [*MARK.items(), *SENT]]
        same(sorted(came), sorted(wanted))
        # Those of one name keep their order.
        same([value for name, value in came if name == "x-two"], ["a", "b"])
        same(answer.headers.get_list("set-cookie"), ["a=1", "b=2"])
        return answer

    await both(where, ask)


@fact
async def answers_without_a_body_have_none(where):
    async def ask(made, version):
        for status in (204, 304):
            answer = await made.get(f"/status/{status}?v={version}")
            same((answer.status_code, answer.content, answer.headers["etag"]), (status, b"", '"x"'))
        answer = await made.head(f"/status/200?v={version}")
        same((answer.status_code, answer.content), (200, b""))
        same(answer.headers.get("content-length"), "8")
        # The connection is still in step.
        same((await made.get(f"/status/404?v={version}")).content, b"the body")
        return answer

    await both(where, ask)


@fact
async def each_event_comes_before_the_next_is_sent(where):
    async def ask(made, version):
        async def go_on():
            same((await aside.post(f"/go-on/events/{version}")).status_code, 204)

        await go_on()
        events = []
        async with made.stream("GET", f"/events/{version}") as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    events.append(line)
                elif not line and len(events) < EVENTS:
                    await go_on()
        same(events, [f"data: event {number}" for number in range(EVENTS)])
        return answer

    async with client(where) as aside:
        await both(where, ask)


@fact
async def each_part_of_an_upload_comes_before_the_next_is_sent(where):
    async def ask(made, version):
        async def parts():
            for number in range(CHUNKS):
                yield f"part {number}\n".encode()
                same((await aside.get(f"/has-come/upload/{version}")).status_code, 204)

        answer = await made.post(f"/upload/{version}", content=parts())
        same(answer.text.splitlines(), [f"part {number}" for number in range(CHUNKS)])
        return answer

    async with client(where) as aside:
        await both(where, ask)


@fact
async def fifty_requests_are_under_way_at_once_on_one_connection(where):
    async with client(where, is_http2=True) as made:
        answers = await asyncio.gather(*(made.post(f"/together/{n}", content=b"x" * n) for n in range(AT_ONCE)))
        same([answer.text for answer in answers], [str(n) for n in range(AT_ONCE)])
        ours = {answer.extensions["network_stream"].get_extra_info("client_addr") for answer in answers}
        same(len(ours), 1, "the number of the caller's connections")


@fact
async def a_caller_that_waits_for_100_is_told_to_go_on(where):
    reader, writer = await asyncio.open_connection(*where.through)
    speaking = h11.Connection(h11.CLIENT)
    headers = [("Host", "api"), ("X-Dev", "http"), ("Expect", "100-continue"), ("Content-Length", "5")]
    writer.write(speaking.send(h11.Request(method="POST", target="/echo/expected", headers=headers)))
    told = await next_event(speaking, reader)
    same((type(told), told.status_code), (h11.InformationalResponse, 100))
    writer.write(speaking.send(h11.Data(data=b"hello")) + speaking.send(h11.EndOfMessage()))
    same((await next_event(speaking, reader)).status_code, 200)
    same(bytes((await next_event(speaking, reader)).data), b"hello")
    writer.close()


async def next_event(speaking, reader):
    while (event := speaking.next_event()) is h11.NEED_DATA:
        speaking.receive_data(await reader.read(65536))
    return event


@fact
async def trailers_of_http_2_arrive(where):
    reader, writer = await asyncio.open_connection(*where.through)
    speaking = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    speaking.initiate_connection()
    head = [(":method", "GET"), (":scheme", "http"), (":authority", "api"), (":path", "/trailers/2")]
    head += [("x-dev", "http"), ("te", "trailers")]
    speaking.send_headers(1, head, end_stream=True)
    body, trailers = b"", None
    while trailers is None:
        writer.write(speaking.data_to_send())
        for event in speaking.receive_data(await reader.read(65536)):
            if isinstance(event, h2.events.DataReceived):
                body += event.data
            elif isinstance(event, h2.events.TrailersReceived):
                trailers = event.headers
            elif trailers is None and isinstance(event, ENDS):
                raise AssertionError(f"no trailers, but {event}")
    writer.close()
    same(body, b"with trailers")
    same([(name, value) for name, value in trailers if name == "x-sum"], [("x-sum", "42"), ("x-sum", "43")])


main(serve)

"""The callers of the soak: a mix of everything that passes an intercept, begun at a steady rate, every answer checked.

A request is begun when its time has come, whether or not earlier ones have been answered; where too many are under way it is
left out and counted, so that a slow machine shows.
"""

import asyncio
import contextlib
import gzip
import os
import random

import h11
import h2.config
import h2.connection
import h2.events
import h2.exceptions
import websockets.asyncio.client

import program

MARK = ("X-C6O-INTERCEPT", "yes")
LIMIT = 30
AT_ONCE = 300
KEPT = 8
# With the weights of small and large ones; above 1 MiB a body is recorded in part.
SIZES = [(0, 8), (200, 30), (2_000, 30), (20_000, 10), (200_000, 2), (1_500_000, 0.1)]
# What a caller needs, for half an answer, to read before it hangs up.
HALF = 300


class Lost(Exception):
    """No answer, or a wrong one."""


def need(holds, what):
    if not holds:
        raise Lost(what)


def any_size():
    return random.choices([size for size, _ in SIZES], [weight for _, weight in SIZES])[0]


class Connection:
    """One connection with HTTP/1.1."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.speaking = h11.Connection(h11.CLIENT)

    @classmethod
    async def open(cls, address):
        return cls(*await asyncio.open_connection(*address))

    async def send(self, method, target, body=b"", length=None):
        headers = [("Host", "catalog"), MARK, ("Content-Length", str(len(body) if length is None else length))]
        self.writer.write(self.speaking.send(h11.Request(method=method, target=target, headers=headers)))
        self.writer.write(self.speaking.send(h11.Data(data=body)))
        if length is None:
            self.writer.write(self.speaking.send(h11.EndOfMessage()))
        await self.writer.drain()

    async def next(self):
        while (event := self.speaking.next_event()) is h11.NEED_DATA:
            self.speaking.receive_data(await self.reader.read(65536))
        return event

    async def answer(self):
        head = await self.next()
        need(head.status_code == 200, f"status {head.status_code}")
        parts = []
        while isinstance(event := await self.next(), h11.Data):
            parts.append(bytes(event.data))
        need(isinstance(event, h11.EndOfMessage), f"{event} within an answer")
        return b"".join(parts)

    def is_kept(self):
        """Makes it ready for the next request, where both sides keep it."""
        if self.speaking.our_state is h11.DONE and self.speaking.their_state is h11.DONE:
            self.speaking.start_next_cycle()
            return not self.reader.at_eof()
        return False

    def close(self):
        self.writer.close()


class Callers:
    """Everybody who asks, and how it went."""

    def __init__(self, address):
        self.address = address
        self.kept = []
        self.streams = None
        self.under_way = set()
        self.counts = {}
        self.left_out = 0
        self.lost = []
        self.lost_count = 0

    async def run(self, rate, seconds):
        loop = asyncio.get_running_loop()
        began, begun = loop.time(), 0
        while (now := loop.time() - began) < seconds:
            while begun < now * rate:
                begun += 1
                self.begin(random.choices(KINDS, WEIGHTS)[0])
            await asyncio.sleep(0.01)
        if self.under_way:
            await asyncio.wait(self.under_way, timeout=LIMIT + 5)

    def begin(self, kind):
        if len(self.under_way) >= AT_ONCE:
            self.left_out += 1
            return
        task = asyncio.create_task(self.one(kind))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def one(self, kind):
        name = kind.__name__
        try:
            await asyncio.wait_for(kind(self), LIMIT)
            self.counts[name] = self.counts.get(name, 0) + 1
        except Exception as error:  # whatever it is, it is a loss
            self.lost_count += 1
            if len(self.lost) < 20:
                self.lost.append(f"{name}: {type(error).__name__}: {error}")

    async def fresh(self):
        body = os.urandom(any_size())
        with contextlib.closing(await Connection.open(self.address)) as connection:
            await connection.send("POST", "/echo/fresh", body)
            need(await connection.answer() == body, "another body")

    async def on_kept(self, method, target, body=b""):
        while self.kept:
            connection = self.kept.pop()
            if not connection.reader.at_eof():
                break
            connection.close()
        else:
            connection = await Connection.open(self.address)
        try:
            await connection.send(method, target, body)
            came = await connection.answer()
        except BaseException:
            connection.close()
            raise
        if connection.is_kept() and len(self.kept) < KEPT:
            self.kept.append(connection)
        else:
            connection.close()
        return came

    async def get(self):
        need(await self.on_kept("GET", "/echo/kept?n=1") == b"", "a body")

    async def post(self):
        body = os.urandom(any_size())
        need(await self.on_kept("POST", "/echo/post", body) == body, "another body")

    async def packed(self):
        lines = random.choice([1, 10, 100, 1000])
        came = await self.on_kept("GET", f"/page/{lines}")
        need(gzip.decompress(came) == program.PAGE * lines, "another page")

    async def slow(self):
        need(await self.on_kept("GET", f"/slow/{random.randint(500, 5000)}") == b"at last", "another body")

    async def events(self):
        came = await self.on_kept("GET", "/events/x")
        need(came.count(b"\n\n") == program.EVENTS, "fewer events")

    async def cut_by_program(self):
        with contextlib.closing(await Connection.open(self.address)) as connection:
            await connection.send("GET", "/cut/x")
            try:
                await connection.answer()
            except h11.RemoteProtocolError:
                return
        raise Lost("a whole answer")

    async def leaves_within_request(self):
        with contextlib.closing(await Connection.open(self.address)) as connection:
            await connection.send("POST", "/echo/left", b"x" * 1000, length=5000)
            await asyncio.sleep(0.05)

    async def leaves_within_answer(self):
        with contextlib.closing(await Connection.open(self.address)) as connection:
            await connection.send("GET", "/events/left")
            await connection.reader.readexactly(HALF)
            connection.writer.transport.abort()

    async def call(self):
        if self.streams is None or self.streams.is_over:
            self.streams = await Streams.open(self.address)
        message = os.urandom(random.choice([10, 1000, 30_000]))
        framed = b"\0" + len(message).to_bytes(4, "big") + message
        need(await self.streams.call(framed) == framed, "another message")

    async def frames(self):
        url = f"ws://{self.address[0]}:{self.address[1]}/frames"
        made = websockets.asyncio.client.connect(
            url, additional_headers=[MARK], proxy=None, ping_interval=None, compression=None
        )
        async with made as socket:
            for size in (5, 300, 70_000):
                sent = "t" * size if size < 1000 else os.urandom(size)
                await socket.send(sent)
                need(await socket.recv() == sent, "another message")
                await asyncio.sleep(0.1)


class Streams:
    """One connection with HTTP/2 by prior knowledge, for a few thousand calls."""

    CALLS = 5_000

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.speaking = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.waiting, self.calls, self.is_over = {}, 0, False
        self.room = asyncio.Event()

    @classmethod
    async def open(cls, address):
        streams = cls(*await asyncio.open_connection(*address))
        streams.speaking.initiate_connection()
        streams.speaking.increment_flow_control_window(2**24)
        streams.flush()
        streams.reading = asyncio.create_task(streams.read())
        return streams

    def flush(self):
        self.writer.write(self.speaking.data_to_send())

    async def call(self, message):
        self.calls += 1
        self.is_over |= self.calls >= self.CALLS
        stream = self.speaking.get_next_available_stream_id()
        done = self.waiting[stream] = [asyncio.get_running_loop().create_future(), b""]
        head = [(":method", "POST"), (":scheme", "http"), (":authority", "catalog"), (":path", "/call/x")]
        head += [(MARK[0].lower(), MARK[1]), ("te", "trailers"), ("content-type", "application/grpc")]
        self.speaking.send_headers(stream, head)
        while message:
            while (size := min(self.speaking.local_flow_control_window(stream), 16384)) <= 0:
                self.room.clear()
                await self.room.wait()
            self.speaking.send_data(stream, message[:size], end_stream=size >= len(message))
            self.flush()
            message = message[size:]
        try:
            return await done[0]
        finally:
            del self.waiting[stream]
            if self.is_over and not self.waiting:
                self.writer.close()

    async def read(self):
        why = "the connection ended"
        try:
            while came := await self.reader.read(65536):
                for event in self.speaking.receive_data(came):
                    self.hear(event)
                self.flush()
        except (OSError, h2.exceptions.H2Error) as error:
            why = str(error)
        self.is_over = True
        self.room.set()
        for future, _ in list(self.waiting.values()):
            if not future.done():
                future.set_exception(Lost(why))

    def hear(self, event):
        waiting = self.waiting.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.DataReceived):
            self.speaking.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if waiting:
                waiting[1] += event.data
        elif isinstance(event, h2.events.WindowUpdated):
            self.room.set()
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.is_over = True
        elif waiting and isinstance(event, h2.events.StreamEnded) and not waiting[0].done():
            waiting[0].set_result(waiting[1])
        elif waiting and isinstance(event, h2.events.StreamReset) and not waiting[0].done():
            waiting[0].set_exception(Lost(f"reset with {event.error_code}"))


# Of a hundred.
MIX = [
    (Callers.get, 28),
    (Callers.post, 26),
    (Callers.fresh, 14),
    (Callers.packed, 12),
    (Callers.call, 11),
    (Callers.frames, 2),
    (Callers.events, 2),
    (Callers.slow, 2),
    (Callers.cut_by_program, 1),
    (Callers.leaves_within_request, 1),
    (Callers.leaves_within_answer, 1),
]
KINDS = [kind for kind, _ in MIX]
WEIGHTS = [weight for _, weight in MIX]

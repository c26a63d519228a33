"""WebSocket with websockets on both sides, and a caller that writes frames by hand where no library would.

What a server answers to strange frames is its own business. On the way nothing may change it: so each case is tried twice,
through the cluster and at the server itself, and every byte of both answers is compared.
"""

import asyncio
import base64
import contextlib
import os

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve as websocket_server
from websockets.frames import CloseCode

from facts import fact, main, same

MARK = {"X-Dev": "ws"}
SIZES = [0, 1, 125, 126, 127, 65535, 65536, 1024 * 1024]
# What is sent to a caller that does not read, and how much of it may be under way. The sockets of five processes hold some
# megabytes each.
FLOOD = 160
PIECE = 512 * 1024
FLOOD_UNDER_WAY = 48 * 1024 * 1024
# No pings of its own: they would be bytes that come sometimes.
LIMITS = {"max_size": 4 * 1024 * 1024, "ping_interval": None, "close_timeout": 5}

# How much of each flood has been sent.
_sent = {}


async def serve_socket(socket):
    kind, _, key = socket.request.path.strip("/").partition("/")
    if kind == "flood":
        await _flood(socket, key)
    elif kind == "sent":
        await socket.send(str(_sent.get(key, 0)))
    elif kind == "close":
        await socket.close(int(key), "as you wish")
    elif kind == "hush":
        # Whatever comes, it says nothing but what the protocol makes it say.
        async for _ in socket:
            pass
    else:
        async for message in socket:
            await socket.send(message)


async def _flood(socket, key):
    for number in range(FLOOD):
        await socket.send(bytes([number]) * PIECE)
        _sent[key] = (number + 1) * PIECE


@contextlib.asynccontextmanager
async def serve():
    async with websocket_server(serve_socket, "127.0.0.1", 0, **LIMITS) as server:
        yield server.sockets[0].getsockname()[1]


def socket(where, path, **options):
    host, port = where.through
    options = {"compression": None, "ping_interval": None, "max_size": None, "proxy": None} | options
    return connect(f"ws://{host}:{port}/{path}", additional_headers=MARK, **options)


async def echoes(made):
    for size in SIZES:
        for message in [os.urandom(size), "ü" * (size // 2) + "x" * (size % 2)]:
            await made.send(message)
            same(await made.recv() == message, True, f"whether {size} bytes come back")


@fact
async def messages_of_every_length_come_back(where):
    async with socket(where, "plain") as made:
        same(made.protocol.extensions, [])
        await echoes(made)


@fact
async def deflated_messages_of_every_length_come_back(where):
    async with socket(where, "deflated", compression="deflate") as made:
        same([type(one).__name__ for one in made.protocol.extensions], ["PerMessageDeflate"])
        await echoes(made)
        # What is like the message before takes a few bytes: the window is kept from one to the next.
        for _ in range(3):
            await made.send("the same words again and again")
            same(await made.recv(), "the same words again and again")


@fact
async def a_message_in_parts_comes_back_whole(where):
    async with socket(where, "parts") as made:
        await made.send(iter(["zer", "", "stü", "ckelt"]))
        same(await made.recv(), "zerstückelt")
        await made.send(iter([b"\x00"] * 100))
        same(await made.recv(), b"\x00" * 100)


@fact
async def a_ping_is_answered_by_the_program(where):
    async with socket(where, "ping") as made:
        for words in [b"", b"x" * 125]:
            await (await made.ping(words))


@fact
async def a_caller_closes_with_its_code(where):
    for code in [1000, 1001, 3000, 4999]:
        async with socket(where, "close-mine") as made:
            await made.close(code, "gehört")
            same((made.close_code, made.close_reason), (code, "gehört"))


@fact
async def a_program_closes_with_its_code(where):
    for code in [1000, 1001, 1011, 1012, 3000, 4999]:
        async with socket(where, f"close/{code}") as made:
            try:
                await made.recv()
                raise AssertionError("a message came")
            except websockets.ConnectionClosed as closed:
                same((closed.rcvd.code, closed.rcvd.reason), (code, "as you wish"))


@fact
async def a_refused_upgrade_is_refused_as_the_program_does_it(where):
    version = "Sec-WebSocket-Version: 7\r\n"
    (through, _, _), (direct, _, _) = [
        await exchanged(address, b"", upgrade=version) for address in (where.through, where.direct)
    ]
    same(through, direct)
    same(direct.split()[1] in ("400", "426"), True, f"whether {direct} refuses")


@fact
async def a_caller_that_does_not_read_holds_the_program_up(where):
    async with socket(where, "flood/held", max_queue=1) as made:
        under_way = await still(where, "held")
        if not 0 < under_way <= FLOOD_UNDER_WAY:
            raise AssertionError(f"{under_way} bytes were sent to a caller that read none")
        for number in range(FLOOD):
            same(await made.recv() == bytes([number]) * PIECE, True, "whether it is the next piece")


async def still(where, key):
    """How much has been sent once no more is: asked in the cluster as well, until three answers are the same."""
    answers = []
    while len(answers) < 3 or len(set(answers[-3:])) > 1 or not answers[-1]:
        await asyncio.sleep(0.2)
        async with socket(where, f"sent/{key}") as made:
            answers.append(int(await made.recv()))
    return answers[-1]


# ---- frames by hand


def frame(first, payload, masked=True):
    """A frame that begins with this byte, whatever that means."""
    length = len(payload)
    bit = 0x80 if masked else 0
    if length < 126:
        head = bytes([first, bit | length])
    elif length < 65536:
        head = bytes([first, bit | 126]) + length.to_bytes(2, "big")
    else:
        head = bytes([first, bit | 127]) + length.to_bytes(8, "big")
    if not masked:
        return head + payload
    mask = b"\x12\x34\x56\x78"
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


FIN, TEXT, BINARY, CLOSE, PING, PONG = 0x80, 1, 2, 8, 9, 10
BYE = frame(FIN | CLOSE, b"\x03\xe8")


def closing(code, reason=b""):
    return frame(FIN | CLOSE, code.to_bytes(2, "big") + reason)


# What is sent, and the code that must close it.
CASES = {
    "text": (frame(FIN | TEXT, "grün".encode()) + BYE, 1000),
    "no payload": (frame(FIN | TEXT, b"") + frame(FIN | BINARY, b"") + BYE, 1000),
    "long lengths for few bytes": (b"\x82\xfe\x00\x01\0\0\0\0x\x82\xff\0\0\0\0\0\0\0\x01\0\0\0\0y" + BYE, 1000),
    "ping of 125": (frame(FIN | PING, b"p" * 125) + BYE, 1000),
    "ping of 126": (frame(FIN | PING, b"p" * 126), 1002),
    "ten pings": (b"".join(frame(FIN | PING, bytes([n])) for n in range(10)) + BYE, 1000),
    "unasked pong": (frame(FIN | PONG, b"here I am") + BYE, 1000),
    "ping in parts": (frame(PING, b"a") + frame(FIN, b"b"), 1002),
    **{f"reserved bit {bit:#x}": (frame(FIN | bit | TEXT, b"x"), 1002) for bit in (0x10, 0x20, 0x40)},
    **{f"reserved opcode {code}": (frame(FIN | code, b"x"), 1002) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "parts": (frame(TEXT, b"a") + frame(0, b"b") + frame(FIN, b"c") + BYE, 1000),
    "a ping between parts": (frame(TEXT, b"a") + frame(FIN | PING, b"p") + frame(FIN, b"c") + BYE, 1000),
    "a text between parts": (frame(TEXT, b"a") + frame(FIN | TEXT, b"b"), 1002),
    "a part of nothing": (frame(FIN, b"c"), 1002),
    "a letter over two parts": (frame(TEXT, b"\xc3") + frame(FIN, b"\xbc") + BYE, 1000),
    "half a letter": (frame(FIN | TEXT, b"\xc3"), 1007),
    "a wrong letter in parts": (frame(TEXT, b"ok") + frame(0, b"\xff") + frame(FIN, b"ok"), 1007),
    "half a surrogate": (frame(FIN | TEXT, b"\xed\xa0\x80"), 1007),
    "an overlong letter": (frame(FIN | TEXT, b"\xc0\xaf"), 1007),
    "beyond Unicode": (frame(FIN | TEXT, b"\xf4\x90\x80\x80"), 1007),
    "a frame without a mask": (frame(FIN | TEXT, b"x", masked=False), 1002),
    "a close of one byte": (frame(FIN | CLOSE, b"\x03"), 1002),
    "a close of 126": (closing(1000, b"r" * 124), 1002),
    "a close with a wrong letter": (closing(1000, b"\xff"), 1007),
    "a close without a code": (frame(FIN | CLOSE, b""), None),
    "a text behind the close": (BYE + frame(FIN | TEXT, b"late"), 1000),
    "two closes": (BYE + closing(1001), 1000),
    **{f"closed with {code}": (closing(code, b"why"), code) for code in (1000, 1001, 1003, 1007, 1011, 3000, 4999)},
    **{f"closed with {code}": (closing(code), 1002) for code in (0, 999, 1004, 1005, 1006, 1016, 2999, 5000, 65535)},
    "a length of 2^63": (b"\x82\xff" + b"\x80" + b"\0" * 7 + b"\0\0\0\0", 1009),
}


async def exchanged(address, frames, upgrade="Sec-WebSocket-Version: 13\r\n", path="hush"):
    """The status line, the headers and all bytes behind them until the end."""
    reader, writer = await asyncio.open_connection(*address)
    key = base64.b64encode(b"sixteen bytes ok").decode()
    head = f"GET /{path} HTTP/1.1\r\nHost: api\r\nX-Dev: ws\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    writer.write(f"{head}Sec-WebSocket-Key: {key}\r\n{upgrade}\r\n".encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    status, *headers = answer.decode().split("\r\n")
    writer.write(frames)
    rest = await reader.read() if status.split()[1] == "101" else b""
    writer.close()
    return status, headers, rest


def close_of(said):
    """The code of the close that ends what a server said; nothing where it has none."""
    code, at = None, 0
    while at + 2 <= len(said):
        length, start = said[at + 1], at + 2
        if length == 126:
            length, start = int.from_bytes(said[at + 2 : at + 4], "big"), at + 4
        if said[at] == FIN | CLOSE:
            code = int.from_bytes(said[start : start + 2], "big") if length >= 2 else None
        at = start + length
    return code


@fact
async def strange_frames_get_the_same_answer_as_from_the_program_itself(where):
    wrong = []
    for name, (frames, code) in CASES.items():
        (_, _, through), (_, _, direct) = [
            await asyncio.wait_for(exchanged(address, frames), 10) for address in (where.through, where.direct)
        ]
        if through != direct or close_of(direct) != code:
            wrong.append(f"{name}: {through!r}, directly {direct!r}, closes with {close_of(direct)}, should {code}")
    same(wrong, [])


@fact
async def frames_that_come_byte_by_byte_are_the_same_frames(where):
    frames = frame(FIN | TEXT, b"one by one") + frame(FIN | PING, b"p") + BYE
    answers = []
    for address in (where.through, where.direct):
        reader, writer = await asyncio.open_connection(*address)
        head = b"GET /hush/bytes HTTP/1.1\r\nHost: api\r\nX-Dev: ws\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(head + b"Sec-WebSocket-Key: c2l4dGVlbiBieXRlcyBvaw==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        for byte in frames:
            writer.write(bytes([byte]))
            await writer.drain()
        answers.append(await reader.read())
        writer.close()
    same(answers[0], answers[1])
    same(close_of(answers[0]), CloseCode.NORMAL_CLOSURE)


main(serve)

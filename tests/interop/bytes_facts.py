"""HTTP/1 byte by byte, on both sides: what no library lets one see or do.

NGINX itself changes a few things of every message: it writes the lines of `PROXY` itself, so they come in another place and
case. Everything else must arrive as it was sent.
"""

import asyncio
import contextlib

from facts import fact, main, same

PROXY = {b"host", b"connection", b"content-length", b"transfer-encoding", b"te", b"upgrade", b"expect", b"keep-alive"}
ANSWER_PROXY = {b"server", b"date", b"content-type", b"content-length", b"connection", b"keep-alive", b"transfer-encoding"}
LONG = 8 * 1024 * 1024

# What has happened to callers that left, by their key.
_left = {}


def left(key):
    return _left.setdefault(key, asyncio.Event())


async def serve_bytes(reader, writer):
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while await serve_one(reader, writer):
            pass
    writer.close()


async def serve_one(reader, writer):
    """One request; says whether another may follow."""
    head = await reader.readuntil(b"\r\n\r\n")
    path = head.split(b" ")[1].decode()
    name, _, key = path.strip("/").partition("/")
    body = b""
    if name != "early":
        body = await reader.readexactly(length_of(head))
    goes_on = await ANSWERS[name](Asked(head, body, key, reader, writer))
    return goes_on and b"\r\nconnection: close\r\n" not in head.lower()


class Asked:
    def __init__(self, head, body, key, reader, writer):
        self.head, self.body, self.key, self.reader, self.writer = head, body, key, reader, writer

    async def say(self, *pieces):
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()


def length_of(head):
    for name, value in lines(head):
        if name.lower() == b"content-length":
            return int(value)
    return 0


def lines(head):
    """The headers of a head, as sent."""
    return [tuple(line.split(b": ", 1)) for line in head.split(b"\r\n")[1:] if line]


def untouched(head, touched):
    return [line for line in lines(head) if line[0].lower() not in touched]


def whole(body, *headers):
    return b"HTTP/1.1 200 OK\r\n" + b"".join(headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


async def mirror(asked):
    await asked.say(whole(asked.head))
    return True


async def odd(asked):
    await asked.say(whole(b"odd", *ODD_ANSWER))
    return True


async def until_close(asked):
    await asked.say(b"HTTP/1.1 200 OK\r\n\r\n", b"until ", b"the end")
    return False


async def old(asked):
    await asked.say(b"HTTP/1.0 200 OK\r\n\r\n" + asked.head)
    return False


async def trailers(asked):
    await asked.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
    await asked.say(b"5\r\nhello\r\n", b"0\r\nX-Sum: 42\r\nx-other: a\r\n\r\n")
    return True


async def early(asked):
    await asked.say(b"HTTP/1.1 413 Too Long\r\nConnection: close\r\nContent-Length: 8\r\n\r\ntoo long")
    # Closed with bytes unread, the answer could be lost in a reset that overtakes it.
    while await asked.reader.read(65536):
        pass
    return False


async def hints(asked):
    await asked.say(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n", whole(b"hinted"))
    return True


async def cut(asked):
    await asked.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"c" * 10)
    return False


async def cut_chunks(asked):
    await asked.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    return False


async def nothing(asked):
    return False


async def endless(asked):
    await asked.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"e" * 10)
    with contextlib.suppress(ConnectionError):
        await asked.reader.read()
    left(asked.key).set()
    return False


async def has_left(asked):
    await left(asked.key).wait()
    await asked.say(whole(b"it has"))
    return True


ANSWERS = {
    "mirror": mirror, "odd": odd, "until-close": until_close, "old": old, "trailers": trailers, "early": early,
    "hints": hints, "cut": cut, "cut-chunks": cut_chunks, "nothing": nothing, "endless": endless, "has-left": has_left,
}
ODD_ANSWER = [
    b"x-lower: 1\r\n", b"X-UPPER: 2\r\n", b"Set-Cookie: a=1\r\n", b"ETag: \"q\"\r\n", b"set-cookie: b=2\r\n",
    b"x_under: 3\r\n", b"X-Accel-Buffering: no\r\n", b"X-Latin: caf\xe9\r\n", b"Vary: X\r\n", b"Last-Modified: never\r\n",
]


@contextlib.asynccontextmanager
async def serve():
    server = await asyncio.start_server(serve_bytes, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def request(path, *headers, version=b"1.1", method=b"GET", body=b""):
    sent = [b"Host: api", b"X-Dev: bytes", *headers]
    if body:
        sent.append(b"Content-Length: %d" % len(body))
    return b"%s %s HTTP/%s\r\n%s\r\n\r\n" % (method, path.encode(), version, b"\r\n".join(sent)) + body


LAST = b"Connection: close"


async def ask(address, sent):
    """Everything that is answered until the end."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(sent)
    try:
        return await reader.read()
    except ConnectionError:
        return None
    finally:
        writer.close()


def parted(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


@fact
async def headers_arrive_in_their_order_and_case(where):
    odd_ones = [b"x-lower: 1", b"X-UPPER: 2", b"aCCept: */*", b"x_under: 3", b"Cookie: a=1", b"X-Twice: b", b"User-Agent: me",
                b"x-twice: a", b"Cookie: b=2", b"X-Latin: caf\xe9", b"X-Empty: ", b"Accept-Encoding: identity"]
    head, arrived = parted(await ask(where.through, request("/mirror/odd", *odd_ones, LAST)))
    same(head.split(b"\r\n")[0], b"HTTP/1.1 200 OK")
    same(arrived.split(b"\r\n")[0], b"GET /mirror/odd HTTP/1.1")
    same(untouched(arrived, PROXY), [tuple(line.split(b": ", 1)) for line in [b"X-Dev: bytes", *odd_ones]])


@fact
async def targets_arrive_as_they_were_sent(where):
    for path in ["/mirror/%7Ea/%2F/b%20c?q=%41&&=;x", "/mirror//double///", "/mirror/./a/../b", "/mirror/u?x=%FC"]:
        _, arrived = parted(await ask(where.through, request(path, LAST)))
        same(arrived.split(b"\r\n")[0], f"GET {path} HTTP/1.1".encode())


@fact
async def headers_of_answers_arrive_in_their_order_and_case(where):
    head, _ = parted(await ask(where.through, request("/odd", LAST)))
    same(untouched(head, ANSWER_PROXY), [tuple(line.rstrip().split(b": ", 1)) for line in ODD_ANSWER])


@fact
async def requests_in_one_breath_are_answered_in_their_order(where):
    asked = [request("/mirror/1"), request("/mirror/2", method=b"POST", body=b"x"), request("/mirror/3", LAST)]
    answer = await ask(where.through, b"".join(asked))
    same([line for line in answer.split(b"\r\n") if line.endswith(b"HTTP/1.1")],
         [b"GET /mirror/1 HTTP/1.1", b"POST /mirror/2 HTTP/1.1", b"GET /mirror/3 HTTP/1.1"])


@fact
async def http_1_0_stays_http_1_0(where):
    head, arrived = parted(await ask(where.through, request("/old", version=b"1.0")))
    same(arrived.split(b"\r\n")[0], b"GET /old HTTP/1.0")
    same(b"transfer-encoding" in head.lower(), False)


@fact
async def an_answer_without_a_length_ends_where_it_ends(where):
    for version, tail in [(b"1.0", b"until the end"), (b"1.1", b"0\r\n\r\n")]:
        _, body = parted(await ask(where.through, request(f"/until-close/{version.decode()}", LAST, version=version)))
        same(body.endswith(tail), True, f"whether {body} ends")


@fact
async def trailers_arrive(where):
    _, body = parted(await ask(where.through, request("/trailers", LAST)))
    chunks, _, came = body.partition(b"\r\n0\r\n")
    same(chunks.endswith(b"hello"), True)
    same(came, b"X-Sum: 42\r\nx-other: a\r\n\r\n")


@fact
async def an_early_answer_reaches_a_caller_that_still_sends(where):
    reader, writer = await asyncio.open_connection(*where.through)
    writer.write(request("/early", b"Content-Length: %d" % LONG, method=b"POST") + b"x" * 100_000)
    answer = await reader.readuntil(b"too long")
    same(answer.split(b"\r\n")[0], b"HTTP/1.1 413 Too Long")
    writer.close()


@fact
async def an_early_hint_arrives_before_the_answer(where):
    answer = await ask(where.through, request("/hints", LAST))
    same([line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1")],
         [b"HTTP/1.1 103 Early Hints", b"HTTP/1.1 200 OK"])
    same(b"Link: </a.css>" in answer and answer.endswith(b"hinted"), True)


@fact
async def an_answer_that_is_cut_off_is_seen_as_cut_off(where):
    answer = await ask(where.through, request("/cut", LAST))
    same(answer is None or answer.endswith(b"\r\n\r\n" + b"c" * 10), True, f"whether {answer} is cut")
    answer = await ask(where.through, request("/cut-chunks", LAST))
    same(answer is None or (b"hello" in answer and not answer.endswith(b"0\r\n\r\n")), True, f"whether {answer} is cut")
    same(await ask(where.through, request("/nothing", LAST)) in (None, b""), True, "whether nothing is answered")


@fact
async def a_program_sees_that_its_caller_left(where):
    reader, writer = await asyncio.open_connection(*where.through)
    writer.write(request("/endless/gone"))
    await reader.readuntil(b"e" * 10)
    writer.close()
    _, body = parted(await ask(where.through, request("/has-left/gone", LAST)))
    same(body, b"it has")


main(serve)

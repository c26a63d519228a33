"""gRPC with grpcio on both sides. Messages are bytes: what they mean is nobody's business on the way."""

import asyncio
import contextlib

import grpc

from facts import fact, main, same

SERVICE = "interop.Echo"
MARK = ("x-dev", "grpc")
LONG = 4 * 1024 * 1024
ANY_SIZE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
STRANGE_WORDS = "größer als 50 %\nzweite Zeile: \u2713"


class Echo:
    """The local program."""

    def __init__(self):
        # How calls ended that were given up, by their key.
        self.given_up = {}

    async def unary(self, request, context):
        return request

    async def metadata(self, request, context):
        sent = context.invocation_metadata()
        kept = [(key, value) for key, value in sent if key.startswith("x-") and key != MARK[0]]
        await context.send_initial_metadata(kept)
        context.set_trailing_metadata(kept)
        return request

    async def refuse(self, request, context):
        details = (("grpc-status-details-bin", b"\x08\x09\x12\x03why"),)
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, STRANGE_WORDS, details)

    async def refuse_late(self, request, context):
        yield b"first"
        await context.abort(grpc.StatusCode.DATA_LOSS, STRANGE_WORDS)

    async def count(self, request, context):
        for number in range(int(request)):
            yield str(number).encode()

    async def join(self, requests, context):
        return b"|".join([request async for request in requests])

    async def answer_each(self, requests, context):
        async for request in requests:
            yield b"re: " + request

    async def hang(self, request, context):
        yield b"hanging"
        ended = self.given_up.setdefault(request, asyncio.get_running_loop().create_future())
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.set_result(b"cancelled")
            raise

    async def how_it_ended(self, request, context):
        ended = self.given_up.setdefault(request, asyncio.get_running_loop().create_future())
        return await ended


@contextlib.asynccontextmanager
async def serve():
    echo = Echo()
    unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
    methods = {
        "Unary": unary(echo.unary),
        "Metadata": unary(echo.metadata),
        "Refuse": unary(echo.refuse),
        "RefuseLate": stream(echo.refuse_late),
        "Count": stream(echo.count),
        "Join": grpc.stream_unary_rpc_method_handler(echo.join),
        "AnswerEach": grpc.stream_stream_rpc_method_handler(echo.answer_each),
        "Hang": stream(echo.hang),
        "HowItEnded": unary(echo.how_it_ended),
        "Long": unary(echo.unary),
        "Packed": unary(echo.unary),
        "Kept": unary(echo.unary),
    }
    server = grpc.aio.server(options=ANY_SIZE)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield port
    await server.stop(grace=None)


@contextlib.asynccontextmanager
async def channel(where, **options):
    host, port = where.through
    async with grpc.aio.insecure_channel(f"{host}:{port}", options=ANY_SIZE, **options) as made:
        yield made


def named(method):
    return f"/{SERVICE}/{method}"


@fact
async def a_unary_call_is_answered(where):
    async with channel(where) as made:
        same(await made.unary_unary(named("Unary"))(b"\x0a\x03sku", metadata=(MARK,)), b"\x0a\x03sku")


@fact
async def an_empty_message_is_a_message(where):
    async with channel(where) as made:
        same(await made.unary_unary(named("Unary"))(b"", metadata=(MARK,)), b"")


@fact
async def an_answer_is_streamed(where):
    async with channel(where) as made:
        call = made.unary_stream(named("Count"))(b"500", metadata=(MARK,))
        same([message async for message in call], [str(number).encode() for number in range(500)])
        same(await call.code(), grpc.StatusCode.OK)


@fact
async def a_request_is_streamed(where):
    async def parts():
        for number in range(100):
            yield str(number).encode()

    async with channel(where) as made:
        answer = await made.stream_unary(named("Join"))(parts(), metadata=(MARK,))
        same(answer, b"|".join(str(number).encode() for number in range(100)))


@fact
async def both_sides_speak_in_turns(where):
    async with channel(where) as made:
        call = made.stream_stream(named("AnswerEach"))(metadata=(MARK,))
        # Each is sent only once the one before is answered: nothing on the way may wait for more.
        for number in range(50):
            message = str(number).encode()
            await call.write(message)
            same(await call.read(), b"re: " + message)
        await call.done_writing()
        same(await call.read(), grpc.aio.EOF)
        same(await call.code(), grpc.StatusCode.OK)


@fact
async def metadata_comes_back_in_headers_and_trailers(where):
    sent = (MARK, ("x-plain", "a b, c"), ("x-many", "one"), ("x-many", "two"), ("x-any-bin", bytes(range(256))))
    async with channel(where) as made:
        call = made.unary_unary(named("Metadata"))(b"", metadata=sent)
        await call
        wanted = sorted(sent[1:])
        ours = {key for key, _ in wanted}
        for came, what in [(await call.initial_metadata(), "headers"), (await call.trailing_metadata(), "trailers")]:
            same(sorted((key, value) for key, value in came if key in ours), wanted, what)


async def refusal(call):
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("the call was answered")


@fact
async def a_refusal_keeps_its_code_its_words_and_its_details(where):
    async with channel(where) as made:
        error = await refusal(made.unary_unary(named("Refuse"))(b"", metadata=(MARK,)))
        same((error.code(), error.details()), (grpc.StatusCode.FAILED_PRECONDITION, STRANGE_WORDS))
        same(dict(error.trailing_metadata())["grpc-status-details-bin"], b"\x08\x09\x12\x03why")


@fact
async def a_stream_that_fails_keeps_what_came_before(where):
    async with channel(where) as made:
        call = made.unary_stream(named("RefuseLate"))(b"", metadata=(MARK,))
        same(await call.read(), b"first")
        error = await refusal(call.read())
        same((error.code(), error.details()), (grpc.StatusCode.DATA_LOSS, STRANGE_WORDS))


@fact
async def an_unknown_method_is_unimplemented(where):
    async with channel(where) as made:
        error = await refusal(made.unary_unary(named("Nothing"))(b"", metadata=(MARK,)))
        same(error.code(), grpc.StatusCode.UNIMPLEMENTED)


@fact
async def a_deadline_ends_the_call_on_both_sides(where):
    async with channel(where) as made:
        call = made.unary_stream(named("Hang"))(b"late", metadata=(MARK,), timeout=2)
        same(await call.read(), b"hanging")
        error = await refusal(call.read())
        same(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        same(await made.unary_unary(named("HowItEnded"))(b"late", metadata=(MARK,)), b"cancelled")


@fact
async def a_program_hears_that_its_caller_cancelled(where):
    async with channel(where) as made:
        call = made.unary_stream(named("Hang"))(b"away", metadata=(MARK,))
        same(await call.read(), b"hanging")
        call.cancel()
        same(await made.unary_unary(named("HowItEnded"))(b"away", metadata=(MARK,)), b"cancelled")


@fact
async def a_message_of_4_mb_passes_both_ways(where):
    message = bytes(range(256)) * (LONG // 256)
    async with channel(where) as made:
        answer = await made.unary_unary(named("Long"))(message, metadata=(MARK,))
        same(answer == message, True, "whether the answer is the request")


@fact
async def compressed_messages_stay_compressed(where):
    async with channel(where, compression=grpc.Compression.Gzip) as made:
        answer = await made.unary_unary(named("Packed"))(b"\x0a\x80\x10" + b"a" * 2048, metadata=(MARK,))
        same(answer, b"\x0a\x80\x10" + b"a" * 2048)


@fact
async def a_kept_channel_serves_200_calls(where):
    async with channel(where) as made:
        ask = made.unary_unary(named("Kept"))
        for number in range(100):
            message = str(number).encode()
            same(await ask(message, metadata=(MARK,)), message)
        # And as many at once.
        messages = [str(number).encode() for number in range(100, 200)]
        same(list(await asyncio.gather(*(ask(message, metadata=(MARK,)) for message in messages))), messages)


main(serve)

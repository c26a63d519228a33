"""How a program of this folder tells which facts hold.

`serve` starts the local program and prints the ports it listens on as one line of JSON; it ends with its standard input.
`ask` is the caller: it tries each fact and prints a line of JSON for it, and at last a line that says how many there were.
Deliberately absent: judging; whoever runs these programs reads the lines.
"""

import asyncio
import json
import logging
import sys
import traceback

# Longer than any fact takes on a machine that does much else; what takes longer hangs.
LIMIT = 30

_facts = []


def fact(ask):
    """Marks a coroutine as a fact: it returns if the fact holds. Its name is the fact."""
    _facts.append(ask)
    return ask


def same(found, wanted, what="it"):
    """Fails unless both are equal, and shows them, but not megabytes of them."""
    if found != wanted:
        raise AssertionError(f"{what} is {_short(found)}, not {_short(wanted)}")


def _short(value):
    text = repr(value)
    return text if len(text) < 400 else f"{text[:300]}… ({len(text)} long)"


def tell(value):
    print(json.dumps(value), flush=True)


async def _try(ask, where):
    failed = None
    try:
        await asyncio.wait_for(ask(where), LIMIT)
    except Exception:
        failed = traceback.format_exc()
    tell({"fact": ask.__name__.replace("_", " "), "failed": failed})


async def _ask_all(where):
    for ask in _facts:
        await _try(ask, where)
    tell({"facts": len(_facts)})


async def _until_left(serve):
    """Serves until whoever started us is gone."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with serve() as port:
        tell({"port": port})
        await reader.read()


class Where:
    """Where to ask: through the cluster, and the local program itself."""

    def __init__(self, through, direct):
        self.through, self.direct = _address(through), _address(direct)


def _address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def main(serve):
    # Libraries log what goes wrong, and here much does on purpose.
    logging.disable()
    if sys.argv[1] == "serve":
        asyncio.run(_until_left(serve))
    else:
        asyncio.run(_ask_all(Where(*sys.argv[2:4])))

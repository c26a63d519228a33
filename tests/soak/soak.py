"""Lets much pass an intercept for a long time, and says whether anything grows.

The whole path: callers, the sandbox's Service, NGINX, agent, relay, tap with recording on, a local program. Every ten seconds
the memory, open files and threads of each kind of process and the store's size go to a CSV; at the end the medians of the
first and last quarter after a warm-up are compared. In the warm-up the session is stopped for a moment now and then, as a
busy machine does at any time: requests pile up behind it, and allocators keep what that took. Needs `scripts/soak.sh`, which builds and finds what this takes.
"""

import argparse
import asyncio
import contextlib
import csv
import json
import os
import pathlib
import signal
import sqlite3
import statistics
import sys
import tempfile
import time

import callers

HERE = pathlib.Path(__file__).parent
NAMESPACE, SERVICE = "shop", "catalog"
START_LIMIT = 60
# Shorter than an agent waits for a sign of life, so that nothing may be lost.
STALL = 1.2
STALL_EVERY = 15
# What may differ between two quarters without anything growing: beside the tenth, this much of each measure.
GROWTH = 0.10
SLACK = {"rss_kb": 2_000, "files": 6, "threads": 2, "store_file_kb": 20_000, "store_rows": 1_000, "wal_kb": 20_000}


class Processes:
    """The sandbox with its agents and NGINXes, and the session."""

    def __init__(self, folder, program, nginx):
        self.folder, self.program, self.nginx = folder, program, nginx
        self.environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
        self.kubeconfig = folder / "kubeconfig"

    async def run(self, *arguments, **more):
        # A shell starts its background commands with SIGINT ignored, and their children would inherit that.
        def hear_interrupts():
            signal.signal(signal.SIGINT, signal.default_int_handler)

        return await asyncio.create_subprocess_exec(
            self.program, *arguments, env=self.environment, cwd=self.folder, preexec_fn=hear_interrupts, **more
        )

    async def sandbox(self):
        with open(self.folder / "sandbox.log", "wb") as log:
            self.cluster = await self.run(
                "sandbox", "--alone", "--nginx", self.nginx, "--write-kubeconfig", self.kubeconfig, stdout=log, stderr=log
            )
        await until(lambda: self.kubeconfig.exists(), "the sandbox")

    async def services(self):
        asked = await self.run(
            "--kubeconfig", self.kubeconfig, "-n", NAMESPACE, "-o", "json", "services", stdout=asyncio.subprocess.PIPE
        )
        output, _ = await asked.communicate()
        return json.loads(output)["services"]

    async def address(self):
        for _ in range(START_LIMIT):
            for service in await self.services():
                if service["name"] == SERVICE and service["ready"]:
                    return service["clusterIp"], service["ports"][0]["port"]
            await asyncio.sleep(1)
        raise SystemExit(f"{SERVICE} does not become ready")

    async def intercept(self, port):
        log = self.folder / "session.log"
        with open(log, "wb") as to:
            self.session = await self.run(
                "--kubeconfig", self.kubeconfig, "-n", NAMESPACE, "start", SERVICE, "--to", str(port), "--quiet", stdout=to, stderr=to
            )
        await until(lambda: "Ready in" in log.read_text(), "the intercept")

    def ids(self):
        """Process ids by what they are."""
        found = {"session": [self.session.pid], "sandbox": [self.cluster.pid], "agent": [], "nginx": []}
        found["local"] = [self.local.pid]
        parents, names = {}, {}
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text()
                names[int(entry.name)] = stat[stat.index("(") + 1 : stat.rindex(")")]
                parents[int(entry.name)] = int(stat[stat.rindex(")") + 2 :].split()[1])
        for process, name in names.items():
            above = process
            while above not in (0, 1, self.cluster.pid):
                above = parents.get(above, 0)
            if above == self.cluster.pid and process != above:
                kind = "nginx" if name == "nginx" else "agent" if name.startswith("intercept-agent") else None
                if kind:
                    found[kind].append(process)
        return found

    async def end(self):
        for process in (self.session, self.cluster):
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            try:
                await asyncio.wait_for(process.wait(), START_LIMIT)
            except TimeoutError:
                process.kill()


async def until(holds, what):
    for _ in range(START_LIMIT * 10):
        if holds():
            return
        await asyncio.sleep(0.1)
    raise SystemExit(f"{what} does not come up; see the logs beside the samples")


def usage(process):
    """Memory in kB, open files, threads."""
    folder = pathlib.Path(f"/proc/{process}")
    lines = (folder / "status").read_text().splitlines()
    fields = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("VmRSS", "Threads"))}
    return int(fields["VmRSS"]), len(os.listdir(folder / "fd")), int(fields["Threads"])


class Samples:
    """What was seen, written as it comes."""

    def __init__(self, processes, made, path):
        self.processes, self.callers = processes, made
        self.began = time.monotonic()
        self.rows = []
        self.file = open(path, "w", newline="", buffering=1)
        self.writer = None
        self.store = processes.folder / ".local/share/intercept/requests/exchanges.db"

    def of_processes(self):
        row = {}
        for kind, ids in self.processes.ids().items():
            seen = []
            for one in ids:
                with contextlib.suppress(OSError, KeyError):
                    seen.append(usage(one))
            row |= {f"{kind}_count": len(seen)}
            for index, what in enumerate(("rss_kb", "files", "threads")):
                row[f"{kind}_{what}"] = sum(one[index] for one in seen)
        return row

    def of_store(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=5)) as reader:
            number, rows, size = reader.execute("SELECT number, count, bytes FROM meta").fetchone()
            gaps = reader.execute("SELECT count(*) FROM gap").fetchone()[0]
        log = self.store.with_name("exchanges.db-wal")
        return {
            "recorded": number - 1,
            "store_rows": rows,
            "store_kb": size // 1024,
            "gaps": gaps,
            "store_file_kb": self.store.stat().st_size // 1024,
            "wal_kb": log.stat().st_size // 1024 if log.exists() else 0,
        }

    def take(self):
        made = self.callers
        row = {"seconds": round(time.monotonic() - self.began), "answered": sum(made.counts.values())}
        row |= {"lost": made.lost_count, "left_out": made.left_out, "under_way": len(made.under_way)}
        row |= self.of_processes() | self.of_store()
        if self.writer is None:
            self.writer = csv.DictWriter(self.file, row)
            self.writer.writeheader()
        self.writer.writerow(row)
        self.rows.append(row)


def verdict(rows, warm_up):
    """Lines about each measure, and whether none has grown."""
    warm = [row for row in rows if row["seconds"] >= warm_up]
    quarter = len(warm) // 4
    if quarter < 3:
        return [f"too short: {len(warm)} samples after the warm-up"], False
    lines, is_flat = [], True
    for name in rows[0]:
        # The local program is not ours; it is sampled to tell its troubles from ours.
        what = next((measure for measure in SLACK if name.endswith(measure) and not name.startswith("local_")), None)
        if what is None:
            continue
        first, last = (statistics.median(row[name] for row in part) for part in (warm[:quarter], warm[-quarter:]))
        grows = last > first * (1 + GROWTH) and last - first > SLACK[what]
        is_flat &= not grows
        lines.append(f"{name:20} {first:12.0f} {last:12.0f} {'GROWS' if grows else 'flat'}")
    return lines, is_flat


async def sample(samples, every):
    while True:
        await asyncio.sleep(every)
        samples.take()


async def stall(session, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        await asyncio.sleep(STALL_EVERY)
        session.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(STALL)
        finally:
            session.send_signal(signal.SIGCONT)


async def soak(order):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="soak-"))
    processes = Processes(folder, order.program, order.nginx)
    local = await asyncio.create_subprocess_exec(
        sys.executable, HERE / "program.py", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    processes.local = local
    port = int(await local.stdout.readline())
    await processes.sandbox()
    address = await processes.address()
    await processes.intercept(port)
    made = callers.Callers(address)
    samples = Samples(processes, made, order.csv)
    print(f"soak: {order.seconds} s at {order.rate}/s to {address}, samples in {order.csv}, logs in {folder}", flush=True)
    sampling = asyncio.create_task(sample(samples, order.every))
    # Whatever they leave is settled when judging begins.
    stalling = asyncio.create_task(stall(processes.session, order.warm_up * 0.8))
    try:
        await made.run(order.rate, order.seconds)
        # One that failed has measured nothing.
        if sampling.done():
            sampling.result()
    finally:
        sampling.cancel()
        stalling.cancel()
        local.kill()
        await processes.end()
    return report(samples, made, order)


def report(samples, made, order):
    last = samples.rows[-1]
    lines, is_flat = verdict(samples.rows, order.warm_up)
    print(f"answered {made.counts}, lost {made.lost_count}, left out {made.left_out}, recorded {last['recorded']}")
    print("\n".join(made.lost))
    print(f"{'':20} {'first quarter':>12} {'last quarter':>12}", *lines, sep="\n")
    passed = is_flat and not made.lost_count
    print("soak: passed" if passed else "soak: FAILED")
    return 0 if passed else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, help="interceptctl")
    parser.add_argument("--nginx", required=True)
    parser.add_argument("--csv", required=True, type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=7200)
    parser.add_argument("--rate", type=int, default=150, help="requests a second")
    parser.add_argument("--warm-up", type=int, default=900, help="seconds that are not judged: until the store is full")
    parser.add_argument("--every", type=float, default=10, help="seconds between samples")
    order = parser.parse_args()
    order.csv = order.csv.absolute()
    sys.exit(asyncio.run(soak(order)))


if __name__ == "__main__":
    main()

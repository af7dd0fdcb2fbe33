"""W7 in bytewax: one dataflow writes trades to a Redis stream, another reads them, keeps a signed flow by instrument and counts. usage: w7_bytewax.py --events N

Two processes, as two services; both have a source that can be resumed, and recovery is on with bytewax's default of one snapshot every 10 s. Prints one
JSON object; the clock runs from the first event to the last one counted, both processes ready before it starts.
"""
import argparse, json, multiprocessing, shutil, socket, subprocess, tempfile, time
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import bytewax.operators as op
import redis
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax._bytewax import cli_main

BATCH = 1000
INSTRUMENTS = 4


class Tape(FixedPartitionedSource):
    def __init__(self, events):
        self.events = events

    def list_parts(self):
        return ["tape"]

    def build_part(self, step_id, part, resume):
        return TapePart(self.events, resume or 0)


class TapePart(StatefulSourcePartition):
    def __init__(self, events, at):
        self.events, self.at = events, at

    def next_batch(self):
        if self.at >= self.events:
            raise StopIteration()
        end = min(self.at + BATCH, self.events)
        batch = [(str(i % INSTRUMENTS), i, 20000 + i % 97 / 10, 1 + i % 13, i % 3 == 0) for i in range(self.at, end)]
        self.at = end
        return batch

    def snapshot(self):
        return self.at


class ToStream(DynamicSink):
    def __init__(self, port):
        self.port = port

    def build(self, step_id, worker_index, worker_count):
        return ToStreamPart(redis.Redis(port=self.port))


class ToStreamPart(StatelessSinkPartition):
    def __init__(self, r):
        self.r = r

    def write_batch(self, items):
        p = self.r.pipeline(transaction=False)
        for key, i, px, qty, sell in items:
            p.xadd("trades", {"k": key, "i": i, "p": px, "q": qty, "s": int(sell)})
        p.execute()


class FromStream(FixedPartitionedSource):
    def __init__(self, port, events):
        self.port, self.events = port, events

    def list_parts(self):
        return ["trades"]

    def build_part(self, step_id, part, resume):
        return FromStreamPart(redis.Redis(port=self.port), self.events, *(resume or ("0", 0)))


class FromStreamPart(StatefulSourcePartition):
    def __init__(self, r, events, last, seen):
        self.r, self.events, self.last, self.seen = r, events, last, seen

    def next_batch(self):
        if self.seen >= self.events:
            raise StopIteration()
        read = self.r.xread({"trades": self.last}, count=BATCH, block=1000)
        if not read:
            return []
        entries = read[0][1]
        self.last = entries[-1][0]
        self.seen += len(entries)
        return [(f[b"k"].decode(), (float(f[b"p"]), float(f[b"q"]), f[b"s"] == b"1")) for _, f in entries]

    def snapshot(self):
        return (self.last, self.seen)


class Count(DynamicSink):
    def __init__(self, port, events):
        self.port, self.events = port, events

    def build(self, step_id, worker_index, worker_count):
        return CountPart(redis.Redis(port=self.port), self.events)


class CountPart(StatelessSinkPartition):
    def __init__(self, r, events):
        self.r, self.events, self.n = r, events, 0

    def write_batch(self, items):
        self.n += len(items)
        if self.n >= self.events:
            self.r.set("counted", self.n)
            self.r.set("ended", repr(time.monotonic()))


def signed_flow(s, trade):
    px, qty, sell = trade
    s = s or 0.0
    s += 0.01 * ((-px * qty if sell else px * qty) - s)
    return s, s


def run(flow, folder):
    recovery = Path(folder)
    recovery.mkdir()
    init_db_dir(recovery, 1)
    cli_main(flow, workers_per_process=1, epoch_interval=timedelta(seconds=10), recovery_config=RecoveryConfig(str(recovery)))


def send(port, events, folder, ready):
    flow = Dataflow("send")
    op.output("out", op.input("in", flow, Tape(events)), ToStream(port))
    ready.wait()
    redis.Redis(port=port).set("began", repr(time.monotonic()))
    run(flow, folder)


def receive(port, events, folder, ready):
    flow = Dataflow("receive")
    trades = op.input("in", flow, FromStream(port, events))
    op.output("out", op.stateful_map("flow", trades, signed_flow), Count(port, events))
    ready.wait()
    run(flow, folder)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--events", type=int, default=1_000_000)
    a = p.parse_args()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="chimera-bytewax-")
    server = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder],
                              stdout=subprocess.DEVNULL)
    try:
        r = redis.Redis(port=port)
        for _ in range(100):
            try:
                r.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.05)
        ready = multiprocessing.Barrier(2)
        parts = [multiprocessing.Process(target=f, args=(port, a.events, f"{folder}/{f.__name__}", ready)) for f in (receive, send)]
        for part in parts:
            part.start()
        for part in parts:
            part.join()
        if any(part.exitcode != 0 for part in parts):
            raise SystemExit("a dataflow ended with an error")
        wall = float(r.get("ended")) - float(r.get("began"))
        print(json.dumps({"version": version("bytewax"), "rows": a.events, "wall_s": wall, "result": [int(r.get("counted"))]}))
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

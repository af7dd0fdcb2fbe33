"""What every Python peer shares: arguments, the clock, fills, the answer.

usage of a peer: SCRIPT WORKLOAD INPUT… [--fills FILE.csv] [--mode MODE]
It prints one JSON object: rows, fills, cpu_s and wall_s (from opening the input to the last fill), process_cpu_s (with starting
Python and importing), peak_rss_mb of the whole process.
"""
import argparse, json, os, resource, sys, time
from importlib.metadata import version


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("workload", choices=["w1", "w2", "w3", "w5"])
    p.add_argument("input", nargs="+")
    p.add_argument("--fills")
    p.add_argument("--mode", default="")
    p.add_argument("--sets", type=int, default=0)
    return p.parse_args()


def symbol(path):
    """The key that Chimera gives to a candle file."""
    return os.path.basename(path).removesuffix(".parquet")


class Clock:
    def __init__(self):
        self.cpu, self.wall = time.process_time(), time.perf_counter()

    def stop(self):
        self.cpu, self.wall = time.process_time() - self.cpu, time.perf_counter() - self.wall


def answer(package, clock, rows, fills, path=None, **more):
    """fills: rows of (time_ms, symbol, side, price, qty), in the engine's own order. The answer is printed, fills are written."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if path:
        with open(path, "w") as f:
            f.write("time_ms,symbol,side,price,qty\n")
            for t, key, side, price, qty in fills:
                f.write(f"{int(t)},{key},{side},{price!r},{qty!r}\n")
    sys.stdout.flush()
    json.dump({"version": version(package), "rows": rows, **({"fills": len(fills)} if fills else {}), "cpu_s": clock.cpu, "wall_s": clock.wall,
               "process_cpu_s": time.process_time(), "peak_rss_mb": peak, **more}, sys.__stdout__)
    sys.__stdout__.write("\n")

"""W0 in csp: a chain or diamonds in a row, of its own C++ nodes or of Python ones. usage: w0_csp.py cpp|python --kind chain|diamond --nodes N --ticks N

Prints one JSON object. `ns_per_node_cycle` is the slope: the cost of the graph less that of the same graph without the nodes
(source, engine loop and output alone), over nodes and ticks; `ns_with_source` leaves nothing off. Left out: starting Python, building the graph's inputs.
"""
import argparse, json, time
from datetime import datetime, timedelta
from importlib.metadata import version

import csp
import numpy as np
from csp import ts

START = datetime(2020, 1, 1)


@csp.node
def add(x: ts[float], c: float) -> ts[float]:
    if csp.ticked(x):
        return x + c


@csp.node
def subtract(x: ts[float], c: float) -> ts[float]:
    if csp.ticked(x):
        return x - c


@csp.node
def multiply(x: ts[float], c: float) -> ts[float]:
    if csp.ticked(x):
        return x * c


@csp.node
def divide(x: ts[float], c: float) -> ts[float]:
    if csp.ticked(x):
        return x / c


@csp.node
def negate(x: ts[float]) -> ts[float]:
    if csp.ticked(x):
        return -x


@csp.node
def at_least(x: ts[float], c: float) -> ts[float]:
    if csp.ticked(x):
        return max(x, c)


@csp.node
def at_most(x: ts[float], c: float) -> ts[float]:
    if csp.ticked(x):
        return min(x, c)


@csp.node
def absolute(x: ts[float]) -> ts[float]:
    if csp.ticked(x):
        return abs(x)


@csp.node
def both(x: ts[float], y: ts[float]) -> ts[float]:
    if csp.ticked(x, y):
        return x + y


def in_cpp(i, x):
    """Eight operations in turn, as in w0-run.ts; those with a constant are csp's C++ nodes of two inputs, of which one ticks."""
    k = i % 8
    if k == 0: return x + 0.1 * (i + 1)
    if k == 1: return x * 0.99
    if k == 2: return -x
    if k == 3: return csp.max(x, csp.const(-1e6))
    if k == 4: return x - 0.3
    if k == 5: return csp.min(x, csp.const(1e6))
    if k == 6: return csp.abs(x)
    return x / 1.01


def in_python(i, x):
    k = i % 8
    if k == 0: return add(x, 0.1 * (i + 1))
    if k == 1: return multiply(x, 0.99)
    if k == 2: return negate(x)
    if k == 3: return at_least(x, -1e6)
    if k == 4: return subtract(x, 0.3)
    if k == 5: return at_most(x, 1e6)
    if k == 6: return absolute(x)
    return divide(x, 1.01)


def build(way, kind, nodes, times, values):
    x = csp.curve(float, (times, values))
    if kind == "diamond":
        for _ in range(nodes // 3):
            x = (x * 0.45) + (x * 0.5) if way == "cpp" else both(multiply(x, 0.45), multiply(x, 0.5))
    else:
        for i in range(nodes):
            x = in_cpp(i, x) if way == "cpp" else in_python(i, x)
    csp.add_graph_output("sum", csp.accum(x), tick_count=1)


def measure(way, kind, nodes, ticks):
    values = (np.arange(ticks) * 7919 % 1000) / 1000 - 0.5  # the same doubles everywhere; sines differ in the last bit
    times = np.datetime64(START) + np.arange(1, ticks + 1) * np.timedelta64(1, "us")
    times = times.astype("datetime64[ns]")

    @csp.graph
    def g():
        build(way, kind, nodes, times, values)

    cpu, wall = time.process_time(), time.perf_counter()
    out = csp.run(g, starttime=START, endtime=START + timedelta(microseconds=ticks + 1))
    return time.process_time() - cpu, time.perf_counter() - wall, out["sum"][0][1]


p = argparse.ArgumentParser()
p.add_argument("way", choices=["cpp", "python"])
p.add_argument("--kind", choices=["chain", "diamond"], default="chain")
p.add_argument("--nodes", type=int, default=33)
p.add_argument("--ticks", type=int, default=400_000)
a = p.parse_args()
measure(a.way, a.kind, 3, 1000)
empty, _, _ = measure(a.way, a.kind, 0, a.ticks)
cpu, wall, total = measure(a.way, a.kind, a.nodes, a.ticks)
rows = a.nodes * a.ticks
print(json.dumps({
    "version": version("csp"), "rows": rows, "result": [total], "cpu_s": cpu, "wall_s": wall,
    "ns_per_node_cycle": (cpu - empty) * 1e9 / rows, "ns_with_source": cpu * 1e9 / rows,
}))

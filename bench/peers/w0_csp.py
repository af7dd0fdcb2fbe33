"""W0 in csp: a chain of its own C++ nodes, a chain of Python nodes, and diamonds in a row. usage: w0_csp.py chain|diamond|python --nodes N --ticks N

Prints one JSON object. `ns_per_node_cycle` is the slope: the cost of the graph less that of the same graph without the nodes
(source, engine loop and output alone), over nodes and ticks; `ns_with_source` leaves nothing off. Left out: starting Python, building the graph's inputs.
"""
import argparse, json, resource, time
from datetime import datetime, timedelta
from importlib.metadata import version

import csp
import numpy as np
from csp import ts

START = datetime(2020, 1, 1)


@csp.node
def py_scale(x: ts[float], by: float, plus: float) -> ts[float]:
    if csp.ticked(x):
        return x * by + plus


def step(i, x):
    """Eight operations in turn, as in w0.ts; those with a constant are csp's C++ nodes of two inputs, of which one ticks."""
    k = i % 8
    if k == 0: return x + 0.1 * (i + 1)
    if k == 1: return x * 0.99
    if k == 2: return -x
    if k == 3: return csp.max(x, csp.const(-1e6))
    if k == 4: return x - 0.3
    if k == 5: return csp.min(x, csp.const(1e6))
    if k == 6: return csp.abs(x)
    return x / 1.01


def build(kind, nodes, times, values):
    x = csp.curve(float, (times, values))
    if kind == "diamond":
        for _ in range(nodes // 3):
            x = (x * 0.45) + (x * 0.5)
    elif kind == "python":
        for i in range(nodes):
            x = py_scale(x, 0.99, 0.1 * (i + 1))
    else:
        for i in range(nodes):
            x = step(i, x)
    csp.add_graph_output("sum", csp.accum(x), tick_count=1)


def measure(kind, nodes, ticks):
    values = (np.arange(ticks) * 7919 % 1000) / 1000 - 0.5  # the same doubles everywhere; sines differ in the last bit
    times = np.datetime64(START) + np.arange(1, ticks + 1) * np.timedelta64(1, "us")
    times = times.astype("datetime64[ns]")

    @csp.graph
    def g():
        build(kind, nodes, times, values)

    cpu, wall = time.process_time(), time.perf_counter()
    out = csp.run(g, starttime=START, endtime=START + timedelta(microseconds=ticks + 1))
    return time.process_time() - cpu, time.perf_counter() - wall, out["sum"][0][1]


p = argparse.ArgumentParser()
p.add_argument("kind", choices=["chain", "diamond", "python"])
p.add_argument("--nodes", type=int, default=33)
p.add_argument("--ticks", type=int, default=200_000)
a = p.parse_args()
measure(a.kind, 3, 1000)
empty, _, _ = measure(a.kind, 0, a.ticks)
cpu, wall, total = measure(a.kind, a.nodes, a.ticks)
print(json.dumps({
    "workload": "w0", "engine": "csp", "version": version("csp"), "kind": a.kind, "nodes": a.nodes, "ticks": a.ticks, "sum": total,
    "cpu_s": cpu, "wall_s": wall, "ns_per_node_cycle": (cpu - empty) * 1e9 / (a.nodes * a.ticks), "ns_with_source": cpu * 1e9 / (a.nodes * a.ticks),
    "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))

"""W1 and W5 in vectorbt: whole columns at once, no events; what such a computation can reach at most.

W1: hourly closes and their EMAs by column, an order of target amount at the minute after an hour closed, at its open.
W5 (--sets 50 or 200), mode 1m: the same for all sets on the one-minute rows, in groups of 50 columns; mode 1h: on the hourly rows alone,
whose orders fill at the next hour's open. Its compiled functions are called once on few rows before the clock starts.
"""
import csv
from itertools import product

from peer import Clock, answer, arguments, symbol

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import vectorbt as vbt

a = arguments()
START, FEE, WARMUP = 100_000, 0.0005, 30


def sets(n):
    """Pairs of fast and slow: the same as in w5.ts."""
    if n == 0:
        return [(10, 30)]
    return list(product(range(5, 15), range(20, 41, 5))) if n == 50 else list(product(range(5, 25), range(30, 76, 5)))


def portfolio(t, pairs, minutes):
    col = lambda n: t.column(n).to_numpy()
    time, open_, close = col("open_time_ms"), col("open"), col("close")
    hours = len(close) // 60
    hourly = close[59 : hours * 60 : 60]
    s = pd.Series(hourly)
    periods = sorted({p for pair in pairs for p in pair})
    emas = {p: s.ewm(alpha=2 / (p + 1), adjust=False).mean().to_numpy() for p in periods}
    side = np.column_stack([np.sign(emas[f] - emas[sl]) for f, sl in pairs])
    side[: WARMUP - 1] = 0
    # A target is ordered where the side changes; equal averages change nothing.
    side = pd.DataFrame(side).replace(0, np.nan).ffill().to_numpy()
    changed = ~np.isnan(side) & (side != np.vstack([np.full(len(pairs), np.nan), side[:-1]]))
    target = np.where(changed, 0.1 * side, np.nan)
    last = -1 if hours * 60 == len(close) else None  # decided with the last candle: no open follows
    at = np.arange(1, hours + 1) * 60
    if minutes:
        size = np.full((len(close), len(pairs)), np.nan)
        size[at[:last]] = target[:last]
        index, price, value = time, open_, close
    else:
        size = np.full((hours, len(pairs)), np.nan)
        size[1:] = target[:-1]
        index, price, value = time[: hours * 60 : 60], open_[: hours * 60 : 60], hourly
    index = pd.to_datetime(index, unit="ms")
    return vbt.Portfolio.from_orders(pd.Series(value, index), pd.DataFrame(size, index), size_type="targetamount",
                                     price=pd.Series(price, index), fees=FEE, init_cash=START, freq="1min" if minutes else "1h")


def run(t, pairs, minutes):
    out = []
    for i in range(0, len(pairs), 50):
        group = pairs[i : i + 50]
        pf = portfolio(t, group, minutes)
        records = pf.orders.values
        counts = np.bincount(records["col"], minlength=len(group))
        final = np.atleast_1d(pf.final_value())
        out += [(*p, int(c), float(v)) for p, c, v in zip(group, counts, final)]
    return out, records


path = a.input[0]
minutes = a.mode != "1h"
warm = pq.read_table(path).slice(0, 60 * 60)
run(warm, sets(a.sets)[:2], minutes)
clock = Clock()
table = pq.read_table(path, columns=["open_time_ms", "open", "close"])
results, records = run(table, sets(a.sets), minutes)
clock.stop()
if a.workload == "w1":
    time = table.column("open_time_ms").to_numpy()
    fills = [(time[r["idx"]], symbol(path), "buy" if r["side"] == 0 else "sell", float(r["price"]), round(float(r["size"]), 9)) for r in records]
    answer("vectorbt", clock, table.num_rows, fills, a.fills)
else:
    if a.fills:
        with open(a.fills, "w") as f:
            csv.writer(f).writerows([("fast", "slow", "fills", "final_equity"), *results])
    answer("vectorbt", clock, table.num_rows * len(results), [], None, sets=len(results), all_fills=sum(r[2] for r in results))

"""W4's fills beside plain loops that fill by one convention or the other. usage: w4_conventions.py INPUT chimera|hftbacktest|nautilus=FILLS.csv…

Ours: a resting buy fills when a sell trade prints below its price, or at it once more than the quantity that stood ahead when it was
placed has traded there. hftbacktest's (RiskAverseQueueModel, NoPartialFillExchange) has two rules more:
- quote: it fills as well when the best ask comes down to its price;
- level: the quantity ahead is never more than what the level shows, and a level that is not the best one shows nothing.
NautilusTrader's (1.221) has the first of them and this one instead of ours:
- buyers: a buyer's trade puts the ask on its price until the next quote, so that it fills a resting buy at or above it; a seller's trade
  fills none. No more fills than the tick's quantity; what is left rests on, or is sold one step lower. An order of five seconds ends behind the row that comes then.

Each loop is the whole strategy, as an order depends on the fills before it. Prints a list of {engine, by, ok, found}.
"""
import csv, json, sys

import numpy as np
import pyarrow.parquet as pq
from numba import njit

CANCEL_AFTER_US = 5_000_000
QTY = 10
CAUSES = ["trade at the price, the quantity ahead traded", "trade at the price, the quantity ahead gone from the level", "trade below the price",
          "ask down to the price"]


@njit
def loop(ts, is_trade, bid, bid_qty, ask, ask_qty, price, qty, is_buy, imbalance, quote, level, buyers, fills):
    """Prices in ticks, quantities in lots. fills: time (µs), side, price, cause of a buy, quantity. @returns their number"""
    n, held, resting, px, until, ahead, queued, left, best = 0, 0, False, 0, 0, 0, 0, 0, 0
    for i in range(len(ts)):
        if resting and until <= ts[i] and not buyers:
            resting = False
        cause, most = -1, QTY
        if is_trade[i]:
            if buyers:
                best = price[i] if is_buy[i] else max(best, price[i])
                if resting and best <= px:
                    cause, most = 3, qty[i]
            elif resting and not is_buy[i]:
                if price[i] < px:
                    cause = 2
                elif price[i] == px:
                    ahead -= qty[i]
                    queued -= qty[i]
                    if ahead < 0:
                        cause = 0 if queued < 0 else 1
        else:
            best = ask[i]
        if resting and not is_trade[i]:
            if quote and ask[i] <= px:
                cause = 3
                if buyers:
                    most = ask_qty[i]
            elif level:
                ahead = min(ahead, bid_qty[i] if bid[i] == px else 0)
        if cause >= 0:
            q = min(left, most)
            n = put(fills, n, ts[i], 1, px, cause, q)
            held += q
            left -= q
            resting = left > 0
        if resting and until <= ts[i]:
            resting = False
        if is_trade[i]:
            continue
        if held > 0 and not resting:
            if imbalance[i] < 0:
                q = min(held, bid_qty[i]) if buyers else held
                n = put(fills, n, ts[i], -1, bid[i], -1, q)
                if held > q:
                    n = put(fills, n, ts[i], -1, bid[i] - 1, -1, held - q)
                held = 0
        elif not resting and imbalance[i] > 0.6:
            resting, px, until, ahead, queued, left = True, bid[i], ts[i] + CANCEL_AFTER_US, bid_qty[i], bid_qty[i], QTY
    return n


@njit
def put(fills, n, t, side, px, cause, q):
    fills[n, 0], fills[n, 1], fills[n, 2], fills[n, 3], fills[n, 4] = t, side, px, cause, q
    return n + 1


t = pq.read_table(sys.argv[1])
col = lambda name: t.column(name).to_numpy()
whole = lambda name, per: np.round(col(name) * per).astype(np.int64)
bid_qty, ask_qty = whole("bid_qty", 1000), whole("ask_qty", 1000)
market = (col("ts_us"), col("is_trade"), whole("bid", 10), bid_qty, whole("ask", 10), ask_qty, whole("price", 10), whole("qty", 1000), col("is_buy"))
# Where a ratio is exactly 0.6, the file's doubles can come out a bit above it: whole numbers do not.
exact = (bid_qty - ask_qty) / (bid_qty + ask_qty)
doubles = (col("bid_qty") - col("ask_qty")) / (col("bid_qty") + col("ask_qty"))


def by(imbalance, rules):
    fills = np.zeros((t.num_rows // 2, 5), np.int64)
    return fills[: loop(*market, imbalance, "quote" in rules, "level" in rules, "buyers" in rules, fills)]


def written(path):
    with open(path) as f:
        rows = [(int(r["time_ms"]), 1 if r["side"] == "buy" else -1, round(float(r["price"]) * 10), round(float(r["qty"]) * 1000)) for r in csv.DictReader(f)]
    return np.array(rows, np.int64).reshape(-1, 4)


def told(fills):
    return np.column_stack([fills[:, 0] // 1000, fills[:, 1], fills[:, 2], fills[:, 4]])


def same(a, b):
    n = min(len(a), len(b))
    return int((a[:n] == b[:n]).all(axis=1).sum())


def beside(engine, theirs, rules):
    """Up to the last fill of the engine, which may have seen the first rows alone."""
    loops = [by(imbalance, rules) for imbalance in (exact, doubles)]
    mine = max(loops, key=lambda m: same(theirs, told(m)))
    if len(theirs):
        mine = mine[mine[:, 0] // 1000 <= theirs[-1, 0]]
    n = same(theirs, told(mine))
    ok = n == len(theirs) == len(mine) and n > 0
    found = f"{n} fills, all the same" if ok else f"{n} of {len(theirs)} the same, the loop has {len(mine)}"
    return mine, {"engine": NAMES[engine], "by": f"a plain loop with {' + '.join(RULES[r] for r in rules)}", "ok": ok, "found": found}


RULES = {"queue": "sellers' trades and the quantity ahead", "quote": "fills at quotes", "level": "nothing ahead beyond what the level shows", "buyers": "fills at buyers' trades"}
NAMES = {"chimera": "Chimera", "hftbacktest": "hftbacktest", "nautilus": "NautilusTrader"}
ENGINES = {"chimera": ["queue"], "hftbacktest": ["queue", "quote", "level"], "nautilus": ["quote", "buyers"]}
fills = {name: written(path) for name, path in (arg.split("=", 1) for arg in sys.argv[2:])}
out = []
for name, theirs in fills.items():
    mine, found = beside(name, theirs, ENGINES[name])
    out.append(found)
    if name == "hftbacktest":
        causes = np.bincount(mine[mine[:, 1] == 1, 3], minlength=4)
        common = len(set(map(tuple, fills["chimera"].tolist())) & set(map(tuple, theirs.tolist()))) if "chimera" in fills else 0
        alone = [len(by(doubles, ["queue", rule])) for rule in ("quote", "level")]
        out.append({"engine": NAMES[name], "by": "what differs from Chimera's", "ok": True,
                    "found": f"{common} of its {len(theirs)} fills are Chimera's; with its rule of quotes alone a loop makes {alone[0]}, with that of levels alone {alone[1]}; "
                             "its buys: " + ", ".join(f"{n} {c}" for n, c in zip(causes.tolist(), CAUSES))})
print(json.dumps(out))

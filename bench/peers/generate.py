"""Writes the inputs of the peers' workloads, the same bytes for every engine. usage: generate.py OUTDIR w1 [w2 …]   (numpy, pyarrow)

Seeded: with the versions of locks/inputs.txt the bytes are always the same. w1, w2 and w3 are geometric random walks of one-minute
candles whose open is the close before it; in w1g an open differs from the close before it, so that a fill at the wrong one shows.
The quick sizes (`w1q` …) are a tenth of the rows.
"""
import hashlib, json, os, sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq

START_MS = 1609459200000


def candles(seed, n, gaps=False, first=20000.0):
    r = np.random.default_rng(seed)
    t = np.arange(n)
    ret = r.normal(0, 0.0008, n) + 3e-5 * np.sin(2 * np.pi * t / (1440 * 7))
    close = np.round(first * np.exp(np.cumsum(ret)), 1)
    open_ = np.concatenate([[first], close[:-1]])
    if gaps:
        open_ = np.round(open_ * (1 + np.random.default_rng(seed + 1).normal(0, 0.0005, n)), 1)
    high = np.round(np.maximum(open_, close) * (1 + np.abs(r.normal(0, 0.0004, n))), 1)
    low = np.round(np.minimum(open_, close) * (1 - np.abs(r.normal(0, 0.0004, n))), 1)
    vol = np.round(r.uniform(1, 100, n), 3)
    return pa.table({"open_time_ms": START_MS + 60000 * t, "open": open_, "high": high, "low": low, "close": close, "volume": vol})


def ticks(seed, n):
    """Top of book in ticks of 0.1; a fifth of the rows are trades at the touch."""
    r = np.random.default_rng(seed)
    ts = START_MS * 1000 + np.cumsum(r.exponential(50_000, n).astype(np.int64) + 1)
    step = r.choice([-1, 0, 1], n, p=[.12, .76, .12])
    bid = 200000 + np.cumsum(step)
    spread = r.choice([1, 2, 3], n, p=[.8, .15, .05])
    ask = bid + spread
    bs = np.round(r.gamma(2, 3, n) + .001, 3)
    as_ = np.round(r.gamma(2, 3, n) + .001, 3)
    is_trade = r.random(n) < .2
    buy = r.random(n) < bs / (bs + as_)
    px = np.where(buy, ask, bid)
    q = np.round(r.gamma(1, .5, n) + .001, 3)
    return pa.table({"ts_us": ts, "is_trade": is_trade, "bid": bid / 10, "bid_qty": bs, "ask": ask / 10, "ask_qty": as_,
                     "price": px / 10, "qty": q, "is_buy": buy})


def trades(day, n):
    r = np.random.default_rng(600 + day)
    ts = START_MS * 1000 + day * 86_400_000_000 + np.sort(r.integers(0, 86_400_000_000, n))
    px = np.round(20000 + np.cumsum(r.choice([-.1, 0, .1], n, p=[.2, .6, .2])), 1)
    return pa.table({"ts_us": ts, "trade_id": np.arange(n) + day * n, "price": px, "qty": np.round(r.gamma(1, .5, n) + .001, 3),
                     "is_buyer_maker": r.random(n) < .5})


def save(table, path):
    pq.write_table(table, path + ".part", compression="zstd", row_group_size=131072)
    os.replace(path + ".part", path)
    return {"file": path, "rows": table.num_rows, "sha256": hashlib.sha256(open(path, "rb").read()).hexdigest()}


def files(what, out):
    quick = what.endswith("q")
    n = lambda rows: rows // 10 if quick else rows
    name = what.removesuffix("q")
    minutes = 4_380 if quick else 52_560  # whole hours: Jesse's fast mode would decide on an unfinished one
    at = lambda part="": f"{out}/{what}{part}.parquet"
    if name == "w1":
        yield save(candles(42, n(1_051_200)), at())
    elif name == "w1g":
        yield save(candles(44, n(1_051_200), gaps=True), at())
    elif name == "w2":
        yield save(candles(43, n(259_200)), at())
    elif name == "w2g":
        yield save(candles(45, n(259_200), gaps=True), at())
    elif name == "w3":
        for i in range(20):
            yield save(candles(100 + i, minutes), at(f"-{i:02d}"))
    elif name == "w4":
        yield save(ticks(7, n(5_000_000)), at())
    elif name == "w6":
        os.makedirs(f"{out}/{what}", exist_ok=True)
        for i in range(10):
            # An archive file: the instrument stands in its name.
            yield save(trades(i, n(5_000_000)), f"{out}/{what}/BTCUSDT-trades-2021-01-{i + 1:02d}.parquet")
    else:
        raise SystemExit(f"unknown input {what}")


out = sys.argv[1]
os.makedirs(out, exist_ok=True)
print(json.dumps({what: list(files(what, out)) for what in sys.argv[2:]}))

"""W4 in hftbacktest: top of book and trades, imbalance strategy. usage: w4_hftbacktest.py INPUT [--fills FILE] [--mode file|run]

`file`: from opening the Parquet file to the last fill, its rows made into hftbacktest's own event array on the way; `run`: over that array
when it lies in memory already, as its users keep it. Left out of both: starting Python, importing, compiling (strategy and conversion run once over
the first rows before).

Conventions that differ from `venue.touch` are named in w4_conventions.py; they are hftbacktest's own and cannot be turned off.
"""
import argparse

from peer import Clock, answer, symbol

import numpy as np
import pyarrow as pa, pyarrow.parquet as pq
from numba import njit
from hftbacktest import (BUY, BUY_EVENT, DEPTH_EVENT, EXCH_EVENT, GTC, GTX, LIMIT, LOCAL_EVENT, MARKET, SELL_EVENT, TRADE_EVENT,
                         BacktestAsset, HashMapMarketDepthBacktest, FILLED, NEW, NONE)
from hftbacktest.types import event_dtype

LOT = 0.001
TICK = 0.1
QTY = 0.01
CANCEL_AFTER_NS = 5_000_000_000


def events(table, n):
    """Depth events for what a row changes (the old level out, the new one in), one event for a trade. Times in ns."""
    col = lambda name: table.column(name).to_numpy()[:n]
    ts, is_trade = col("ts_us") * 1000, col("is_trade")
    bid, ask = np.round(col("bid") / TICK).astype(np.int64), np.round(col("ask") / TICK).astype(np.int64)
    return build(ts, is_trade, bid, col("bid_qty"), ask, col("ask_qty"), col("price"), col("qty"), col("is_buy"),
                 np.zeros(5 * n, event_dtype)), ts, is_trade


@njit
def build(ts, is_trade, bid, bid_qty, ask, ask_qty, price, qty, is_buy, out):
    both = EXCH_EVENT | LOCAL_EVENT
    m, last_bid, last_ask = 0, 0, 0
    for i in range(len(ts)):
        if is_trade[i]:
            put(out, m, both | TRADE_EVENT | (BUY_EVENT if is_buy[i] else SELL_EVENT), ts[i], price[i], qty[i])
            m += 1
            continue
        if last_bid != 0 and last_bid != bid[i]:
            put(out, m, both | DEPTH_EVENT | BUY_EVENT, ts[i], last_bid * TICK, 0.0)
            m += 1
        if last_ask != 0 and last_ask != ask[i]:
            put(out, m, both | DEPTH_EVENT | SELL_EVENT, ts[i], last_ask * TICK, 0.0)
            m += 1
        put(out, m, both | DEPTH_EVENT | BUY_EVENT, ts[i], bid[i] * TICK, bid_qty[i])
        put(out, m + 1, both | DEPTH_EVENT | SELL_EVENT, ts[i], ask[i] * TICK, ask_qty[i])
        m += 2
        last_bid, last_ask = bid[i], ask[i]
    return out[:m]


@njit
def put(out, m, ev, ts, px, qty):
    out[m].ev = ev
    out[m].exch_ts = ts
    out[m].local_ts = ts
    out[m].px = px
    out[m].qty = qty


@njit
def run(hbt, ts, is_trade, fills):
    """One step for each row. fills: time (µs), side, price, quantity. @returns their number"""
    n, order_id, open_id, placed_at, selling = 0, 0, 0, 0, 0
    hbt.elapse(0)  # its clock begins at the first event
    for i in range(len(ts)):
        if open_id != 0 and placed_at + CANCEL_AFTER_NS <= ts[i]:
            # What is due happens before the row: up to the last nanosecond, filled or not, then the cancel.
            if hbt.elapse(placed_at + CANCEL_AFTER_NS - 1 - hbt.current_timestamp) != 0:
                break
            hbt.cancel(0, open_id, True)
            hbt.clear_inactive_orders(0)
            open_id = 0
        if hbt.elapse(ts[i] - hbt.current_timestamp) != 0:
            break
        orders = hbt.orders(0)
        if open_id != 0:
            o = orders.get(open_id)
            if o.status == FILLED:
                fills[n, 0], fills[n, 1], fills[n, 2], fills[n, 3] = o.exch_timestamp // 1000, 1, o.exec_price, o.exec_qty
                n += 1
                open_id = 0
            elif o.status != NEW and o.req == NONE:
                open_id = 0
            hbt.clear_inactive_orders(0)
        if is_trade[i]:
            continue
        depth = hbt.depth(0)
        bid_qty, ask_qty = depth.best_bid_qty, depth.best_ask_qty
        if bid_qty + ask_qty == 0:
            continue
        imbalance = (bid_qty - ask_qty) / (bid_qty + ask_qty)
        if hbt.position(0) > LOT / 2:
            if imbalance < 0:
                order_id += 1
                hbt.submit_sell_order(0, order_id, depth.best_bid, QTY, GTC, MARKET, True)
                o = hbt.orders(0).get(order_id)
                fills[n, 0], fills[n, 1], fills[n, 2], fills[n, 3] = o.exch_timestamp // 1000, -1, o.exec_price, o.exec_qty
                n += 1
                hbt.clear_inactive_orders(0)
        elif open_id == 0 and imbalance > 0.6:
            order_id += 1
            open_id = order_id
            placed_at = ts[i]
            hbt.submit_buy_order(0, open_id, depth.best_bid, QTY, GTX, LIMIT, True)
    return n


def backtest(data):
    asset = (BacktestAsset().data(data).linear_asset(1.0).constant_order_latency(0, 0).risk_adverse_queue_model()
             .no_partial_fill_exchange().trading_value_fee_model(0.0002, 0.0005).tick_size(TICK).lot_size(LOT).last_trades_capacity(0))
    return HashMapMarketDepthBacktest([asset])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("input")
    p.add_argument("--fills")
    p.add_argument("--mode", choices=["file", "run"], default="file")
    a = p.parse_args()
    first = pa.Table.from_batches([next(pq.ParquetFile(a.input).iter_batches(20_000))])
    warm, ts, is_trade = events(first, first.num_rows)
    run(backtest(warm), ts, is_trade, np.zeros((20_000, 4)))
    del first, warm

    clock = Clock()
    table = pq.read_table(a.input)
    rows = table.num_rows
    data, ts, is_trade = events(table, rows)
    del table
    if a.mode == "run":
        clock = Clock()
    fills = np.zeros((rows // 4, 4))
    hbt = backtest(data)
    n = run(hbt, ts, is_trade, fills)
    clock.stop()
    hbt.close()
    key = symbol(a.input)
    written = [(t // 1000, key, "buy" if side > 0 else "sell", round(px, 1), qty) for t, side, px, qty in fills[:n].tolist()]
    answer("hftbacktest", clock, rows, written, a.fills)


main()

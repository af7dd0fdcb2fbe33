"""The core of the contract once more, with ccxt for Python.

    python contract.py READY            # file with a venue's start-up line; without it the line is read from stdin

Prints one JSON object: {"passed": N, "usdm": N, "spot": N, "failed": ["statement: why", ...]}.
"""
import asyncio
import json
import re
import sys
import time

import ccxt
import ccxt.pro


def client(make, market, ready, **config):
    """An unmodified client whose every address is the venue's, with the market's own table of errors."""
    ex = make({
        "apiKey": ready["api_key"], "secret": ready["secret"], "enableRateLimit": False, "newUpdates": True,
        "options": {"fetchCurrencies": False, "fetchMargins": False, "warnOnFetchOpenOrdersWithoutSymbol": False,
                    "fetchMarkets": {"types": ["linear" if market == "usdm" else "spot"]}},
        **config,
    })

    def redirect(urls):
        for name, url in urls.items():
            if isinstance(url, dict):
                redirect(url)
            elif isinstance(url, str):
                home = ready["spot" if name.startswith("sapi") else market]
                urls[name] = re.sub(r"^https?://[^/]+", home["rest"], url) if url.startswith("http") else home["ws"]

    redirect(ex.urls["api"])
    origin = re.match(r"^wss?://[^/]+", ready[market]["ws"]).group(0)
    if "ws" in ex.urls["api"]:
        ex.urls["api"]["ws"]["ws-api"] = {"spot": origin + "/ws-api/v3", "future": origin + "/ws-fapi/v1"}
    own = ex.exceptions["linear" if market == "usdm" else "spot"]
    ex.exceptions = {**ex.exceptions, "exact": {**ex.exceptions["exact"], **own["exact"]}}
    return ex


class Contract:
    def __init__(self):
        self.held = {"usdm": set(), "spot": set()}
        self.failed = []

    def claim(self, market, statement, holds, why=""):
        if holds:
            self.held[market].add(statement)
        else:
            self.failed.append(f"{market} {statement}: {str(why)[:300]}")

    def refuses(self, market, statement, error, says, call):
        try:
            call()
            self.claim(market, statement, False, "it was accepted")
        except ccxt.BaseError as e:
            self.claim(market, statement, type(e) is error and re.search(says, str(e)), f"{type(e).__name__} {e}")


def is_time(v):
    return v["timestamp"] < (time.time() + 60) * 1000 and ccxt.Exchange.iso8601(v["timestamp"]) == v["datetime"]


def is_book(b):
    bids, asks = [p for p, _ in b["bids"]], [p for p, _ in b["asks"]]
    sides = bids == sorted(set(bids), reverse=True) and asks == sorted(set(asks))
    return bool(bids and asks) and sides and bids[0] < asks[0] and all(q > 0 for _, q in b["bids"] + b["asks"])


def are_trades(trades):
    rows = all(t["price"] > 0 and t["amount"] > 0 and t["side"] in ("buy", "sell") and is_time(t) for t in trades)
    return rows and [int(t["id"]) for t in trades] == sorted({int(t["id"]) for t in trades})


def is_order(o, status):
    whole = abs(o["filled"] + o["remaining"] - o["amount"]) < 1e-9
    return o["status"] == status and whole and o["id"].isdigit() and is_time(o) and o["side"] in ("buy", "sell")


def public(c, market, ex, symbol):
    def say(statement, holds, why=""):
        c.claim(market, statement, holds, why)
    m = ex.load_markets()[symbol]
    say("the market is of its kind", (m["spot"], m["swap"]) == (market == "spot", market == "usdm"))
    say("tick and lot are above zero", m["precision"]["price"] > 0 and m["precision"]["amount"] > 0)
    say("limits are in order", all(r.get("max") is None or r.get("min") is None or r["max"] >= r["min"]
                                   for r in m["limits"].values()), m["limits"])
    if market == "usdm":
        say("it is linear and has a contract size", m["linear"] and not m["inverse"] and m["contractSize"] > 0)
    say("fetch_time tells the time", abs(ex.fetch_time() - time.time() * 1000) < 10_000)
    say("fetch_status says that it is up", ex.fetch_status()["status"] == "ok")
    t = ex.fetch_ticker(symbol)
    say("fetch_ticker: its range holds its last", t["low"] <= t["last"] <= t["high"] and is_time(t), t)
    say("fetch_tickers has the symbol", symbol in ex.fetch_tickers())
    best = ex.fetch_bids_asks([symbol])[symbol]
    say("fetch_bids_asks: the bid is below the ask", 0 < best["bid"] < best["ask"], best)
    say("fetch_last_prices has a price", ex.fetch_last_prices([symbol])[symbol]["price"] > 0)
    book = ex.fetch_order_book(symbol, 20)
    say("fetch_order_book is a book", is_book(book), book)
    say("fetch_order_book holds what was asked for", len(book["bids"]) <= 20)
    say("fetch_trades are trades in order", are_trades(ex.fetch_trades(symbol, limit=50)))
    bars = ex.fetch_ohlcv(symbol, "1m", limit=5)
    say("fetch_ohlcv: bars hold their prices", all(b[3] <= min(b[1], b[4]) and b[2] >= max(b[1], b[4]) for b in bars))
    say("fetch_ohlcv: bars follow each other", all(b[0] == bars[0][0] + i * 60_000 for i, b in enumerate(bars)))
    if market == "usdm":
        f = ex.fetch_funding_rate(symbol)
        say("fetch_funding_rate: mark and index are near", abs(f["markPrice"] / f["indexPrice"] - 1) < 0.05, f)
        say("fetch_funding_rate: the next funding is ahead", f["fundingTimestamp"] > f["timestamp"] - 60_000, f)
        say("fetch_funding_rate_history is a list", isinstance(ex.fetch_funding_rate_history(symbol), list))
        say("fetch_mark_ohlcv has bars", len(ex.fetch_mark_ohlcv(symbol, "1m", limit=2)) > 0)
        say("fetch_index_ohlcv has bars", len(ex.fetch_index_ohlcv(symbol, "1m", limit=2)) > 0)
        tiers = ex.fetch_leverage_tiers([symbol])[symbol]
        say("fetch_leverage_tiers begin at zero", tiers[0]["minNotional"] == 0 and tiers[0]["maxLeverage"] > 1, tiers)


def orders(c, market, ex, symbol, ready):
    def say(statement, holds, why=""):
        c.claim(market, statement, holds, why)

    def refuses(statement, error, says, call):
        c.refuses(market, statement, error, says, call)

    def closed(order):
        for _ in range(100):
            if order["status"] != "open":
                return order
            time.sleep(0.05)
            order = ex.fetch_order(order["id"], symbol)
        return order

    usdm = market == "usdm"
    book = ex.fetch_order_book(symbol, 5)
    bid, ask = book["bids"][0][0], book["asks"][0][0]
    px = {name: float(ex.price_to_precision(symbol, v)) for name, v in
          {"far": bid * 0.97, "high": ask * 1.03, "through": ask * 1.01}.items()}
    amount = float(ex.amount_to_precision(symbol, 2.5 * ex.markets[symbol]["limits"]["cost"]["min"] / bid))
    base = ex.fetch_balance()
    say("fetch_balance has free and total", base["USDT"]["free"] <= base["USDT"]["total"] > 0, base.get("USDT"))

    cid = f"python-{int(time.time() * 1000)}"
    far = ex.create_order(symbol, "limit", "buy", amount, px["far"], {"clientOrderId": cid})
    say("a far limit order rests", is_order(far, "open") and far["clientOrderId"] == cid, far)
    refuses("a client id that an open order has", ccxt.InvalidOrder, "-4116" if usdm else "Duplicate order",
            lambda: ex.create_order(symbol, "limit", "buy", amount, px["far"], {"clientOrderId": cid}))
    say("fetch_order finds it", ex.fetch_order(far["id"], symbol)["clientOrderId"] == cid)
    say("fetch_open_orders has it", far["id"] in [o["id"] for o in ex.fetch_open_orders(symbol)])
    say("an open order holds funds back", ex.fetch_balance()["USDT"]["used"] > base["USDT"]["used"])
    say("cancel_order cancels it", is_order(ex.cancel_order(far["id"], symbol), "canceled"))
    say("fetch_order says that it was cancelled", is_order(ex.fetch_order(far["id"], symbol), "canceled"))
    say("fetch_open_orders has it no more", ex.fetch_open_orders(symbol) == [])
    refuses("cancel_order of what is cancelled", ccxt.OrderNotFound, "-2011",
            lambda: ex.cancel_order(far["id"], symbol))

    bought = closed(ex.create_order(symbol, "limit", "buy", amount, px["through"]))
    say("a limit order through the market is filled", is_order(bought, "closed") and bought["average"] <= px["through"])
    fills = [t for t in ex.fetch_my_trades(symbol) if t["order"] == bought["id"]]
    say("fetch_my_trades: the fills make the order", abs(sum(t["amount"] for t in fills) - amount) < 1e-9, fills)
    say("fetch_my_trades: fills have fees", all(t["fee"]["cost"] > 0 and t["fee"]["currency"] for t in fills))
    both = [ex.create_order(symbol, "market", "buy", amount), ex.create_order(symbol, "market", "sell", amount)]
    say("market orders are filled both ways", all(is_order(o, "closed") for o in both), both)
    maker = ex.create_order(symbol, "limit", "buy", amount, px["far"], {"postOnly": True})
    say("a post-only order rests", maker["status"] == "open" and maker["postOnly"], maker)
    edited = ex.edit_order(maker["id"], symbol, "limit", "buy", amount, float(ex.price_to_precision(symbol, bid * 0.96)))
    say("edit_order moves the price", edited["price"] < px["far"] and edited["status"] == "open", edited)
    ex.cancel_all_orders(symbol)
    say("cancel_all_orders leaves none", ex.fetch_open_orders(symbol) == [])
    refuses("a post-only order that would take", ccxt.OrderNotFillable if usdm else ccxt.OrderImmediatelyFillable, "",
            lambda: ex.create_order(symbol, "limit", "buy", amount, px["through"], {"postOnly": True}))
    ioc = ex.create_order(symbol, "limit", "buy", amount, px["far"], {"timeInForce": "IOC"})
    say("an IOC order off the market expires", ex.fetch_order(ioc["id"], symbol)["info"]["status"] == "EXPIRED", ioc)
    refuses("an order that the account cannot pay", ccxt.InsufficientFunds, "",
            lambda: ex.create_order(symbol, "limit", "buy", 90, px["far"]))
    refuses("a query of an unknown order", ccxt.OrderNotFound, "-2013", lambda: ex.fetch_order("9007199254740000", symbol))
    wrong = client(type(ex), market, {**ready, "secret": "another"})
    refuses("a signature by another secret", ccxt.AuthenticationError, "-1022", wrong.fetch_balance)
    stale = client(type(ex), market, ready)
    stale.options["timeDifference"] = 20_000
    refuses("a timestamp out of its window", ccxt.InvalidNonce, "-1021", stale.fetch_balance)
    say("transfer has an id", ex.transfer("USDT", 5, *(("swap", "spot") if usdm else ("spot", "swap")))["id"])
    (futures if usdm else spot)(c, ex, symbol, amount, px)


def futures(c, ex, symbol, amount, px):
    def say(statement, holds, why=""):
        c.claim("usdm", statement, holds, why)
    [p] = ex.fetch_positions([symbol])
    say("a position has side, size and prices", p["side"] == "long" and p["contracts"] == amount and p["entryPrice"] > 0, p)
    say("it is liquidated below its mark", 0 < p["liquidationPrice"] < p["markPrice"], p)
    say("its notional is at the mark", abs(p["notional"] - p["contracts"] * p["markPrice"]) < 0.01, p)
    trigger = {"trigger": True}
    for name, params in {"stop": {"stopLossPrice": px["far"]}, "take-profit": {"takeProfitPrice": px["high"]},
                         "trailing stop": {"trailingPercent": 3}}.items():
        o = ex.create_order(symbol, "market", "sell", amount, None, {"reduceOnly": True, **params})
        listed = [x["id"] for x in ex.fetch_open_orders(symbol, params=trigger)]
        say(f"a {name} waits with the Algo service", o["status"] == "open" and o["id"] in listed, o)
        ex.cancel_order(o["id"], symbol, trigger)
        say(f"a {name} can be cancelled", ex.fetch_order(o["id"], symbol, trigger)["status"] == "canceled")
    c.refuses("usdm", "a stop that would trigger at once", ccxt.OrderImmediatelyFillable, "-2021",
              lambda: ex.create_order(symbol, "market", "sell", amount, None, {"stopLossPrice": px["high"]}))
    ex.create_order(symbol, "market", "sell", amount, None, {"reduceOnly": True})
    say("reduce-only closes the position", ex.fetch_positions([symbol]) == [])
    c.refuses("usdm", "reduce-only without a position", ccxt.InvalidOrder, "-2022",
              lambda: ex.create_order(symbol, "market", "sell", amount, None, {"reduceOnly": True}))
    kinds = {e["info"]["incomeType"] for e in ex.fetch_ledger("USDT", limit=1000)}
    say("fetch_ledger has fees, profits and transfers", {"COMMISSION", "REALIZED_PNL", "TRANSFER"} <= kinds, kinds)
    ex.set_leverage(10, symbol)
    say("set_leverage sets it", ex.fetch_leverage(symbol)["longLeverage"] == 10)
    ex.set_leverage(20, symbol)
    rows = [{"symbol": symbol, "type": "limit", "side": "buy", "amount": amount, "price": px["far"]} for _ in range(3)]
    ids = [o["id"] for o in ex.create_orders(rows)]
    say("create_orders places each", len(set(ids)) == 3, ids)
    ex.cancel_orders(ids, symbol)
    say("cancel_orders cancels each", ex.fetch_open_orders(symbol) == [])


def spot(c, ex, symbol, amount, px):
    oco = ex.private_post_orderlist_oco({
        "symbol": ex.market(symbol)["id"], "side": "SELL", "quantity": ex.amount_to_precision(symbol, amount * 0.9),
        "aboveType": "LIMIT_MAKER", "abovePrice": px["high"], "belowType": "STOP_LOSS", "belowStopPrice": px["far"]})
    c.claim("spot", "an OCO has two open orders", len(ex.fetch_open_orders(symbol)) == len(oco["orders"]) == 2, oco)
    ex.cancel_order(str(oco["orders"][0]["orderId"]), symbol)
    c.claim("spot", "to cancel one order of an OCO is to cancel both", ex.fetch_open_orders(symbol) == [])
    free = ex.fetch_balance()[ex.market(symbol)["base"]]["free"]
    sold = ex.create_order(symbol, "market", "sell", float(ex.amount_to_precision(symbol, free)))
    c.claim("spot", "what was bought can be sold but for the fee", is_order(sold, "closed"), sold)


async def streams(c, market, ready, symbol):
    make = ccxt.pro.binanceusdm if market == "usdm" else ccxt.pro.binance
    ex = client(make, market, ready)

    async def watch(statement, call, holds):
        try:
            for _ in range(5):
                got = await asyncio.wait_for(call(), 15)
                c.claim(market, statement, holds(got), got)
        except Exception as e:
            c.claim(market, statement, False, f"{type(e).__name__} {e}")

    try:
        await ex.load_markets()
        await asyncio.gather(
            watch("watch_trades", lambda: ex.watch_trades(symbol), are_trades),
            watch("watch_order_book", lambda: ex.watch_order_book(symbol), is_book),
            watch("watch_bids_asks", lambda: ex.watch_bids_asks([symbol]), lambda t: 0 < t[symbol]["bid"] < t[symbol]["ask"]),
            watch("watch_ticker", lambda: ex.watch_ticker(symbol), lambda t: t["low"] <= t["last"] <= t["high"]),
            watch("watch_ohlcv", lambda: ex.watch_ohlcv(symbol, "1m"), lambda b: all(x[3] <= x[4] <= x[2] for x in b)),
        )
        told = asyncio.ensure_future(ex.watch_orders(symbol))
        low = float(ex.price_to_precision(symbol, (await ex.fetch_order_book(symbol, 5))["bids"][0][0] * 0.97))
        amount = float(ex.amount_to_precision(symbol, 2.5 * ex.markets[symbol]["limits"]["cost"]["min"] / low))
        end = time.time() + 15
        # What was before the subscription is not heard.
        while not told.done() and time.time() < end:
            o = await ex.create_order(symbol, "limit", "buy", amount, low)
            await ex.cancel_order(o["id"], symbol)
        c.claim(market, "watch_orders", told.done() and all(x["symbol"] == symbol for x in told.result()))
    finally:
        await ex.close()


def main():
    line = open(sys.argv[1]).readline() if len(sys.argv) > 1 else sys.stdin.readline()
    ready = json.loads(line)
    c = Contract()
    for market, make, symbol in (("usdm", ccxt.binanceusdm, "BTC/USDT:USDT"), ("spot", ccxt.binance, "BTC/USDT")):
        ex = client(make, market, ready)
        for part in (lambda: public(c, market, ex, symbol), lambda: orders(c, market, ex, symbol, ready),
                     lambda: asyncio.run(streams(c, market, ready, symbol))):
            try:
                part()
            except Exception as e:
                c.failed.append(f"{market} ended early: {type(e).__name__} {str(e)[:300]}")
    counts = {market: len(held) for market, held in c.held.items()}
    print(json.dumps({"passed": sum(counts.values()), **counts, "failed": c.failed}))


main()

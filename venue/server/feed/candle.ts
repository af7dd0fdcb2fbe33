/** Sums of price × quantity go beyond 2^53 within a day: they are kept as `hi` × 10^12 + `lo`. */
const LOW = 1e12;
const SAFE = 9e15;

/** One candle in the making. Amounts are integers in the instrument's decimals; times ms. */
export class Candle {
  start: number;
  /** The last ms that belongs to it. */
  end: number;
  open = 0;
  high = 0;
  low = 0;
  close = 0;
  volume = 0;
  buyVolume = 0;
  quoteHi = 0;
  quoteLo = 0;
  buyHi = 0;
  buyLo = 0;
  trades = 0;
  /** −1 without a trade. */
  firstId = -1;
  lastId = -1;

  constructor(start: number, end: number, price: number) {
    this.start = start;
    this.end = end;
    this.open = price;
    this.high = price;
    this.low = price;
    this.close = price;
  }

  /** A trade, or the trades firstId..lastId as one. `taker` 1 bought, −1 sold. */
  add(px: number, qty: number, taker: number, firstId: number, lastId: number): void {
    if (this.trades === 0) {
      this.open = px;
      this.high = px;
      this.low = px;
      this.close = px;
      this.firstId = firstId;
      this.lastId = lastId;
    } else {
      if (px > this.high) this.high = px;
      if (px < this.low) this.low = px;
      if (lastId > this.lastId) {
        this.close = px;
        this.lastId = lastId;
      }
      if (firstId < this.firstId) {
        this.open = px;
        this.firstId = firstId;
      }
    }
    this.trades += lastId - firstId + 1;
    this.volume += qty;
    const product = px * qty;
    let hi = 0;
    let lo = product;
    if (product > SAFE) {
      const exact = BigInt(px) * BigInt(qty);
      hi = Number(exact / 1_000_000_000_000n);
      lo = Number(exact % 1_000_000_000_000n);
    }
    this.#quote(hi, lo);
    if (taker > 0) {
      this.buyVolume += qty;
      this.#buy(hi, lo);
    }
  }
  /** A price without a quantity: mark and index. */
  price(px: number): void {
    if (this.trades === 0) this.open = this.high = this.low = px;
    else if (px > this.high) this.high = px;
    else if (px < this.low) this.low = px;
    this.close = px;
    this.trades++;
  }
  /** Adds a later, finished or running candle. */
  merge(c: Candle): void {
    // Archives of candles tell volumes but no trades.
    if (this.trades === 0 && this.volume === 0) {
      this.open = c.open;
      this.high = c.high;
      this.low = c.low;
      this.firstId = c.firstId;
      this.lastId = c.lastId;
    } else {
      if (c.high > this.high) this.high = c.high;
      if (c.low < this.low) this.low = c.low;
      if (c.lastId > this.lastId) this.lastId = c.lastId;
    }
    this.close = c.close;
    this.trades += c.trades;
    this.volume += c.volume;
    this.buyVolume += c.buyVolume;
    this.#quote(c.quoteHi, c.quoteLo);
    this.#buy(c.buyHi, c.buyLo);
  }
  /** Turnovers as doubles, in the decimals of price and quantity together. */
  setQuotes(quote: number, buy: number): void {
    this.quoteHi = Math.floor(quote / LOW);
    this.quoteLo = Math.round(quote - this.quoteHi * LOW);
    this.buyHi = Math.floor(buy / LOW);
    this.buyLo = Math.round(buy - this.buyHi * LOW);
  }
  /** Turnover in the decimals of price and quantity together. */
  get quote(): bigint {
    return BigInt(this.quoteHi) * BigInt(LOW) + BigInt(this.quoteLo);
  }
  get buyQuote(): bigint {
    return BigInt(this.buyHi) * BigInt(LOW) + BigInt(this.buyLo);
  }

  #quote(hi: number, lo: number): void {
    const sum = this.quoteLo + lo;
    const carry = sum >= LOW ? Math.floor(sum / LOW) : 0;
    this.quoteHi += hi + carry;
    this.quoteLo = sum - carry * LOW;
  }
  #buy(hi: number, lo: number): void {
    const sum = this.buyLo + lo;
    const carry = sum >= LOW ? Math.floor(sum / LOW) : 0;
    this.buyHi += hi + carry;
    this.buyLo = sum - carry * LOW;
  }
}

import type { CodeTable } from '../../graph/schema/index.ts';

/** Codes of reading inputs: CHM650–669 are refused lines (counted, never fatal), CHM670–699 make an input unusable. */
export const CODES = {
  CHM650: {
    title: 'broken JSON',
    text: 'The line does not hold one complete JSON value: it was cut short, or bytes of it were lost. The line is refused, counted and kept as a dead letter; everything around it is used.',
  },
  CHM651: {
    title: 'no receive time',
    text: 'A recorder line must begin with the local receive time (ns, µs or ms since the epoch, or unix seconds followed by a colon) and a blank, or be a bare JSON frame with an event time. The line has neither, so it cannot be placed in time and is refused.',
  },
  CHM652: {
    title: 'impossible time',
    text: 'A receive or event time lies outside 2009–2100, or is no whole number. The line is refused: letting it through would move the engine clock to a time that never was.',
  },
  CHM653: {
    title: 'unknown event type',
    text: 'The frame is valid JSON but no market event that this version knows. It is refused and kept as a dead letter, so that it can be decoded later by a version that knows it.',
  },
  CHM654: {
    title: 'missing field',
    text: 'A field that every frame of this event type carries is absent. The frame is refused.',
  },
  CHM655: {
    title: 'wrong type of a field',
    text: 'A field of the frame or row holds something else than it must: a text where an integer is expected, a number that is no decimal, levels that are no pairs. The line is refused.',
  },
  CHM656: {
    title: 'impossible price',
    text: 'A price is zero, negative or not a number. Such a price can never be traded at; the line is refused.',
  },
  CHM657: {
    title: 'impossible quantity',
    text: 'A quantity is negative or not a number, or a trade has the quantity zero. The line is refused. (A depth level of quantity zero is the removal of that level and is valid.)',
  },
  CHM658: {
    title: 'amount out of range',
    text: 'Prices and quantities are exact integers in the instrument’s decimals and must stay within ±2^53. This one does not, either by itself or in the decimals that the other rows of the run need, so the line is refused instead of being rounded.',
  },
  CHM659: {
    title: 'unknown instrument of a snapshot',
    text: 'A REST depth snapshot does not name its symbol, and the file’s other frames speak of several symbols or of none. The snapshot is refused; record it together with its URL, or one symbol a file.',
  },
  CHM660: {
    title: 'impossible candle',
    text: 'The high is below the open, close or low, or the low is above one of them. The row is refused.',
  },
  CHM661: {
    title: 'wrong number of columns',
    text: 'A CSV row has more or fewer columns than its file’s first rows. The row is refused; at the end of a file this usually means that the file was cut short.',
  },
  CHM662: {
    title: 'unreadable end of a compressed file',
    text: 'The compressed stream ends early or is damaged. Everything that could be decompressed before the damage is used; what follows is lost. Fetch or record the file again if it matters.',
  },
  CHM663: {
    title: 'line too long',
    text: 'A line is longer than 64 MiB without a line break. It is refused; the file is probably no recording.',
  },
  CHM670: {
    title: 'input not found',
    text: 'A path given as input does not exist or cannot be read.',
  },
  CHM671: {
    title: 'unknown kind of input',
    text: 'The file’s content is none of: recorder lines, a candle or archive CSV, a zip of one, Parquet, a lake folder. What a file is, is found out from its content and never from its name.',
  },
  CHM672: {
    title: 'checksum mismatch',
    text: 'The .CHECKSUM file beside an archive states another SHA-256 than the archive has. The archive is damaged or was republished: fetch both again.',
  },
  CHM673: {
    title: 'unusable archive',
    text: 'A zip file cannot be read, or does not hold exactly one CSV file.',
  },
  CHM674: {
    title: 'unknown Parquet layout',
    text: 'The Parquet file’s columns are those of no known layout: candles (open_time_ms, open, high, low, close, volume), ticks (ts_us, is_trade, bid, …), trades (ts_us, trade_id, price, qty, is_buyer_maker), or a dataset of the lake.',
  },
  CHM675: {
    title: 'unreadable Parquet file',
    text: 'The Parquet file is damaged or was cut short before its footer was written.',
  },
  CHM676: {
    title: 'no room for decoded rows',
    text: 'Large inputs are decoded into a temporary file, which could not be written. Free space in the temporary folder (TMPDIR), or pass fewer inputs at once.',
  },
  CHM677: {
    title: 'refused line under strict',
    text: 'An input line was refused and strict reading was asked for. Without it, refused lines are counted and reported.',
  },
} as const satisfies CodeTable;

export type RefusalCode = keyof typeof CODES;

import type { Alert, Kill, Row, Stats, Trading } from './records.ts';

/**
 * The page's websocket, `GET /v1/live`: JSON texts both ways. The first message carries the access token (an address would
 * leave it in logs). A reader that is slow gets the newest of what is conflated (`stats`, `trading`) and is told how many
 * rows of its taps were left out; it never slows the run.
 */
export type FromPage =
  | { readonly kind: 'hello'; readonly token: string }
  /** A fresh token, before the old one runs out. */
  | { readonly kind: 'token'; readonly token: string }
  | {
      readonly kind: 'watch';
      readonly run: string;
      readonly what: 'stats' | 'trading' | 'alerts';
      readonly every_ms?: number;
    }
  | { readonly kind: 'unwatch'; readonly run: string; readonly what: 'stats' | 'trading' | 'alerts' }
  | {
      readonly kind: 'tap';
      readonly id: string;
      readonly run: string;
      readonly node: string;
      readonly port: string;
      readonly key?: string;
      /** CEL over the port's fields; checked before the tap opens. */
      readonly filter?: string;
      /** At most this many rows a second; the others are counted. */
      readonly per_s?: number;
    }
  | { readonly kind: 'untap'; readonly id: string };

export type ToPage =
  | { readonly kind: 'welcome'; readonly server: string; readonly expires_s: number }
  | { readonly kind: 'stats'; readonly stats: Stats }
  | { readonly kind: 'trading'; readonly run: string; readonly trading: Trading }
  | {
      readonly kind: 'price';
      readonly run: string;
      readonly instrument: string;
      readonly at_us: number;
      readonly price: string;
    }
  | { readonly kind: 'kill'; readonly run: string; readonly kill: Kill }
  | { readonly kind: 'alert'; readonly run: string; readonly alert: Alert }
  | { readonly kind: 'rows'; readonly id: string; readonly rows: readonly Row[]; readonly left_out: number }
  | { readonly kind: 'graph'; readonly run: string; readonly hash: string }
  | { readonly kind: 'refused'; readonly of: string; readonly code: string; readonly message: string };

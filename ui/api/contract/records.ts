import type { Permission, Role } from './access.ts';

/** What the HTTP API answers and the page shows. Times are engine microseconds (`…_us`) or wall milliseconds (`…_ms`). */

export interface Problem {
  readonly error: { readonly code: string; readonly message: string; readonly help?: string; readonly where?: string };
  readonly correlation_id: string;
}

// People

export interface Me {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly permissions: readonly Permission[];
}
export interface Session {
  /** JWT for the `Authorization` header. The refresh token is in an HttpOnly cookie and never in a body. */
  readonly access_token: string;
  readonly expires_s: number;
  readonly me: Me;
}
export interface User {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly locked: boolean;
  readonly created_ms: number;
  readonly last_login_ms: number | null;
}

// Runs and their graphs

export type RunKind = 'live' | 'replay' | 'backtest';
export type RunState = 'starting' | 'running' | 'draining' | 'ended' | 'failed';
export interface Run {
  readonly id: string;
  readonly pipeline: string;
  readonly profile: string | null;
  readonly kind: RunKind;
  readonly state: RunState;
  readonly graph_hash: string;
  readonly started_ms: number;
  readonly ended_ms: number | null;
  /** Figures of the report: name → number, in the unit that the name ends with. */
  readonly figures: Readonly<Record<string, number>>;
  readonly parity: { readonly identical: boolean; readonly first_difference: unknown } | null;
  readonly has_report: boolean;
}

export interface GraphNode {
  readonly id: string;
  readonly type: string;
  readonly kind: 'source' | 'operator' | 'sink';
  readonly tier: 'bronze' | 'silver' | 'gold';
  readonly service: string | null;
  readonly rank: number;
  /** Kind of key of which the node has an instance each; null: one instance. */
  readonly each: string | null;
  readonly summary: string;
  readonly config: unknown;
  readonly line: number;
  readonly in: readonly GraphPort[];
  readonly out: readonly GraphPort[];
}
export interface GraphPort {
  readonly name: string;
  readonly schema: string;
  readonly fields: readonly { readonly name: string; readonly kind: string; readonly unit: string | null }[];
  readonly many: boolean;
}
export interface GraphEdge {
  readonly from: { readonly node: string; readonly port: string };
  readonly to: { readonly node: string; readonly port: string };
  readonly feedback: boolean;
  readonly delay_us: number;
  /** The edge crosses from one service to another. */
  readonly cut: boolean;
}
export interface Graph {
  readonly run: string;
  readonly hash: string;
  readonly yaml: string;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly services: Readonly<Record<string, readonly string[]>>;
  /** Instruments met so far: the instances of what has one per key. */
  readonly keys?: readonly string[];
}

// What moves: sent over the socket, conflated for whoever is slow

export interface NodeStats {
  /** Cycles of the node per second, and in all. */
  readonly rate: number;
  readonly cycles: number;
  /** Mean time of one step in the last interval, µs; null where it is not measured. */
  readonly step_us: number | null;
  readonly lag_us: number;
  readonly errors: number;
  /** Instances, and those of them that have not yet put anything out. */
  readonly instances: number;
  readonly warming: number;
  readonly stale: boolean;
}
export interface EdgeStats {
  /** Records per second. */
  readonly rate: number;
  readonly queue: number;
  readonly handover_p50_us: number | null;
  readonly handover_p99_us: number | null;
  /** 0 = free, 1 = the consumer holds the producer back. */
  readonly pressure: number;
}
export interface Stats {
  readonly run: string;
  readonly at_us: number;
  readonly wall_ms: number;
  readonly state: RunState;
  readonly counters: {
    readonly filtered: number;
    readonly late: number;
    readonly dead_lettered: number;
    readonly dropped: number;
  };
  readonly events: number;
  readonly events_s: number;
  readonly cpu: number;
  readonly rss_bytes: number;
  readonly nodes: Readonly<Record<string, NodeStats>>;
  /** By `node.port>node.port`. */
  readonly edges: Readonly<Record<string, EdgeStats>>;
  /** Nodes on the slowest way from a source to an order, in order. */
  readonly critical_path: readonly string[];
}

/** One value of a port. */
export interface Row {
  readonly source: string;
  readonly seq: number;
  readonly at_us: number;
  readonly key: string | null;
  /** Exact decimals are texts, features are numbers. */
  readonly values: Readonly<Record<string, unknown>>;
}

// Trading

export interface Position {
  readonly instrument: string;
  readonly qty: string;
  readonly entry_price: string | null;
  readonly mark_price: string | null;
  readonly liquidation_price: string | null;
  /** |mark − liquidation| / mark. */
  readonly distance_to_liquidation: number | null;
  readonly pnl: { readonly price: string; readonly fees: string; readonly funding: string };
  readonly stop_price: string | null;
}
export interface Order {
  readonly client_id: string;
  readonly instrument: string;
  readonly side: 'buy' | 'sell';
  readonly type: string;
  readonly price: string | null;
  readonly qty: string;
  readonly filled: string;
  readonly status: string;
  readonly reason: string | null;
  readonly created_us: number;
  readonly updated_us: number;
}
export interface Trading {
  readonly at_us: number;
  readonly wallets: readonly {
    readonly wallet: string;
    readonly asset: string;
    readonly balance: string;
    readonly available: string;
  }[];
  readonly positions: readonly Position[];
  readonly orders: readonly Order[];
  readonly reconciler: {
    readonly state: string;
    readonly checked_us: number | null;
    readonly jaccard: number | null;
    readonly differences: number;
  };
  readonly kill: Kill;
  /** Newest price of each instrument. */
  readonly prices?: readonly { readonly instrument: string; readonly at_us: number; readonly price: string }[];
}
export interface Kill {
  readonly state: 'released' | 'engaged' | 'cancelling' | 'flattening' | 'flat' | 'unknown';
  readonly reason: string | null;
  readonly by: string | null;
  readonly since_us: number | null;
  readonly steps: readonly { readonly state: string; readonly at_us: number }[];
}

// Why

export interface Condition {
  readonly expression: string;
  readonly held: boolean;
  /** Operands of the expression as they were. */
  readonly operands: Readonly<Record<string, unknown>>;
  /** The change of one constant or operand that would have turned this condition round. */
  readonly flip: Flip | null;
  readonly of: readonly Condition[];
  /** At the root: the rule whose condition it is. */
  readonly rule?: string;
}
export interface Flip {
  /** The constant as it is written, or the name of the operand. */
  readonly what: string;
  readonly kind: 'constant' | 'operand';
  readonly from: number;
  readonly to: number;
  /** Of a constant: where it stands in the rule's condition, [start, end). */
  readonly at: readonly [number, number] | null;
}
export interface Verdict {
  readonly at_us: number;
  readonly cycle: number;
  readonly node: string;
  readonly key: string | null;
  readonly decision: string;
  readonly intents: readonly unknown[];
  readonly layers: readonly {
    readonly layer: string;
    readonly passed: boolean;
    readonly reason: string | null;
    readonly conditions: readonly Condition[];
  }[];
  /** The change of one constant or operand of one rule that gives another decision, tried out with the rules. Only from `why`. */
  readonly flip?: (Flip & { readonly rule: string; readonly decision: string }) | null;
}
/** From an order back to the frames that caused it, or from an event forward: a tree, the asked one at its root. */
export interface Lineage {
  readonly id: string;
  readonly kind: string;
  readonly node: string | null;
  readonly at_us: number | null;
  readonly values: Readonly<Record<string, unknown>>;
  readonly causes: readonly Lineage[];
}

// Time machine

export interface Moment {
  readonly cycle: number;
  readonly at_us: number;
  readonly cause: { readonly source: string; readonly seq: number };
  /** Nodes that ran, in order, with what each put out. */
  readonly ran: readonly {
    readonly node: string;
    readonly key: string | null;
    readonly out: Readonly<Record<string, readonly Row[]>>;
  }[];
}
export interface NodeAt {
  readonly node: string;
  readonly key: string | null;
  readonly cycle: number;
  readonly at_us: number;
  readonly state: unknown;
  readonly last: Readonly<Record<string, Row | null>>;
}

// Configuration

export interface Diagnostic {
  readonly code: string;
  readonly severity: 'error' | 'warning' | 'info';
  readonly line: number;
  readonly column: number;
  readonly end_column: number;
  readonly message: string;
  readonly help?: string;
  readonly suggestion?: string;
}
export interface GraphDiff {
  readonly kept: readonly string[];
  readonly restarted: readonly { readonly node: string; readonly why: string }[];
  readonly dropped: readonly string[];
  readonly added: readonly string[];
}
export interface DryRun {
  readonly from_us: number;
  readonly to_us: number;
  readonly running: {
    readonly orders: number;
    readonly fills: number;
    readonly decisions: number;
    readonly pnl: string;
  };
  readonly proposed: {
    readonly orders: number;
    readonly fills: number;
    readonly decisions: number;
    readonly pnl: string;
  };
  /** Orders that only one of the two has. */
  readonly differences: readonly {
    readonly only_in: 'running' | 'proposed';
    readonly at_us: number;
    readonly values: Readonly<Record<string, unknown>>;
  }[];
  /** How many differences there are; `differences` has the first ones. */
  readonly differences_in_all: number;
  /** False: a venue outside of the graph answered, and fills are those of the orders that were really sent. */
  readonly venue_in_graph: boolean;
}
export type ProposalState = 'proposed' | 'approved' | 'refused' | 'applied' | 'failed' | 'withdrawn';
export interface Proposal {
  readonly id: string;
  readonly run: string;
  readonly by: string;
  readonly at_ms: number;
  readonly reason: string;
  readonly yaml: string;
  readonly base_hash: string;
  readonly hash: string;
  readonly diff: GraphDiff;
  readonly dry_run: DryRun | null;
  readonly state: ProposalState;
  readonly decided_by: string | null;
  readonly decided_ms: number | null;
  readonly note: string | null;
}

// Operations

export type Level = 'INFO' | 'WARN' | 'ERROR' | 'FATAL';
export interface Alert {
  readonly id: string;
  readonly name: string;
  readonly level: Level;
  readonly state: 'firing' | 'acknowledged' | 'resolved';
  readonly since_ms: number;
  readonly cause: string;
  readonly what_to_do: string;
  readonly acknowledged_by: string | null;
}
export type Health = 'OK' | 'DEGRADED' | 'ERROR';
export interface ServiceHealth {
  readonly service: string;
  readonly name: string;
  readonly status: Health;
  readonly ready: boolean;
  readonly version: string;
  readonly checks: Readonly<Record<string, { readonly status: Health; readonly detail: string }>>;
}
export interface SystemHealth {
  readonly status: 'GREEN' | 'YELLOW' | 'ORANGE' | 'RED';
  readonly services: readonly ServiceHealth[];
}
export interface DeadLetter {
  readonly id: string;
  readonly at_us: number;
  readonly node: string;
  readonly source: string;
  readonly seq: number;
  readonly code: string;
  readonly reason: string;
  readonly values: unknown;
}
export interface Checkpoint {
  readonly id: number;
  readonly at_us: number;
  readonly bytes: number;
  readonly wall_ms: number | null;
}
export interface Stream {
  readonly name: string;
  readonly length: number;
  readonly last_id: string;
  /** Of the oldest entry that is left; null when none is. What was before it has been trimmed: no reader needs it any more. */
  readonly first_id?: string | null;
  readonly readers: readonly { readonly part: string; readonly lag: number }[];
}
export interface AuditEntry {
  readonly n: number;
  readonly at_ms: number;
  readonly who: string;
  readonly what: string;
  readonly route: string;
  readonly correlation_id: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly outcome: number;
  /** SHA-256 over this entry and the hash of the one before. */
  readonly hash: string;
}

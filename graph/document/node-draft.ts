import { type AnyNode, type InPort, isEntrance, type OutPorts } from '../node.ts';
import type { Schema } from '../schema/index.ts';
import type { RawNode } from './shape.ts';
import type { Span } from './tree.ts';

/** A node on its way from text to plan. What could not be resolved is undefined and has been reported. */
export interface NodeDraft {
  readonly index: number;
  readonly raw: RawNode;
  readonly type: AnyNode | undefined;
  readonly config: { readonly config: unknown } | undefined;
  /** Connections as written; `edge` is filled in when the reference is resolved. */
  readonly inputs: readonly InputDraft[];
  /** False when part of `in` could not be read, so that nothing can be said about what is missing. */
  readonly complete: boolean;
  outs: OutPorts | undefined;
  keyed: boolean;
}

export interface InputDraft {
  readonly port: string;
  readonly portSpan: Span;
  readonly spec: InPort;
  readonly rest: boolean;
  readonly text: string;
  readonly span: Span;
  edge: EdgeDraft | undefined;
}

export interface EdgeDraft {
  readonly producer: NodeDraft;
  readonly out: string;
  readonly field: string | undefined;
  /** As the consumer sees it. */
  readonly schema: Schema;
  /** Delivered in a later cycle: the producer lists the port under `feedback`. */
  readonly deferred: boolean;
}

/** Whether records of this stream belong to an instrument each. */
export function streamKeyed(producer: NodeDraft, out: string): boolean {
  const port = producer.outs?.[out];
  if (isEntrance(producer.type)) return port?.key === 'instrument';
  return producer.keyed || port?.keyed === true;
}

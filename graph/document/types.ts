import type { AnyGateway, InPort, OutPorts, RunNode } from '../node.ts';
import type { Diagnostic, Schema } from '../schema/index.ts';

/** A pipeline document after profiles, parameters, defaults and wiring are resolved: all that plan and engine need. */
export interface Pipeline {
  readonly name: string;
  /** Path as given, for messages. */
  readonly file: string;
  /** Parameters after presets and `--set`. */
  readonly params: Readonly<Record<string, unknown>>;
  /** In order of declaration. */
  readonly nodes: readonly PipelineNode[];
  /** Service name → node ids; empty when the document has no `services:`. */
  readonly services: Readonly<Record<string, readonly string[]>>;
  /** Name of a family of streams → ids of nodes whose records travel in it when the graph is cut; services are resolved. */
  readonly streams?: Readonly<Record<string, readonly string[]>>;
  /** By family of streams: what a part does about an entry that it cannot read; default: put it aside and go on. No part of the hash. */
  readonly onPoison?: Readonly<Record<string, OnPoison>>;
  /** sha256 of everything that can change an output: types, versions, configurations, wiring, schemas. */
  readonly hash: string;
  /** The profile makes it a live run. */
  readonly live?: LiveProfile;
}

export const ON_POISON = ['dead_letter', 'stop'] as const;
export type OnPoison = (typeof ON_POISON)[number];

/** How a live run reaches the world. */
export interface LiveProfile {
  /** Name of the connection that the program opens, e.g. `local`, `testnet`, `live`. */
  readonly connection: string;
  /** What engine time follows. */
  readonly clock: 'wall' | 'venue';
  /** Seconds of engine time per second of the wall. */
  readonly rate: number;
}

export interface PipelineNode {
  readonly id: string;
  /** What the node is told to be called, where graphs were merged and its id is not the document's; default: `id`. */
  readonly name?: string;
  readonly type: RunNode;
  /** This is one half of the gateway with that id in the document. */
  readonly gateway?: { readonly id: string; readonly type: AnyGateway };
  /** Parsed by the type's own schema, defaults applied. */
  readonly config: unknown;
  /** One instance per instrument, or one in all. */
  readonly key: 'instrument' | 'none';
  readonly inputs: readonly PipelineEdge[];
  /** Resolved out-ports, in order of declaration. */
  readonly out: OutPorts;
  /** Out-ports whose edges are feedback: delivered in a later cycle, `delayUs` of engine time after the emission. */
  readonly feedback: readonly string[];
  readonly delayUs: number;
  readonly onError: 'stop' | 'quarantine';
  readonly line: number;
  readonly column: number;
}

export interface PipelineEdge {
  /** In-port name; for variadic inputs the name chosen in the document. */
  readonly port: string;
  readonly spec: InPort;
  readonly rest: boolean;
  /** Producer. */
  readonly node: string;
  readonly out: string;
  /** Set when the edge takes one number out of the producer's record (`bars.bar.close`): the consumer gets a Scalar, exact amounts converted to doubles in units. */
  readonly field: string | undefined;
  /** Schema as the consumer sees it. */
  readonly schema: Schema;
}

export interface LoadOptions {
  /** Text of the profile document and its path. */
  profile?: { text: string; file: string };
  /** `--set NAME=VALUE`. */
  sets?: Readonly<Record<string, string>>;
}
export interface Loaded {
  /** Absent when a diagnostic is an error. */
  pipeline: Pipeline | undefined;
  diagnostics: Diagnostic[];
}

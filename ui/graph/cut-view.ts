import { type Part, tryCut } from '../../graph/cut/cut.ts';
import type { Pipeline } from '../../graph/document/types.ts';
import { createPlan } from '../../graph/plan/plan.ts';

/** A pipeline as it runs apart: its services, their parts, and the streams between these. */
export interface CutView {
  name: string;
  hash: string;
  /** In order of declaration. */
  services: string[];
  /** By service, then in order of execution. */
  parts: PartView[];
  streams: StreamView[];
}
export interface PartView {
  id: string;
  service: string;
  /** `entrance`: inputs come in here. `sink`: what leaves the graph; runs beside everything else. */
  kind: 'entrance' | 'part' | 'sink';
  /** In order of execution. */
  nodes: string[];
  /** Parts that it waits for: it runs up to where all of these have come, with `delay_us` of look-ahead. */
  follows: { part: string; delay_us: number }[];
  /** How many parts an event passes at most before this one, within its cycle. Sinks stand behind all others. */
  column: number;
}
export interface StreamView {
  /** Name of the streams before the instrument. */
  family: string;
  /** False: a name made up for want of one under `streams:`. */
  named: boolean;
  from: string;
  /** In the order that numbers them on the wire. */
  ports: string[];
  /** Who reads which of them. What is delayed takes effect that much later, in a cycle of its own. */
  to: { part: string; ports: string[]; delay_us: number }[];
}

/** Null when the document has no `services:`: then there is nothing along which it could be cut. */
export function cutView(pipeline: Pipeline): CutView | null {
  const services = Object.keys(pipeline.services);
  if (services.length === 0) return null;
  const plan = createPlan(pipeline);
  const { parts } = tryCut(plan).cut;
  const nameOf = (p: { node: number; out: number }): string =>
    `${plan.nodes[p.node]!.id}.${plan.nodes[p.node]!.outs[p.out]!.port}`;
  const delayOf = ({ node, out }: { node: number; out: number }): number => {
    const n = plan.nodes[node]!;
    return n.node.feedback.includes(n.outs[out]!.port) ? n.node.delayUs : 0;
  };
  const columns = columnsOf(parts.map((p) => p.inlets.filter((i) => i.ports.some((r) => delayOf(r) === 0))));
  const isSink = (p: Part): boolean => p.nodes.every((n) => n.node.type.kind === 'sink');
  const last = Math.max(0, ...columns.filter((_, i) => !isSink(parts[i]!))) + 1;
  const views = parts.map((p, i): PartView => {
    const sink = isSink(p);
    const enters = p.nodes.some((n) => n.node.type.kind === 'source');
    return {
      id: p.id,
      service: p.service,
      kind: sink ? 'sink' : enters ? 'entrance' : 'part',
      nodes: p.nodes.map((n) => n.id),
      follows: p.inlets.map((inlet) => ({ part: parts[inlet.from]!.id, delay_us: inlet.delayUs })),
      column: sink ? last : columns[i]!,
    };
  });
  const streams = parts.flatMap((p, self) =>
    p.families.map((f): StreamView => {
      const to = parts.flatMap((reader) => {
        const read = reader.inlets
          .filter((i) => i.from === self)
          .flatMap((i) => i.ports)
          .filter((r) => f.ports.some((q) => q.node === r.node && q.out === r.out));
        const delays = [...new Set(read.map(delayOf))].sort((a, b) => a - b);
        return delays.map((delay_us) => ({
          part: reader.id,
          ports: read.filter((r) => delayOf(r) === delay_us).map(nameOf),
          delay_us,
        }));
      });
      const named = Object.hasOwn(pipeline.streams ?? {}, f.name);
      return { family: f.name, named, from: p.id, ports: f.ports.map(nameOf), to };
    }),
  );
  return {
    name: pipeline.name,
    hash: pipeline.hash,
    services,
    parts: services.flatMap((name) => views.filter((v) => v.service === name)),
    streams,
  };
}

/** Longest way from a part that reads nothing; parts form no loops but over delays. */
function columnsOf(inlets: readonly (readonly { from: number }[])[]): number[] {
  const columns: (number | undefined)[] = [];
  const visit = (p: number): number => {
    columns[p] ??= Math.max(0, ...inlets[p]!.map((i) => visit(i.from) + 1));
    return columns[p];
  };
  return inlets.map((_, p) => visit(p));
}

/** `5 ms`, `250 µs`. */
export const delayText = (us: number): string => (us % 1000 === 0 ? `${us / 1000} ms` : `${us} µs`);

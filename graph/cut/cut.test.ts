import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { MemoryBus } from '../bus/memory-bus.ts';
import { add, burst, collect, echo, loop, Numbered, PORTS, source, x } from '../engine/testing-nodes.ts';
import { keyTable } from '../engine/testing-play.ts';
import { defineGateway, defineNode, defineSink, input, output } from '../node.ts';
import { createPlan } from '../plan/plan.ts';
import { rowsReader } from '../runner/rows-reader.ts';
import { Scalar } from '../schema/index.ts';
import { type BuildNode, buildPipeline } from '../testing/build.ts';
import { type Cut, cutGraph, type Part, tryCut } from './cut.ts';
import { runPart } from './part-run.ts';

const none = z.strictObject({});
const silent = () =>
  Promise.resolve({ write: () => undefined, commit: async () => {}, rollback: () => {}, close: async () => {} });
const sink = defineSink({
  type: 'sink.test',
  version: 1,
  tier: 'gold',
  summary: 'test',
  config: none,
  ports: { in: {}, rest: input(Scalar, { key: 'any' }) },
  determinism: 'external',
  open: silent as never,
});
const gateway = defineGateway({
  type: 'test.gateway',
  version: 1,
  tier: 'gold',
  summary: 'test',
  config: none,
  ports: { in: { go: input(Numbered, { many: true }) }, out: { back: output(Numbered, { many: true }) } },
  determinism: 'journaled',
  open: () => Promise.reject(new Error('not opened')),
});
const pieces = defineNode({
  type: 'test.pieces',
  version: 1,
  tier: 'silver',
  summary: 'test',
  config: none,
  ports: { in: { list: input(Numbered, { many: true }) }, out: { one: output(Numbered, { successive: true }) } },
  determinism: 'pure',
  state: () => ({}),
  step: () => undefined,
});

type Services = Record<string, string[]>;
const planOf = (nodes: BuildNode[], services: Services, streams?: Record<string, string[]>) =>
  createPlan({ ...buildPipeline([{ id: 'src', type: source }, ...nodes]), services, ...(streams ? { streams } : {}) });
const cutOf = (nodes: BuildNode[], services: Services, streams?: Record<string, string[]>): Cut =>
  cutGraph(planOf(nodes, services, streams));
const codesOf = (nodes: BuildNode[], services: Services, streams?: Record<string, string[]>): string[] =>
  tryCut(planOf(nodes, services, streams)).problems.map((p) => p.code);

const portsOf = ({ plan }: Cut, ports: Part['families'][number]['ports']): string[] =>
  ports.map((p) => `${plan.nodes[p.node]!.id}.${plan.nodes[p.node]!.outs[p.out]!.port}`);
/** `s2.1: a b`: parts with their nodes. */
const partsOf = (cut: Cut): string[] => cut.parts.map((p) => `${p.id}: ${p.nodes.map((n) => n.id).join(' ')}`);
/** `s1.0 a.value +5`: what a part reads, `+`: how much later. */
const inletsOf = (cut: Cut, id: string): string[] =>
  cut.parts
    .find((p) => p.id === id)!
    .inlets.map((i) => `${cut.parts[i.from]!.id} ${portsOf(cut, i.ports).join(' ')} +${i.delayUs}`);
const familiesOf = (cut: Cut): string[] =>
  cut.parts.flatMap((p) => p.families.map((f) => `${p.id} ${f.name}: ${portsOf(cut, f.ports).join(' ')}`));

/** Market and venue in one service, the strategy between them in another. */
const trading = (delayUs: number): BuildNode[] => [
  { id: 'bars', type: add, in: { a: 'src.x' } },
  { id: 'orders', type: loop, in: { a: 'bars.value', back: 'venue.back' } },
  { id: 'venue', type: echo, in: { go: 'orders.go' }, feedback: ['back'], delayUs },
  { id: 'positions', type: collect, in: { list: 'venue.back' } },
];
const SERVICES: Services = { s1: ['src', 'venue'], s2: ['bars', 'orders'], s6: ['positions'] };

describe('the parts of a graph', () => {
  it('are the visits of an event to a service: market and venue of one service are two of them', () => {
    const cut = cutOf(trading(5000), SERVICES);
    expect(partsOf(cut)).toEqual(['s1.0: src', 's6.0: positions', 's2.1: bars orders', 's1.2: venue']);
    expect(cut.parts.map((p) => p.service)).toEqual(['s1', 's6', 's2', 's1']);
  });
  it('flow one way: undelayed inlets lead from earlier parts only, whatever comes back is delayed', () => {
    const cut = cutOf(trading(5000), SERVICES);
    expect(inletsOf(cut, 's2.1')).toEqual(['s1.0 src.x +0', 's1.2 venue.back +5000']);
    expect(inletsOf(cut, 's1.2')).toEqual(['s2.1 orders.go +0']);
    const stage = (p: Part): number => Number(p.id.split('.')[1]);
    for (const p of cut.parts)
      for (const i of p.inlets)
        if (i.delayUs === 0 && i.ports.length > 0) expect(stage(cut.parts[i.from]!)).toBeLessThan(stage(p));
  });
  it('follow the sources where they get nothing but feedback: an inlet without ports', () => {
    const cut = cutOf(trading(5000), SERVICES);
    expect(inletsOf(cut, 's6.0')).toEqual(['s1.2 venue.back +5000', 's1.0  +0']);
  });
  it('read a part through one inlet, also where it is the sources’ and sends them feedback', () => {
    const nodes: BuildNode[] = [
      { id: 'b', type: burst, in: { a: 'src.x' }, feedback: ['list'], delayUs: 5 },
      { id: 'c', type: collect, in: { list: 'b.list' } },
    ];
    const cut = cutOf(nodes, { s1: ['src', 'b'], s2: ['c'] });
    expect(inletsOf(cut, 's2.0')).toEqual(['s1.0 b.list +0']);
  });
  it('look ahead by the shortest delay of what they read of a part', () => {
    const cut = cutOf(
      [
        ...trading(5000),
        { id: 'sum', type: add, in: { a: 'positions.value', b: 'src.y' } },
        { id: 'late', type: add, in: { a: 'sum.value' }, feedback: ['value'], delayUs: 300 },
        { id: 'last', type: add, in: { a: 'late.value', b: 'sum.value' } },
      ],
      { ...SERVICES, s7: ['sum', 'late'], s8: ['last'] },
    );
    // `sum` reaches `last` at once, so nothing can be run ahead of its part, though `late` is delayed.
    expect(inletsOf(cut, 's8.2')).toEqual(['s7.1 sum.value late.value +0']);
  });
  it('follow each other where several have sources: an event of one reaches the others through no port', () => {
    const nodes: BuildNode[] = [
      { id: 'clock', type: source },
      { id: 'late', type: add, in: { a: 'clock.x' }, feedback: ['value'], delayUs: 5 },
      { id: 'a', type: add, in: { a: 'src.x', b: 'clock.x' } },
      { id: 'b', type: add, in: { a: 'late.value' } },
    ];
    const cut = cutOf(nodes, { s1: ['src', 'a'], s2: ['clock', 'late'], s3: ['b'] });
    expect(partsOf(cut)).toEqual(['s1.0: src', 's2.0: clock late', 's3.0: b', 's1.1: a']);
    expect(cut.parts.map((p) => p.peers)).toEqual([[1], [0], [], []]);
    expect(inletsOf(cut, 's1.0')).toEqual([]);
    // Those of one service are one part.
    expect(cutOf(nodes, { s1: ['src', 'clock'], s2: ['a', 'late', 'b'] }).parts.map((p) => p.peers.length)).toEqual([
      0, 0, 0,
    ]);
  });
  it('leave what is not cut in one piece, beside its sinks', () => {
    const nodes: BuildNode[] = [
      { id: 'a', type: add, in: { a: 'src.x' } },
      { id: 'b', type: add, in: { a: 'a.value', b: 'src.y' } },
      { id: 'file', type: sink, in: { a: 'a.value', y: 'src.y' } },
    ];
    const cut = cutOf(nodes, { all: ['src', 'a', 'b', 'file'] });
    expect(partsOf(cut)).toEqual(['all.0: src a b', 'all.file: file']);
    expect(inletsOf(cut, 'all.file')).toEqual(['all.0 src.y a.value +0']);
    // Without services, too.
    expect(partsOf(cutOf(nodes, {}))).toEqual(['all.0: src a b', 'all.file: file']);
  });
  it('keep each sink by itself, and nothing waits for one', () => {
    const nodes: BuildNode[] = [
      ...trading(5000),
      { id: 'one', type: sink, in: { v: 'positions.value' } },
      { id: 'two', type: sink, in: { v: 'bars.value', p: 'positions.value' } },
    ];
    const cut = cutOf(nodes, { ...SERVICES, s6: ['positions', 'one', 'two'] });
    expect(partsOf(cut).filter((p) => p.startsWith('s6'))).toEqual(['s6.0: positions', 's6.one: one', 's6.two: two']);
    const sinks = cut.parts.flatMap((p, i) => (p.nodes[0]!.node.type.kind === 'sink' ? [i] : []));
    expect(cut.parts.flatMap((p) => p.inlets.map((i) => i.from)).filter((p) => sinks.includes(p))).toEqual([]);
  });
  it('take the halves of a gateway apart: reports enter beside the market, commands leave like into a sink', () => {
    const nodes = trading(5000).map(
      (n): BuildNode => (n.id === 'venue' ? { id: 'venue', type: gateway, in: n.in!, key: 'none' } : n),
    );
    const cut = cutOf(nodes, SERVICES);
    expect(partsOf(cut)).toEqual([
      's1.0: src venue',
      's2.1: bars orders',
      's6.1: positions',
      's1.venue_out: venue:out',
    ]);
    expect(inletsOf(cut, 's6.1')).toEqual(['s1.0 venue.back +0']);
    // In a service of its own: reports enter there.
    const apart = cutOf(nodes, { ...SERVICES, s1: ['src'], s5: ['venue'] });
    expect(partsOf(apart)).toContain('s5.0: venue');
    expect(partsOf(apart)).toContain('s5.venue_out: venue:out');
  });
});

describe('families of streams', () => {
  it('carry what is listed for them, in the order of the plan; the rest goes under the name of its part', () => {
    const cut = cutOf(trading(5000), SERVICES, { mkt: ['src'], 'ord:cmd': ['orders'] });
    expect(familiesOf(cut)).toEqual(['s1.0 mkt: src.x', 's2.1 ord:cmd: orders.go', 's1.2 s1.2:events: venue.back']);
  });
  it('have only ports that somebody reads elsewhere', () => {
    const cut = cutOf(
      trading(5000),
      { s1: ['src', 'bars', 'orders', 'venue'], s6: ['positions'] },
      { all: ['src', 'venue'] },
    );
    expect(familiesOf(cut)).toEqual(['s1.0 all: venue.back']);
  });
  it('become one stream per instrument, and one for what has none [STO.16]', async () => {
    const nodes: BuildNode[] = [{ id: 'a', type: add, in: { a: 'src.x', b: 'src.all' } }];
    const cut = cutOf(nodes, { s1: ['src'], s2: ['a'] }, { mkt: ['src'] });
    const bus = new MemoryBus();
    const rows = [x(10, 1, 0), x(11, 2, 1), x(12, 3, -1, 'all'), x(13, 4, 0)];
    await Promise.all(
      cut.parts.map((part) =>
        runPart({
          cut,
          part,
          bus,
          naming: { prefix: '', pipeline: 'test' },
          holder: 'test',
          readers: {
            src: async (keys) => {
              for (const { name, pxDigits, qtyDigits } of keyTable().list) keys.declare(name, pxDigits, qtyDigits);
              return rowsReader(PORTS, rows, 7);
            },
          },
        }),
      ),
    );
    const [first, second] = keyTable().list.map((k) => k.name);
    const written = [...bus.streams].filter(([name, s]) => name.startsWith('mkt:') && s.position > 0);
    expect(Object.fromEntries(written.map(([name, s]) => [name, s.position]))).toEqual({
      [`mkt:{${first}}`]: 2,
      [`mkt:{${second}}`]: 1,
      'mkt:{test}': 1,
    });
  });
});

describe('what cannot be cut', () => {
  it('is feedback without delay to another part, of another service or of the same one before it had its turn', () => {
    expect(codesOf(trading(0), SERVICES)).toEqual(['CHM510']);
    expect(codesOf(trading(0), { s1: ['src', 'bars', 'orders', 'venue', 'positions'] })).toEqual([]);
    const [problem] = tryCut(planOf(trading(0), SERVICES)).problems;
    expect(problem).toMatchObject({
      message: 'venue.back is delivered at once, to positions and orders in another part of the graph',
      help: 'put venue, positions and orders into one service, with nothing of another service between them, or give venue a `delay`',
    });
    expect(() => cutOf(trading(0), SERVICES)).toThrow(expect.objectContaining({ code: 'CHM510' }));
    // In one service, but with something of another one between them.
    const apart = [
      ...trading(0).slice(0, 2),
      { id: 'far', type: collect, in: { list: 'orders.go' } },
      { id: 'back', type: burst, in: { a: 'far.value' }, feedback: ['list'] },
    ].map((n) => (n.id === 'orders' ? { ...n, in: { a: 'bars.value', back: 'back.list' } } : n));
    expect(codesOf(apart, { s1: ['src', 'bars', 'orders', 'back'], s2: ['far'] })).toEqual(['CHM510']);
    expect(codesOf(apart, { s1: ['src', 'bars', 'orders', 'back', 'far'] })).toEqual([]);
  });
  it('is a port of records one after the other that is read in another part: a sink never can', () => {
    const nodes: BuildNode[] = [
      { id: 'list', type: burst, in: { a: 'src.x' } },
      { id: 'flat', type: pieces, in: { list: 'list.list' } },
      { id: 'file', type: sink, in: { v: 'flat.one' } },
    ];
    const [problem] = tryCut(planOf(nodes, { s1: ['src', 'list', 'flat', 'file'] })).problems;
    expect(problem).toMatchObject({
      code: 'CHM510',
      help: 'a sink runs as a part of its own: let file read what flat reads',
    });
  });
  it('is a family with two writers, of two services or of two turns of one', () => {
    const all = { 'all:events': ['src', 'venue'] };
    const { problems } = tryCut(planOf(trading(5000), SERVICES, all));
    expect(problems).toMatchObject([
      {
        code: 'CHM511',
        family: 'all:events',
        message: 'the streams "all:events" would be written by 2 parts: src (part s1.0) and venue (part s1.2)',
        writers: [{ id: 'venue' }],
      },
    ]);
    expect(codesOf(trading(5000), SERVICES, { x: ['src', 'orders'] })).toEqual(['CHM511']);
    expect(codesOf(trading(5000), SERVICES, { x: ['src'], y: ['orders', 'bars'] })).toEqual([]);
  });
  it('is told all at once', () => {
    const nodes = [...trading(0), { id: 'clock', type: source }, { id: 'tick', type: add, in: { a: 'clock.x' } }];
    expect(codesOf(nodes, { ...SERVICES, s2: ['bars', 'orders', 'clock', 'tick'] }, { x: ['src', 'orders'] })).toEqual([
      'CHM510',
      'CHM511',
    ]);
  });
});

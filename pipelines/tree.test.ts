import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Pipeline } from '../graph/document/types.ts';
import { ROOT, synthetic, trend } from './testing/play.ts';

const ROOMS = ['graph', 'operators', 'sources', 'sinks', 'lake', 'venue', 'ui', 'bench'];
function sources(dir: string): string[] {
  return readdirSync(join(ROOT, dir), { recursive: true, encoding: 'utf8' })
    .map((f) => join(ROOT, dir, f))
    .filter((f) => f.endsWith('.ts') && !/\.(test|contract|conformance)\.ts$|\/testing[/-]/.test(f));
}
const read = (file: string) => readFileSync(file, 'utf8');

/** Rooms of node types that decide something about trading. */
const DECIDING = /^(feature|decision|position|routing|label|learn)\./;
const decidingIn = (pipeline: Pipeline, service: string): string[] =>
  pipeline.services[service]!.map((id) => pipeline.nodes.find((n) => n.id === id)!.type.type).filter((t) =>
    DECIDING.test(t),
  );
const importsOperators = (file: string, text: string): string[] =>
  [...text.matchAll(/from '([^']+)'/g)]
    .map((m) => m[1]!)
    .filter((from) => /(^|\/)operators\//.test(from))
    .map((from) => `${file}: ${from}`);

describe('the connectors', () => {
  it('decide nothing: no feature, rule, risk or routing node is bound to S1, and none is imported there [S1.7]', () => {
    expect(decidingIn(trend(), 's1')).toEqual([]);
    expect(trend().services['s1']).toEqual(['market', 'control', 'venue']);
    for (const file of [...sources('sources'), ...sources('venue')])
      expect(importsOperators(relative(ROOT, file), read(file))).toEqual([]);
    // The checks can fail: a rule that moves into S1, and an import of one.
    const moved = trend({}, synthetic(), (t) =>
      t
        .replace('s1: [market, control, venue]', 's1: [market, control, venue, rules]')
        .replace('guards, rules, size', 'guards, size')
        .replace('[rules, size]', '[size]'),
    );
    expect(decidingIn(moved, 's1')).toEqual(['decision.rules']);
    expect(importsOperators('market.ts', "import { rules } from '../operators/decision/index.ts';")).toEqual([
      'market.ts: ../operators/decision/index.ts',
    ]);
  });
});

describe('the dependencies', () => {
  /** Clients of message brokers; Redis is the one that is meant. */
  const BROKERS =
    /(^|[/-])(kafka|kafkajs|amqp|amqplib|rabbit|rhea|nats|stan|mqtt|stompit|zeromq|zmq|nsq|nsqjs|pulsar|servicebus|sqs|pubsub|kinesis|eventhubs?|activemq|nanomsg)($|[/-])/;
  it('hold no client of another message broker than Redis [STO.33]', () => {
    const lock = JSON.parse(read(join(ROOT, 'package-lock.json'))) as { packages: Record<string, unknown> };
    const names = Object.keys(lock.packages).map((p) => p.replace(/^.*node_modules\//, ''));
    expect(names.length).toBeGreaterThan(50);
    expect(names.filter((n) => BROKERS.test(n))).toEqual([]);
    for (const broker of [
      'kafkajs',
      'amqplib',
      '@google-cloud/pubsub',
      'nats',
      'mqtt',
      'pulsar-client',
      '@aws-sdk/client-sqs',
    ])
      expect(broker).toMatch(BROKERS);
    const code = ROOMS.flatMap(sources).flatMap((f) => [...read(f).matchAll(/from '([^.'][^']*)'/g)].map((m) => m[1]!));
    expect(code.filter((n) => BROKERS.test(n))).toEqual([]);
  });
});

describe('the benchmarks', () => {
  /** File, and the goals that its figures are held against. */
  const HOT_PATHS: readonly [what: string, file: string, goals: readonly RegExp[]][] = [
    [
      'engine: generated plan, interpreter, rx nodes',
      'graph-nodes.ts',
      [/at_most: 25\b/, /at_most: 60\b/, /at_most: 120\b/],
    ],
    [
      'replay through the whole graph and up to its features, and memory',
      'replay.ts',
      [/at_least: 300_000/, /at_least: 600_000/, /at_most: 500\b/],
    ],
    ['candles through a strategy', 'candles.ts', [/at_least: goal/, /800_000/]],
    ['raw frames into the lake', 'import.ts', [/100_000 : 150_000/]],
  ];
  it('cover each hot path, each with its budget, and are all run together [DEP.18]', () => {
    const run = read(join(ROOT, 'bench/run.ts'));
    for (const [what, file, goals] of HOT_PATHS) {
      expect(run, what).toContain(`from './${file}'`);
      for (const goal of goals) expect(read(join(ROOT, 'bench', file)), `${what}: ${goal}`).toMatch(goal);
    }
    expect(run).toMatch(/figures\.every\(reached\)/);
  });
});

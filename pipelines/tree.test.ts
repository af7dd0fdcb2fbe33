import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Pipeline } from '../graph/document/types.ts';
import { codeTables } from '../ui/cli/registry.ts';
import { ROOT, synthetic, trend } from './testing/play.ts';

const ROOMS = ['graph', 'operators', 'sources', 'sinks', 'lake', 'venue', 'ui', 'bench'];
function sources(dir: string): string[] {
  return readdirSync(join(ROOT, dir), { recursive: true, encoding: 'utf8' })
    .map((f) => join(ROOT, dir, f))
    .filter((f) => f.endsWith('.ts') && !/\.(test|contract|conformance)\.ts$|\/testing[/-]/.test(f));
}
const read = (file: string) => readFileSync(file, 'utf8');

describe('the error codes', () => {
  it('are one list: every code that the source can give is documented there, and only once [DEP.12]', () => {
    const documented = new Map<string, string>();
    for (const table of codeTables)
      for (const [code, { title, text }] of Object.entries(table)) {
        expect(documented.has(code), `${code} is in two tables`).toBe(false);
        expect(title.length, code).toBeGreaterThan(5);
        expect(text.length, code).toBeGreaterThan(20);
        documented.set(code, title);
      }
    const missing: string[] = [];
    let given = 0;
    for (const file of ROOMS.flatMap(sources))
      for (const [, code] of read(file).matchAll(/['"`](CHM\d{3})['"`]/g)) {
        given++;
        if (!documented.has(code!)) missing.push(`${relative(ROOT, file)}: ${code}`);
      }
    expect(given).toBeGreaterThan(200);
    expect(missing).toEqual([]);
  });

  it('are not left behind: each documented code is given somewhere', () => {
    const text = ROOMS.flatMap(sources).map(read).join('\n');
    const unused = codeTables
      .flatMap((t) => Object.keys(t))
      .filter((code) => (text.match(new RegExp(`\\b${code}\\b`, 'g')) ?? []).length < 2);
    expect(unused).toEqual([]);
  });
});

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
    expect(trend().services['s1']).toEqual(['market', 'venue']);
    for (const file of [...sources('sources'), ...sources('venue')])
      expect(importsOperators(relative(ROOT, file), read(file))).toEqual([]);
    // The checks can fail: a rule that moves into S1, and an import of one.
    const moved = trend({}, synthetic(), (t) =>
      t.replace('s1: [market, venue]', 's1: [market, venue, rules]').replace('guards, rules, size', 'guards, size'),
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

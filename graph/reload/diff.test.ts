import { describe, expect, it } from 'vitest';
import { add, join, source, sumAll, timed } from '../engine/testing-nodes.ts';
import { type BuildNode, buildPipeline } from '../testing/build.ts';
import { diffPipelines } from './diff.ts';
import { diffText } from './diff-text.ts';

const graph = (...nodes: BuildNode[]) => buildPipeline([{ id: 'src', type: source }, ...nodes]);
const n = (more: Partial<BuildNode> = {}): BuildNode => ({ id: 'n', type: add, in: { a: 'src.x' }, ...more });
const fateOf = (from: BuildNode, to: BuildNode, id = 'n') =>
  diffPipelines(graph(from), graph(to)).nodes.find((x) => x.id === id)!;

describe('the difference of two graphs', () => {
  it('keeps what agrees, and restarts what has another type, options, key, version or inputs, with the reason', () => {
    expect(fateOf(n(), n())).toMatchObject({ fate: 'kept', reasons: [] });
    expect(fateOf(n(), n({ type: timed }))).toMatchObject({
      fate: 'restarted',
      reasons: [{ kind: 'type', from: 'test.add', to: 'test.timed' }],
    });
    expect(fateOf(n(), n({ with: { plus: 3 } }))).toMatchObject({
      fate: 'restarted',
      reasons: [{ kind: 'options', changed: [{ name: 'plus', from: 1, to: 3 }] }],
    });
    expect(fateOf(n(), n({ key: 'none', in: { a: 'src.all' } }))).toMatchObject({
      fate: 'restarted',
      reasons: [{ kind: 'key', from: 'instrument', to: 'none' }, { kind: 'rewired' }],
    });
    expect(fateOf(n(), n({ in: { a: 'src.x', b: 'src.y' } }))).toMatchObject({
      fate: 'restarted',
      reasons: [{ kind: 'inputs', ports: ['b'] }],
    });
  });

  it('restarts another version, unless the type migrates', () => {
    const next = { ...add, version: 2 } as typeof add;
    const [version] = fateOf(n(), n({ type: next })).reasons;
    expect(fateOf(n(), n({ type: next })).fate).toBe('restarted');
    expect(version).toEqual({ kind: 'version', from: 1, to: 2, migrates: false });
    const migrating = { ...next, migrate: (old: unknown) => old as { runs: number } } as typeof add;
    expect(fateOf(n(), n({ type: migrating }))).toMatchObject({ fate: 'kept', reasons: [{ migrates: true }] });
  });

  it('keeps a node whose inputs are others of the same layout, and one behind a node that starts anew, and says so', () => {
    expect(fateOf(n(), n({ in: { a: 'src.y' } }))).toMatchObject({
      fate: 'kept',
      reasons: [{ kind: 'rewired', ports: ['a'] }],
    });
    const behind: BuildNode = { id: 'm', type: add, in: { a: 'n.value' } };
    const diff = diffPipelines(graph(n(), behind), graph(n({ with: { plus: 2 } }), behind));
    expect(diff.nodes.find((x) => x.id === 'm')).toMatchObject({ fate: 'kept', reasons: [], upstream: ['n'] });
  });

  it('lists what comes and goes, nodes and edges, and settings that change nothing of the state', () => {
    const from = graph(n(), { id: 'old', type: join, in: { p: 'n.value', q: 'src.x', r: 'src.y' } });
    const to = graph(n({ onError: 'quarantine' }), { id: 'new', type: sumAll, in: { x: 'n.value' }, key: 'none' });
    const diff = diffPipelines(from, to);
    expect(diff.nodes.map((x) => [x.id, x.fate])).toEqual([
      ['src', 'kept'],
      ['n', 'kept'],
      ['new', 'added'],
      ['old', 'dropped'],
    ]);
    expect(diff.edges).toEqual([
      { change: 'dropped', from: 'n.value', to: 'old.p' },
      { change: 'dropped', from: 'src.x', to: 'old.q' },
      { change: 'dropped', from: 'src.y', to: 'old.r' },
      { change: 'added', from: 'n.value', to: 'new.x' },
    ]);
    expect(diffText(diff)).toContain('= n (test.add): on_error "stop" → "quarantine"');
    expect(diffText(diff)).toContain('- old (test.join)');
    expect(diffText(diff)).toContain('+ n.value → new.x');
  });

  it('restarts what is asked to', () => {
    const diff = diffPipelines(graph(n()), graph(n()), ['n']);
    expect(diff.same).toBe(false);
    expect(diff.nodes.find((x) => x.id === 'n')).toMatchObject({ fate: 'restarted', reasons: [{ kind: 'asked' }] });
  });
});

import { describe, expect, it } from 'vitest';
import { chimera } from '../testing/said.ts';

const trend = 'pipelines/trend.yaml';
const pair = [trend, trend, '--set', 'preset=recording'];

describe('chimera diff', () => {
  it('says which nodes a changed parameter restarts, and what they reach', async () => {
    const { code, out } = await chimera(['diff', ...pair, '--to-set', 'regime=9', '--json']);
    const said = JSON.parse(out);
    expect(code).toBe(0);
    expect(said).toMatchObject({
      ok: true,
      same: false,
      reloadable: true,
      restarted: ['regime'],
      dropped: [],
      added: [],
    });
    expect(said.params).toEqual([{ name: 'regime', from: 4, to: 9 }]);
    const node = (id: string) => said.nodes.find((n: { id: string }) => n.id === id);
    expect(node('regime').reasons).toEqual([{ kind: 'options', changed: [{ name: 'period', from: 4, to: 9 }] }]);
    expect(node('orders')).toMatchObject({ fate: 'kept', reasons: [], upstream: ['regime'] });
    expect(node('book')).toMatchObject({ fate: 'kept', upstream: [] });
    const text = await chimera(['diff', ...pair, '--to-set', 'regime=9']);
    expect(text.out).toContain('~ regime (feature.regime): period 4 → 9');
    expect(text.out).toContain('= orders (routing.router): reads from regime that starts anew');
    expect(text.out).toContain('regime 4 → 9');
  });

  it('says that a graph is the same, and which one cannot take the place of a running one', async () => {
    expect((await chimera(['diff', ...pair])).out).toContain('the graph is the same');
    const { code, out } = await chimera(['diff', ...pair, '--to-set', 'symbols=[BTCUSDT]', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ reloadable: false, refused: { code: 'CHM751' } });
    expect((await chimera(['diff', trend, 'pipelines/nowhere.yaml'])).code).toBe(2);
  });
});

import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

/** Megabytes of V8's young generation (both halves) after much of what was made survived for a while. */
function youngMb(prepare: string): number {
  const script = `
    ${prepare}
    const { getHeapSpaceStatistics } = await import('node:v8');
    let kept = [];
    for (let i = 0; i < 3e6; i++) {
      kept.push({ i });
      if (kept.length === 4e5) kept = [];
    }
    const young = getHeapSpaceStatistics().find((s) => s.space_name === 'new_space');
    process.stdout.write(String(young.space_size / 2 ** 20));`;
  const r = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  expect(r.stderr).toBe('');
  return Number(r.stdout);
}

it("the command's young generation grows to twice 4 MB and no further", () => {
  const young = new URL('../../bin/v8.js', import.meta.url).href;
  const kept = youngMb(`(await import('${young}')).keepYoungSmall();`);
  expect(kept).toBeGreaterThan(4);
  expect(kept).toBeLessThan(10);
  expect(youngMb('')).toBeGreaterThan(20);
});

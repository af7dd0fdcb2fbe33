import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TEXTS } from '../i18n/texts.ts';
import { chromiumPath, NO_BROWSER } from './chromium.ts';
import { Desk, type Person, picture, view } from './desk.ts';
import { keptRun } from './kept-run.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const VIEWS: readonly (readonly [string, string])[] = [
  ['graph', view('graph')],
  ['node', `${view('graph')}?node=rsi&panel=values`],
  ['trading', view('trading')],
  ['time-machine', view('time')],
  ['editor', view('editor')],
  ['runs', '/app/runs'],
  ['report', view('report', 'as-it-is')],
  ['compare', '/app/compare?a=as-it-is&b=slower'],
  ['health', '/app/operations/health'],
  ['alerts', '/app/operations/alerts'],
  ['kill-switch', '/app/operations/kill'],
  ['dead-letters', '/app/operations/dead-letters'],
  ['streams', '/app/operations/streams'],
  ['checkpoints', '/app/operations/checkpoints'],
  ['audit-log', '/app/operations/audit'],
  ['users', '/app/operations/users'],
];

describe.skipIf(chromiumPath() === undefined)(`every view, in both languages (${chromiumPath() ?? NO_BROWSER})`, () => {
  let desk: Desk;
  const people: Record<'en' | 'zh-Hant', Person> = {} as never;
  beforeAll(async () => {
    desk = await Desk.open();
    await keptRun(desk.served.home, 'as-it-is');
    await keptRun(desk.served.home, 'slower', (yaml) => yaml.replace('slow: 4', 'slow: 12'));
    people.en = await desk.person('ada', 'administrator', { language: 'en' });
    people['zh-Hant'] = await desk.person('ada', 'administrator', { language: 'zh-Hant', theme: 'dark' });
    for (const p of Object.values(people)) {
      // The layout is computed once per browser and kept: pictures are of the finished one.
      await p.open(view('graph'));
      await p.page.locator('.service').first().waitFor({ timeout: 60_000 });
    }
  }, 240_000);
  afterAll(() => desk?.close());

  for (const [name, path] of VIEWS)
    for (const language of ['en', 'zh-Hant'] as const)
      it(`${name} in ${language} has a name, no serious finding of axe, and nothing that runs off the page`, async () => {
        const { page, errors } = people[language];
        await page.goto(path);
        await page.locator('main h1').first().waitFor({ state: 'attached' });
        await settled(page);
        await picture(page, language === 'en' ? name : `${name}-zh-dark`);
        const serious = await axe(page);
        expect(serious).toEqual([]);
        const wide = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(wide).toBeLessThanOrEqual(0);
        expect(errors.splice(0)).toEqual([]);
      });

  it('has every text in both languages, with the same places to fill in', () => {
    const places = (s: string) => [...s.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();
    const all: [string, readonly [string, string]][] = Object.entries(TEXTS);
    const wrong = all.filter(([, [en, zh]]) => en === '' || zh === '' || String(places(en)) !== String(places(zh)));
    expect(wrong).toEqual([]);
  });
  it('leaves no English sentence standing in the Chinese page', async () => {
    const { page } = people['zh-Hant'];
    await page.goto('/app/operations/kill');
    await settled(page);
    expect(await page.locator('nav').innerText()).not.toMatch(/[A-Za-z]{4,}/);
  });
  it('fits a telephone in every view: nothing runs off its side', async () => {
    const p = await desk.person('ada', 'administrator', { language: 'zh-Hant', width: 390, height: 844 });
    const off: string[] = [];
    for (const [name, path] of VIEWS) {
      await p.page.goto(path);
      await p.page.locator('main h1').first().waitFor({ state: 'attached' });
      await settled(p.page);
      if (['graph', 'trading', 'time-machine', 'editor', 'alerts', 'health'].includes(name))
        await picture(p.page, `${name}-narrow`);
      const wide = await p.page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      if (wide > 0) off.push(`${name}: ${wide} px`);
      // Above everything, and all of it.
      const kill = (await p.page.getByRole('banner').getByRole('button', { name: '緊急停止' }).boundingBox())!;
      if (kill.y > 46 || kill.x + kill.width > 390) off.push(`${name}: the kill switch is at ${kill.x}, ${kill.y}`);
      const main = (await p.page.locator('main').boundingBox())!;
      const rail = (await p.page.getByRole('navigation', { name: '主導覽' }).boundingBox())!;
      if (main.y < 46 || main.x < rail.x + rail.width - 1) off.push(`${name}: the view lies under the navigation`);
    }
    expect(off).toEqual([]);
    await p.context.close();
  });
  it('fits a narrow window: the kill switch stays in reach', async () => {
    const p = await desk.person('ada', 'administrator', { width: 900, height: 700 });
    await p.open(view('graph'));
    const button = p.page.getByRole('banner').getByRole('button', { name: /Kill switch/ });
    const box = (await button.boundingBox())!;
    expect(box.x + box.width).toBeLessThanOrEqual(900);
    await p.context.close();
  });
});

/** Nothing is being loaded any more, or it takes too long for a picture. */
async function settled(page: Page): Promise<void> {
  await page.waitForTimeout(600);
  await page
    .locator('.spinner')
    .first()
    .waitFor({ state: 'detached', timeout: 10_000 })
    .catch(() => {});
  await page.waitForTimeout(400);
}

async function axe(page: Page): Promise<string[]> {
  // Through the debugger: the page's policy would refuse a script element.
  await page.evaluate(AXE);
  const result = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(o: object): Promise<AxeResults> } }).axe.run({
      resultTypes: ['violations'],
    }),
  );
  return result.violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .map(
      (v) =>
        `${v.id}: ${v.nodes
          .map((n) => `${n.target.join(' ')} (${n.failureSummary?.split('\n')[1]?.trim() ?? ''})`)
          .slice(0, 4)
          .join('; ')}`,
    );
}

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, NO_BROWSER } from '../../testing/chromium.ts';
import { Desk, type Person, view } from '../../testing/desk.ts';

describe.skipIf(chromiumPath() === undefined)(`the view of the graph (${chromiumPath() ?? NO_BROWSER})`, () => {
  let desk: Desk;
  let ada: Person;
  let page: Page;
  beforeAll(async () => {
    desk = await Desk.open();
    ada = await desk.person('ada', 'administrator');
    page = ada.page;
    await ada.open(view('graph'));
    await page.locator('.gnode').first().waitFor();
  }, 240_000);
  afterAll(() => desk?.close());
  const node = (id: string) => page.locator(`[data-node="${id}"]`);
  const panel = () => page.getByRole('complementary', { name: /^Node / });

  it('has a box for each node of the pipeline, in the lane of its tier', async () => {
    const graph = desk.served.local.runs.get('trend-live')!.graph()!;
    expect(await page.locator('.gnode').count()).toBe(graph.nodes.length);
    const lane = async (tier: string) => (await page.locator(`.lane[data-tier="${tier}"]`).boundingBox())!;
    const [bronze, silver, gold] = [await lane('bronze'), await lane('silver'), await lane('gold')];
    expect(bronze.x).toBeLessThan(silver.x);
    expect(silver.x).toBeLessThan(gold.x);
    for (const [id, l] of [
      ['market', bronze],
      ['rsi', silver],
      ['orders', gold],
    ] as const) {
      const b = (await node(id).boundingBox())!;
      expect(b.x).toBeGreaterThanOrEqual(l.x - 1);
      expect(b.x + b.width).toBeLessThanOrEqual(l.x + l.width + 1);
    }
  });
  it('draws borders around services once the layout is there, and no two boxes over each other', async () => {
    await page.locator('.service').first().waitFor({ timeout: 45_000 });
    const boxes = await page
      .locator('.gnode')
      .evaluateAll((all) => all.map((e) => e.getBoundingClientRect().toJSON() as DOMRect));
    const over = boxes.flatMap((a, i) =>
      boxes
        .slice(i + 1)
        .filter((b) => a.x < b.right - 1 && b.x < a.right - 1 && a.y < b.bottom - 1 && b.y < a.bottom - 1),
    );
    expect(over).toEqual([]);
    expect(await page.locator('.service').count()).toBeGreaterThanOrEqual(5);
  });
  it('shows rates that are the run’s own and go on changing', async () => {
    const rate = node('quotes').locator('.rate');
    await expect.poll(() => rate.innerText(), { timeout: 15_000 }).toMatch(/^\d/);
    const shown = await rate.innerText();
    await expect.poll(() => rate.innerText(), { timeout: 15_000 }).not.toBe(shown);
  });
  it('finds nodes by id, type and service, fades the others, and opens the first with Enter', async () => {
    const search = page.getByLabel('Search nodes');
    await search.fill('realised');
    await page.getByText('2 nodes').waitFor();
    expect(await page.locator('.gnode[data-faded="false"]').count()).toBe(2);
    await search.fill('rsi');
    await search.press('Enter');
    await panel().getByRole('heading', { name: 'rsi' }).waitFor();
    await search.fill('nothing like it');
    await page.getByText('No node matches').waitFor();
    await search.fill('');
  });
  it('opens a node by its address, with its sheet', async () => {
    await ada.open(`${view('graph')}?node=atr&panel=spec`);
    await panel().getByRole('heading', { name: 'atr' }).waitFor();
    await panel().getByText('Average true range: Wilder smoothing of the true range of closed bars.').waitFor();
  });
  it('says of a node what it is: options with bounds, ports with fields and units', async () => {
    await panel().getByText('period', { exact: true }).waitFor();
    expect(await panel().innerText()).toMatch(/period\s+3 whole number, at least 1, bars/);
    await panel().locator('summary', { hasText: 'value' }).click();
    await panel().getByRole('cell', { name: 'quote' }).waitFor();
  });
  it('says of a node what it holds now: its last value, and the state behind it', async () => {
    await panel().getByRole('tab', { name: 'Values' }).click();
    await panel()
      .getByText(/Cycle time/)
      .waitFor();
    await panel().getByRole('heading', { name: 'Last values' }).waitFor();
    // Wilder's range is its own last output.
    const text = () => panel().innerText();
    await expect.poll(text, { timeout: 30_000 }).toMatch(/value\s+[\d.]+[\s\S]*atr:\s+[\d.]+/);
    const [, value, state] = /value\s+([\d.]+)\s[\s\S]*atr:\s+([\d.]+)/.exec(await text())!;
    expect(value).toBe(state);
  });
  it('lists the edges of a node with rate, hand-over and back-pressure, for those without a mouse', async () => {
    await panel().getByRole('columnheader', { name: 'p99' }).waitFor();
    expect(await panel().getByRole('button', { name: /bars/ }).count()).toBeGreaterThan(0);
  });
  it('watches a port with a tap', async () => {
    await ada.open(`${view('graph')}?node=quotes&panel=tap`);
    await panel().getByRole('button', { name: 'Open tap' }).click();
    await panel().locator('.tap-rows tbody tr').first().waitFor();
    expect(await panel().getByRole('columnheader', { name: 'bid_px' }).count()).toBe(1);
    await expect.poll(() => panel().locator('.tap-rows tbody tr').count(), { timeout: 15_000 }).toBeGreaterThan(5);
  });
  it('shows only rows for which the condition of a tap holds', async () => {
    await ada.open(`${view('graph')}?node=trades&panel=tap`);
    await panel().getByLabel('Filter (CEL)').fill('side == "buy"');
    await panel().getByRole('button', { name: 'Open tap' }).click();
    await panel().locator('.tap-rows tbody tr').first().waitFor({ timeout: 30_000 });
    const index = await panel()
      .locator('.tap-rows th')
      .evaluateAll((all) => all.findIndex((e) => e.textContent === 'side'));
    const shown = await panel()
      .locator(`.tap-rows tbody td:nth-child(${index + 1})`)
      .allInnerTexts();
    expect(shown.length).toBeGreaterThan(0);
    expect(shown.every((s) => s === 'buy')).toBe(true);
  });
  it('refuses a tap whose condition is wrong, with a code', async () => {
    await panel().getByLabel('Filter (CEL)').fill('no_such_field > 1');
    await panel().getByRole('button', { name: 'Open tap' }).click();
    const said = await panel().getByRole('alert').innerText();
    expect(said).toContain('CHM811 unknown feature "no_such_field"');
    expect(said).toContain('Code CHM1137');
  });
  it('shows the way up to the frames and down to the sinks, and goes there', async () => {
    await ada.open(`${view('graph')}?node=fast&panel=lineage`);
    const text = await panel().innerText();
    for (const id of ['bars', 'trades', 'market', 'features', 'rules', 'orders']) expect(text).toContain(id);
    await panel().getByRole('button', { name: 'features' }).click();
    await panel().getByRole('heading', { name: 'features' }).waitFor();
    expect(page.url()).toContain('node=features');
  });
  it('is worked by keyboard alone: a node is a button, Enter opens it, Escape closes', async () => {
    await ada.open(view('graph'));
    await node('rsi').focus();
    await page.keyboard.press('Enter');
    await panel().getByRole('heading', { name: 'rsi' }).waitFor();
    await page.keyboard.press('Escape');
    await panel().waitFor({ state: 'detached' });
  });
  it('opens a node by a click, and closes it by a click beside', async () => {
    await ada.open(view('graph'));
    await page.locator('.service').first().waitFor({ timeout: 45_000 });
    await node('atr').click();
    await panel().getByRole('heading', { name: 'atr' }).waitFor();
    await page.locator('.react-flow__pane').click({ position: { x: 20, y: 20 } });
    await panel().waitFor({ state: 'detached' });
  });
  it('says what flows over a line while the pointer is on it', async () => {
    const at = await page.locator('path.touch').evaluateAll((all) => {
      for (const e of all as SVGPathElement[]) {
        const p = e.getPointAtLength(e.getTotalLength() / 2).matrixTransform(e.getScreenCTM()!);
        if (document.elementFromPoint(p.x, p.y) === e) return [p.x, p.y] as const;
      }
      return undefined;
    });
    await page.mouse.move(...at!);
    await page.locator('.edge-card').getByText('Back-pressure').waitFor();
  });
  it('hides feedback when asked', async () => {
    const drawn = () => page.locator('path.link[data-feedback="true"]').count();
    await expect.poll(drawn, { timeout: 15_000 }).toBeGreaterThan(0);
    await page.getByRole('button', { name: 'Feedback edges' }).click();
    await expect.poll(drawn, { timeout: 15_000 }).toBe(0);
  });
  it('has a minimap and a legend', async () => {
    await page.getByLabel('Minimap').waitFor();
    await page.getByRole('button', { name: 'Legend' }).click();
    await page.getByText('Width: records per second').waitFor();
  });
  it('says to a viewer what their role does not allow, before the server has to', async () => {
    const bob = await desk.person('bob', 'viewer');
    await bob.open(`${view('graph')}?node=rsi&panel=tap`);
    await bob.page.getByText('Your role may not do this (research).').waitFor();
    await bob.context.close();
  });
  it('throws no error and breaks no policy on the way', () => {
    expect(ada.errors).toEqual([]);
  });
});

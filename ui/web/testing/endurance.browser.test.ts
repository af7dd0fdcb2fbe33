import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accelerate } from './accelerate.ts';
import { chromiumPath, NO_BROWSER } from './chromium.ts';
import { Desk, type Person, view } from './desk.ts';

/** Two hours at four updates a second, in laps of twenty minutes. */
const UPDATES = 2 * 3600 * 4;
const LAPS = 6;
const MiB = 2 ** 20;

interface Held {
  readonly heap: number;
  readonly nodes: number;
  readonly listeners: number;
}

describe.skipIf(chromiumPath() === undefined)(`a page that stays open (${chromiumPath() ?? NO_BROWSER})`, () => {
  let desk: Desk;
  beforeAll(async () => {
    desk = await Desk.open();
  }, 240_000);
  afterAll(() => desk?.close());

  it(`holds no more after two hours than after the first twenty minutes: ${UPDATES} updates, taps and every view`, async () => {
    const ada = await desk.person('ada', 'administrator');
    const { page } = ada;
    const fed = await accelerate(page, 150);
    const session = await ada.context.newCDPSession(page);
    await session.send('HeapProfiler.enable');
    await ada.open(view('graph'));
    await page.locator('.service').first().waitFor({ timeout: 60_000 });

    const held = async (): Promise<Held> => {
      // Twice: what the first round finalises, the second one frees.
      for (let i = 0; i < 2; i++) await session.send('HeapProfiler.collectGarbage');
      const { usedSize } = await session.send('Runtime.getHeapUsage');
      const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters');
      return { heap: usedSize, nodes, listeners: jsEventListeners };
    };
    const laps: Held[] = [];
    for (let lap = 1; lap <= LAPS; lap++) {
      await lookAround(ada);
      // At the graph with a tap open until the twenty minutes are over.
      await expect
        .poll(async () => (await fed()).stats, { timeout: 240_000 })
        .toBeGreaterThanOrEqual((UPDATES / LAPS) * lap);
      await page.getByRole('button', { name: 'Close tap' }).click();
      // Measured where nothing of the graph is shown.
      await page.getByRole('navigation').getByText('Runs', { exact: true }).click();
      await page.getByRole('row', { name: /trend-live/ }).waitFor();
      await page.waitForTimeout(500);
      laps.push(await held());
    }
    const { stats, rows, others } = await fed();
    const text = laps
      .map((h) => `${(h.heap / MiB).toFixed(1)} MiB, ${h.nodes} nodes, ${h.listeners} listeners`)
      .join('; ');
    console.log(
      `${stats} updates, ${rows} deliveries of rows, ${others} other messages. After each twenty minutes: ${text}`,
    );
    // The first lap loads the views.
    const [, second] = laps as [Held, Held];
    const last = laps.at(-1)!;
    expect(last.heap, text).toBeLessThan(second.heap * 1.15 + MiB);
    expect(last.nodes, text).toBeLessThan(second.nodes * 1.1 + 100);
    expect(last.listeners, text).toBeLessThan(second.listeners * 1.1 + 20);
    expect(ada.errors).toEqual([]);
    await ada.context.close();
  }, 900_000);
});

/** What somebody does in twenty minutes: every view by its link, a node and its sheets, a tap. */
async function lookAround({ page }: Person): Promise<void> {
  const go = async (name: string, settledBy: string) => {
    await page.getByRole('navigation').getByText(name, { exact: true }).click();
    await page.locator(settledBy).first().waitFor();
  };
  await go('Trading', '.panel');
  await go('Time machine', '.time-view .gnode');
  await go('Editor', '.cm-content');
  await go('Runs', 'main h1');
  await go('Operations', 'main [role="tab"]');
  for (const tab of ['Alerts', 'Dead letters', 'Streams', 'Checkpoints', 'Audit log', 'Users', 'Health'])
    await page.getByRole('tab', { name: tab }).click();
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await go('Graph', '.gnode');
  for (const id of ['rsi', 'bars', 'quotes']) {
    await page.locator(`[data-node="${id}"]`).click();
    for (const tab of ['Values', 'Lineage', 'Tap']) await page.getByRole('tab', { name: tab, exact: true }).click();
  }
  await page.getByRole('button', { name: 'Open tap' }).click();
  await page.locator('.tap-rows tbody tr').first().waitFor();
}

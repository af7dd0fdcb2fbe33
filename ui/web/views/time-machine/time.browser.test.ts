import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, NO_BROWSER } from '../../testing/chromium.ts';
import { Desk, type Person, picture, view } from '../../testing/desk.ts';

describe.skipIf(chromiumPath() === undefined)(`the time machine (${chromiumPath() ?? NO_BROWSER})`, () => {
  let desk: Desk;
  let ada: Person;
  let page: Page;
  beforeAll(async () => {
    desk = await Desk.open();
    ada = await desk.person('ada', 'researcher');
    page = ada.page;
    await ada.open(view('time'));
  }, 240_000);
  afterAll(() => desk?.close());
  const sheet = () => page.getByRole('complementary', { name: 'Time machine' });
  const picks = () => page.locator('.picks button');

  it('lists decision moments as they come, trades and non-trades', async () => {
    await picks().first().waitFor({ timeout: 45_000 });
    await expect.poll(() => picks().count(), { timeout: 30_000 }).toBeGreaterThan(3);
  });
  it('explains a decision: layers, conditions, operands', async () => {
    await page.getByLabel('Show').selectOption('no trades');
    await picks().first().click();
    await sheet().getByRole('heading', { name: 'Why it did not trade' }).waitFor();
    await sheet().getByText('Layer rules').waitFor();
    expect(await sheet().locator('.conditions li').count()).toBeGreaterThan(2);
    expect(await sheet().innerText()).toMatch(/ema_fast\s*=\s*[\d.]+/);
  });
  it('says which change would have turned a condition round', async () => {
    expect(await sheet().innerText()).toMatch(/would have turned with .+( = .+ \(was .+\)| in place of .+)/);
    await picture(page, 'why-not');
  });
  it('explains a trade as well', async () => {
    await page.getByLabel('Show').selectOption('trades');
    await picks().first().waitFor({ timeout: 45_000 });
    await picks().first().click();
    await sheet().getByRole('heading', { name: 'Why it traded' }).waitFor();
  });
  it('keeps decision and sheet in the address: a link shows the same', async () => {
    const address = page.url();
    expect(address).toMatch(/why=\d+/);
    await page.goto(address);
    await sheet().getByRole('heading', { name: 'Why it traded' }).waitFor();
  });
  it('leads from an order back to the frame that caused it', async () => {
    await page.getByRole('tab', { name: 'Orders' }).click();
    // One that is in the store already, and that the rules asked for: those of stops begin with the stop.
    const asked = () => sheet().innerText();
    for (let i = 12; !/%2Frules%2F/.test(await asked()); i++) {
      await picks().nth(i).click({ timeout: 45_000 });
      await sheet()
        .getByRole('heading', { name: /Lineage of order/ })
        .waitFor();
      await sheet().locator('.lineage li, [role=alert]').first().waitFor();
    }
    expect(await asked()).toMatch(/_key=trend\.intent\.[\s\S]*_key=trend\.documents\.signal\.market\.\d+/);
    expect(await asked()).toMatch(/inputs\/trend\.market\.\d+/);
    await picture(page, 'lineage');
  });
  it('takes a moment by time, and says how it is written when it is not understood', async () => {
    await page.getByLabel(/Engine time/).fill('yesterday');
    await page.locator('.moment-bar form').nth(1).getByRole('button', { name: 'Go' }).click();
    await page.locator('.moment-bar .bad').waitFor();
    await page.getByLabel(/Engine time/).fill('2024-01-01 00:00:05.250');
    await page.locator('.moment-bar form').nth(1).getByRole('button', { name: 'Go' }).click();
    await page.waitForURL('**at=1704067205250000*');
  });
  it('shows what each node held at a cycle, and steps to the next and back', async () => {
    await ada.open(`${view('time')}?cycle=1000`);
    await sheet().getByText('Ran in this cycle, in order').waitFor({ timeout: 45_000 });
    expect(await sheet().innerText()).toMatch(/Caused by\s+(market|venue|control)/);
    const ran = await page.locator('.gnode[data-ran="true"]').count();
    expect(ran).toBeGreaterThan(0);
    expect(ran).toBeLessThan(await page.locator('.gnode').count());
    await page.getByRole('button', { name: 'One cycle forward' }).click();
    await page.waitForURL('**cycle=1001*');
    await page.keyboard.press('[');
    await page.waitForURL('**cycle=1000*');
  });
  it('is closed to those who only look on', async () => {
    const bob = await desk.person('bob', 'viewer');
    await bob.open(view('time'));
    await bob.page.getByText('Your role may not do this (research).').waitFor();
    await bob.context.close();
  });
  it('throws no error and breaks no policy on the way', () => {
    expect(ada.errors).toEqual([]);
  });
});

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, NO_BROWSER } from '../../testing/chromium.ts';
import { Desk, type Person, picture, view } from '../../testing/desk.ts';
import { keptRun } from '../../testing/kept-run.ts';

describe.skipIf(chromiumPath() === undefined)(`operations, runs and trading (${chromiumPath() ?? NO_BROWSER})`, () => {
  let desk: Desk;
  let ada: Person;
  let page: Page;
  beforeAll(async () => {
    desk = await Desk.open();
    await keptRun(desk.served.home, 'as-it-is');
    await keptRun(desk.served.home, 'slower', (yaml) => yaml.replace('slow: 4', 'slow: 12'));
    ada = await desk.person('ada', 'administrator');
    page = ada.page;
  }, 240_000);
  afterAll(() => desk?.close());
  const operations = (tab: string) => ada.open(`/app/operations/${tab}`);

  it('shows all twelve services with their checks', async () => {
    await operations('health');
    await page.getByRole('row').nth(1).waitFor();
    expect(await page.locator('tbody tr').count()).toBe(12);
    expect(await page.locator('tbody').innerText()).toContain('Order Router');
  });
  it('moves between its sections by arrow keys', async () => {
    await page.getByRole('tab', { name: 'Health' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.waitForURL('**/operations/alerts');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('Alerts');
  });
  it('lists checkpoints of the run with size and time', async () => {
    await operations('checkpoints');
    const row = page.locator('tbody tr').first();
    await row.waitFor({ timeout: 60_000 });
    expect(await row.innerText()).toMatch(/^\d+\s+2024-01-01 \d\d:\d\d:\d\d\.\d{3}\s+[\d.,]+\s?KiB/);
  });
  it('says that there are no dead letters, and no streams without a bus', async () => {
    await operations('dead-letters');
    await page.getByText('No dead letter').waitFor();
    await operations('streams');
    await page.getByText('No streams').waitFor();
  });
  it('adds a person with roles, who then stands in the list and in the audit log [S12.9]', async () => {
    await operations('users');
    await page.getByRole('button', { name: 'Add a user' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('carol');
    await dialog.getByLabel('operator').check();
    await dialog.getByLabel(/^Password/).fill('a long enough password');
    await picture(page, 'user');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('row', { name: /carol/ }).waitFor();
    expect(await page.getByRole('row', { name: /carol/ }).innerText()).toContain('operator');
    await operations('audit');
    await page
      .getByRole('row', { name: /ada.*POST \/v1\/users/ })
      .first()
      .waitFor();
  });
  it('verifies the chain of the audit log', async () => {
    await page.getByRole('button', { name: 'Verify the chain' }).click();
    await page.getByText(/The chain of \d+ entries is unbroken/).waitFor();
    await picture(page, 'audit');
  });
  it('shows what an entry changed, and never a password', async () => {
    await page
      .getByRole('row', { name: /POST \/v1\/users/ })
      .first()
      .getByRole('button', { name: 'Look' })
      .click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('carol').first().waitFor();
    expect(await dialog.innerText()).not.toContain('a long enough password');
    await page.keyboard.press('Escape');
  });
  it('removes a person after asking once more', async () => {
    await operations('users');
    await page.getByRole('row', { name: /carol/ }).getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await expect.poll(() => page.getByRole('row', { name: /carol/ }).count(), { timeout: 15_000 }).toBe(0);
  });
  it('keeps the audit log and the users from those who may not see them', async () => {
    const bob = await desk.person('bob', 'viewer');
    await bob.open('/app/operations/audit');
    await bob.page.getByText('Your role may not do this (audit.read).').waitFor();
    await bob.open('/app/operations/users');
    await bob.page.getByText('Your role may not do this (users.manage).').waitFor();
    await bob.context.close();
  });

  it('opens the kill switch from every view, by button and by key', async () => {
    for (const v of ['graph', 'trading', 'editor']) {
      await ada.open(view(v));
      await page
        .getByRole('banner')
        .getByRole('button', { name: /Kill switch/ })
        .click();
      await page.getByRole('dialog', { name: 'Kill switch' }).waitFor();
      await page.keyboard.press('Escape');
    }
    await page
      .getByRole('banner')
      .getByRole('button', { name: /Kill switch/ })
      .focus();
    await page.keyboard.press('Shift+K');
    await page.getByRole('dialog', { name: 'Kill switch' }).waitFor();
    await page.keyboard.press('Escape');
  });
  it('leads to kill switch, approvals and configuration after one sign-in, from one page [S12.8]', async () => {
    await ada.open(view('trading'));
    await page.evaluate(() => Object.assign(globalThis, { still: 'here' }));
    await page.getByRole('button', { name: 'Propose a transfer' }).waitFor();
    await page.getByRole('navigation').getByText('Editor').click();
    await page.getByRole('tab', { name: /Proposals/ }).click();
    await page.getByText('No proposal yet.').waitFor();
    await page.keyboard.press('Escape');
    await page
      .getByRole('banner')
      .getByRole('button', { name: /Kill switch/ })
      .click();
    await page.getByRole('dialog', { name: 'Kill switch' }).getByText('Run trend-live').waitFor();
    await page.keyboard.press('Escape');
    expect(await page.evaluate(() => (globalThis as { still?: string }).still)).toBe('here');
  });
  it('lets nobody engage the kill switch whose role does not say so', async () => {
    const bob = await desk.person('bob', 'viewer');
    await bob.open(view('graph'));
    await bob.page.getByRole('button', { name: /Kill switch/ }).click();
    await bob.page.getByText(/Your role may not do this \(kill\.(engage|release)\)/).waitFor();
    await bob.context.close();
  });

  it('lists live runs and backtests with their figures and the verdict on parity', async () => {
    await ada.open('/app/runs');
    const row = (id: string) => page.getByRole('row', { name: new RegExp(id) });
    await row('as-it-is').waitFor();
    expect(await row('as-it-is').innerText()).toMatch(/backtest[\s\S]*ended[\s\S]*identical/);
    expect(await row('slower').innerText()).toContain('differs');
    expect(await row('trend-live').innerText()).toMatch(/live[\s\S]*running/);
    await picture(page, 'runs');
  });
  it('shows the report of a run: equity, figures, fills', async () => {
    await page
      .getByRole('row', { name: /as-it-is/ })
      .getByRole('link', { name: 'Report' })
      .click();
    await page.getByRole('img', { name: /Equity of as-it-is/ }).waitFor();
    await page.getByRole('row', { name: /final balance/ }).waitFor();
    expect(await page.getByText(/^Fills \(\d+\)$/).innerText()).not.toBe('Fills (0)');
    await picture(page, 'report');
  });
  it('hands the report out as a file', async () => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download HTML' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('as-it-is.html');
  });
  it('compares two runs: the first difference, trades that only one has, both curves', async () => {
    await ada.open('/app/runs');
    await page.getByLabel('Select as-it-is').check();
    await page.getByLabel('Select slower').check();
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByText(/First difference: fill \d+/).waitFor();
    await page.getByRole('heading', { name: 'Trades only in as-it-is' }).waitFor();
    await page.getByRole('img', { name: /Equity of as-it-is, slower/ }).waitFor();
    await picture(page, 'compare');
  });
  it('finds no difference between a run and itself', async () => {
    await ada.open('/app/compare?a=as-it-is&b=as-it-is');
    await page.getByText('No value differs.').waitFor();
  });

  it('shows price, positions, orders, wallets and the reconciler of the live run', async () => {
    await ada.open(view('trading'));
    await page.getByRole('img', { name: /Price of usdm:/ }).waitFor({ timeout: 30_000 });
    for (const h of ['Positions', 'Orders', 'Reconciler', 'Wallets', 'Transfers'])
      await page.getByRole('heading', { name: h, exact: true }).waitFor();
    await page
      .getByRole('row', { name: /usdm.*USDT/ })
      .first()
      .waitFor();
  });
  it('goes from an order to why it was sent', async () => {
    await page.getByRole('tab', { name: /Done/ }).click();
    await page.getByRole('link', { name: 'Why' }).first().click({ timeout: 60_000 });
    await page.waitForURL('**/time?order=*');
    await page.getByRole('heading', { name: /Lineage of order/ }).waitFor();
  });
  it('lets one person propose a transfer and another one approve it', async () => {
    await ada.open(view('trading'));
    await page.getByRole('button', { name: 'Propose a transfer' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel(/Amount/).fill('25.5');
    await dialog.getByLabel('Reason').fill('cover the spot side');
    await dialog.getByRole('button', { name: 'Propose a transfer' }).click();
    const row = (p: Page) => p.getByRole('row', { name: /25\.5 USDT/ });
    await row(page).getByText('Waiting for approval').waitFor();
    expect(await row(page).getByRole('button').count()).toBe(0);
    const rita = await desk.person('rita', 'risk_manager');
    await rita.open(view('trading'));
    await row(rita.page).getByRole('button', { name: 'Refuse' }).click();
    await row(rita.page).getByText('refused').waitFor();
    await rita.context.close();
  });
  it('throws no error and breaks no policy on the way', () => {
    expect(ada.errors).toEqual([]);
  });
});

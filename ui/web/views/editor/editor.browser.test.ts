import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, NO_BROWSER } from '../../testing/chromium.ts';
import { Desk, type Person, picture, view } from '../../testing/desk.ts';

describe.skipIf(chromiumPath() === undefined)(`the editor of the document (${chromiumPath() ?? NO_BROWSER})`, () => {
  let desk: Desk;
  let stan: Person;
  let page: Page;
  beforeAll(async () => {
    desk = await Desk.open();
    stan = await desk.person('stan', 'strategist');
    page = stan.page;
    await stan.open(view('editor'));
    await content().waitFor();
  }, 240_000);
  afterAll(() => desk?.close());
  const content = () => page.locator('.cm-content');
  /** Puts the caret behind a piece of text of the document, by the editor's own search. */
  async function after(text: string): Promise<void> {
    await content().click();
    await page.keyboard.press('Control+f');
    const field = page.locator('.cm-search input[name=search]');
    await field.fill('');
    await field.pressSequentially(text);
    await field.press('Enter');
    await page.keyboard.press('Escape');
    await page.keyboard.press('ArrowRight');
  }
  const status = () => page.locator('.strip [role=status]');

  it('opens the document that runs, without findings', async () => {
    expect(await content().innerText()).toContain('pipeline: trend');
    await status().getByText('No findings').waitFor();
    await page.getByText('Same as what runs').first().waitFor();
  });
  it('finds a mistake while it is written, with line, column, code, help and suggestion', async () => {
    await after('in: bars.bar.close, with: { period: $fast');
    await page.keyboard.press('Backspace');
    await status()
      .getByText(/1 errors/)
      .waitFor();
    const findings = page.getByRole('region', { name: 'Findings' });
    expect(await findings.innerText()).toMatch(/error\s+\d+:\d+ CHM120/);
    await page.locator('.cm-lintRange-error').first().waitFor();
    await picture(page, 'editor-finding');
  });
  it('does not let a document with errors be proposed', async () => {
    await page.getByText('Findings of level error must be fixed first.').waitFor();
    expect(await page.getByRole('button', { name: 'Propose', exact: true }).count()).toBe(0);
  });
  it('puts the caret where a finding is', async () => {
    await page.getByRole('region', { name: 'Findings' }).getByRole('button').first().click();
    expect(await page.locator('.cm-activeLine').innerText()).toContain('feature.ema');
  });
  it('repairs it with one click', async () => {
    await page
      .getByRole('button', { name: /^Replace by/ })
      .first()
      .click();
    await status().getByText('No findings').waitFor();
    await page.getByText('Same as what runs').first().waitFor();
  });
  it('completes types of nodes from the project’s schema', async () => {
    await after('rsi: { type: feature.rsi');
    for (let i = 0; i < 3; i++) await page.keyboard.press('Backspace');
    await page.keyboard.type('r');
    const list = page.locator('.cm-tooltip-autocomplete');
    await list.getByText('feature.realised_volatility').waitFor();
    await picture(page, 'editor-completion');
    await page.keyboard.press('Escape');
    await page.keyboard.type('si');
    await status().getByText('No findings').waitFor();
  });
  it('completes options of the node’s own type, with what they mean', async () => {
    await after('rsi: { type: feature.rsi, in: bars.bar.close, with: {');
    await page.keyboard.type(' pe');
    await page.locator('.cm-tooltip-autocomplete').getByText('period').waitFor();
    await page.keyboard.press('Escape');
    for (let i = 0; i < 3; i++) await page.keyboard.press('Backspace');
  });
  it('explains a word under the pointer', async () => {
    await after('feature.rsi');
    await page.locator('.cm-line', { hasText: 'rsi: { type: feature.rsi' }).getByText('period').hover();
    await page.locator('.cm-about').waitFor();
    expect(await page.locator('.cm-about').innerText()).toMatch(/integer/);
  });
  it('says which nodes a change keeps and which it restarts', async () => {
    await after('rsi: { type: feature.rsi, in: bars.bar.close, with: { period: $strength');
    for (let i = 0; i < '$strength'.length; i++) await page.keyboard.press('Backspace');
    await page.keyboard.type('7');
    const changes = page.getByRole('complementary', { name: 'What the change does' });
    await changes.getByText('↻ rsi').waitFor();
    expect(await changes.innerText()).toMatch(/= trades/);
  });
  it('shows the change against what runs', async () => {
    await page.getByRole('button', { name: 'Against what runs' }).click();
    await page.locator('.cm-changedLine').first().waitFor();
    expect(await page.locator('.cm-deletedChunk').first().innerText()).toContain('$strength');
    await picture(page, 'editor-diff');
    await page.getByRole('button', { name: 'Against what runs' }).click();
  });
  it('keeps what was written while somebody looks at another view', async () => {
    await page.getByRole('navigation').getByText('Trading').click();
    await page.getByRole('navigation').getByText('Editor').click();
    await page.getByText('Changed').first().waitFor();
  });
  it('tries the change out over the past of the run: orders, fills and decisions of both, and where they differ', async () => {
    await page.getByRole('button', { name: 'Dry-run' }).click();
    const sheet = page.getByRole('complementary', { name: 'What the change does' });
    await sheet.getByText('Orders that only one of the two has').waitFor({ timeout: 90_000 });
    const row = async (name: string): Promise<number[]> =>
      (await sheet.getByRole('row', { name }).locator('td').allInnerTexts()).map((x) => Number(x.replace(/\D/g, '')));
    const [running, proposed] = await row('Orders');
    expect([running! > 0, proposed! > 0, running === proposed]).toEqual([true, true, false]);
  });
  it('proposes it with a reason, and does not let the same person approve', async () => {
    await page.getByLabel('Why (the approver reads it)').fill('a faster RSI');
    await page.getByRole('button', { name: 'Propose', exact: true }).click();
    await page.getByText('a faster RSI').waitFor();
    await page.getByText('Another person has to approve it.').waitFor();
    expect(await page.getByRole('button', { name: 'Approve and apply' }).count()).toBe(0);
    await picture(page, 'editor-proposal');
  });
  it('lets another person approve, and says of a run that takes no other graph why it is not applied', async () => {
    const rita = await desk.person('rita', 'risk_manager');
    await rita.open(`${view('editor')}?sheet=proposals`);
    await rita.page.getByText('a faster RSI').waitFor();
    await rita.page.getByText('↻ rsi').waitFor();
    await picture(rita.page, 'two-person-approval');
    await rita.page.getByRole('button', { name: 'Approve and apply' }).click();
    const said = rita.page.getByRole('alert');
    await said.waitFor();
    expect(await said.innerText()).toMatch(/run trend-live has no reload[\s\S]*Code CHM1121/);
    await rita.context.close();
  });
  it('throws no error and breaks no policy on the way', () => {
    expect(stan.errors).toEqual([]);
  });
});

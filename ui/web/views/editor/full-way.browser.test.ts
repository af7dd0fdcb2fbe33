import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Order } from '../../../api/contract/records.ts';
import { LiveProgram } from '../../../api/testing/live-program.ts';
import { chromiumPath, launch, NO_BROWSER } from '../../testing/chromium.ts';
import { Desk, type Person, picture, view } from '../../testing/desk.ts';

const KEY = encodeURIComponent('usdm:BTCUSDT');
/** Bars are of a second: a node that counts them says how long it has been there. */
const SETS = ['--set', 'preset=recording', '--set', 'interval=1s'];

describe.skipIf(chromiumPath() === undefined)(
  `the way of a change into a run that the program itself started (${chromiumPath() ?? NO_BROWSER})`,
  () => {
    const home = mkdtempSync(join(tmpdir(), 'chimera-way-'));
    let program: LiveProgram;
    let desk: Desk<LiveProgram>;
    let run: string;
    let stan: Person;
    let page: Page;
    let yaml: string;
    let hash: string;
    let before: Record<'atr' | 'positions', Record<string, number>>;
    beforeAll(async () => {
      mkdirSync(join(home, 'tmp'));
      program = await LiveProgram.startWith(
        { TMPDIR: join(home, 'tmp') },
        ...['run', 'pipelines/trend.yaml', '--profile', 'paper', ...SETS, '--rate', '4', '--home', home],
        ...['--state', join(home, 'state'), '--capture', join(home, 'lake')],
      );
      desk = new Desk(program, await launch());
      run = (await program.until('/runs', 'ada', (s) => s.body.items?.[0]?.state === 'running')).body.items[0].id;
      await program.until('/orders', 'ada', (s) => s.status === 200 && s.body.items.length > 3, 90_000);
      const active = (await program.ask('GET', '/active', { as: 'ada' })).body;
      yaml = active.yaml;
      hash = active.hash;
      stan = await desk.person('stan', 'strategist');
      page = stan.page;
      await stan.open(view('editor', run));
      await content().waitFor();
    }, 240_000);
    afterAll(async () => {
      await desk?.browser.close();
      await program?.close();
      rmSync(home, { recursive: true, force: true });
    });
    const content = () => page.locator('.cm-content');
    const status = () => page.locator('.strip [role=status]');
    const changes = (p = page) => p.getByRole('complementary', { name: 'What the change does' });
    /** Selects a piece of text of the document by the editor's own search. */
    async function select(text: string): Promise<void> {
      await content().click();
      await page.keyboard.press('Control+Home');
      await page.keyboard.press('Control+f');
      const field = page.locator('.cm-search input[name=search]');
      await field.fill('');
      await field.pressSequentially(text);
      await field.press('Enter');
      await page.keyboard.press('Escape');
    }
    /** The state of a node now, as the time machine has it. */
    const stateOf = async (node: string): Promise<Record<string, number>> => {
      const said = await program.ask('GET', `/runs/${run}/nodes/${node}?key=${KEY}`, { as: 'ada' });
      expect(said.status, said.text).toBe(200);
      return said.body.state;
    };

    it('shows the mistake of an edit where it is, with line, column and what was meant', async () => {
      const line = yaml.split('\n').findIndex((l) => l.includes('rsi: { type: feature.rsi')) + 1;
      await select('rsi: { type: feature.rsi, in: bars.bar.close');
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Backspace');
      await status()
        .getByText(/1 errors/)
        .waitFor();
      const finding = page.getByRole('region', { name: 'Findings' });
      expect(await finding.innerText()).toMatch(new RegExp(`error\\s+${line}:\\d+ CHM\\d+`));
      expect(await finding.innerText()).toContain('bars.bar.close');
      expect(await page.locator('.cm-lintRange-error').first().innerText()).toContain('clos');
      await page.getByText('Findings of level error must be fixed first.').waitFor();
      expect(await page.getByRole('button', { name: 'Propose', exact: true }).count()).toBe(0);
    });
    it('takes the correction with one click, and says what the change that was meant keeps, restarts and drops', async () => {
      await page
        .getByRole('button', { name: /^Replace by/ })
        .first()
        .click();
      await status().getByText('No findings').waitFor();
      // A slower average in the preset that runs; and nothing for other programs any more.
      await select('slow: 4');
      await page.keyboard.type('slow: 7');
      await select('  shared:');
      await page.keyboard.press('Home');
      const lines = yaml.split('\n');
      const from = lines.indexOf('  shared:');
      for (let n = lines.indexOf('services:') - 1 - from; n > 0; n--) await page.keyboard.press('Shift+ArrowDown');
      await page.keyboard.press('Delete');
      await select(', shared]');
      await page.keyboard.type(']');
      await status().getByText('No findings').waitFor();
      await changes().getByText('↻ slow').waitFor();
      await changes().getByText('− shared').waitFor();
      const said = await changes().innerText();
      for (const kept of ['= fast', '= bars', '= positions', '= orders', '= venue']) expect(said).toContain(kept);
    });
    it('runs it over the last hours of this very run and shows the orders that differ', async () => {
      await page.getByRole('button', { name: 'Dry-run' }).click();
      await page.getByText('Orders that only one of the two has').waitFor({ timeout: 90_000 });
      const rows = changes().locator('table').first().locator('tbody tr');
      const [, running] = (await rows.first().innerText()).split('\t');
      expect(Number(running!.replace(/\D/g, ''))).toBeGreaterThan(0);
      await picture(page, 'full-way-dry-run');
    });
    it('goes to another person, who sees what it would have done, and not to the one who proposed it', async () => {
      await page.getByLabel('Why (the approver reads it)').fill('a slower average');
      await page.getByRole('button', { name: 'Propose', exact: true }).click();
      await page.getByText('a slower average').waitFor();
      await page.getByText('Another person has to approve it.').waitFor();
      expect(await page.getByRole('button', { name: 'Approve and apply' }).count()).toBe(0);
      const [proposal] = (await program.ask('GET', '/config/proposals', { as: 'ada' })).body.items;
      expect(proposal).toMatchObject({ by: 'stan', state: 'proposed', reason: 'a slower average', base_hash: hash });
      expect(proposal.dry_run.differences_in_all).toBeGreaterThan(0);
      expect(proposal.diff.restarted.map((r: { node: string }) => r.node)).toContain('slow');
      await program.person('stefan', 'strategist');
      const path = `/config/proposals/${proposal.id}/approve`;
      expect((await program.ask('POST', path, { as: 'stefan', body: {} })).status).toBe(403);
    });
    it('is in force once that person approves: kept nodes go on with what they had counted', async () => {
      before = { atr: await stateOf('atr'), positions: await stateOf('positions') };
      expect(before.atr['n']).toBeGreaterThan(5);
      expect(before.positions['fees']).toBeGreaterThan(0);
      const rita = await desk.person('rita', 'risk_manager');
      await rita.open(`${view('editor', run)}?sheet=proposals`);
      await rita.page.getByText('a slower average').waitFor();
      await rita.page.getByText('Orders that only one of the two has').waitFor();
      await rita.page.getByRole('button', { name: 'Approve and apply' }).click();
      await rita.page
        .getByText(/^applied$/)
        .first()
        .waitFor({ timeout: 60_000 });
      expect(rita.errors).toEqual([]);
      await rita.context.close();
      const active = (await program.ask('GET', '/active', { as: 'ada' })).body;
      expect(active.hash).not.toBe(hash);
      expect(active.yaml).toContain('slow: 7');
      // The one who wrote it sees that it is what runs now, without a reload.
      await page.getByText('Same as what runs').first().waitFor();
    });
    it('leaves a run that goes on: more bars than before in what was kept, more orders, and no trace of what was dropped', async () => {
      const orders = (await program.ask('GET', '/orders', { as: 'ada' })).body.items;
      const last = Math.max(...orders.map((o: { created_us: number }) => o.created_us));
      await program.until('/orders', 'ada', (s) => s.body.items.some((o: Order) => o.created_us > last));
      // Bars that were counted, and fees that were paid, before the change are still in the sums.
      expect((await stateOf('atr'))['n']).toBeGreaterThan(before.atr['n']!);
      expect((await stateOf('positions'))['fees']).toBeGreaterThanOrEqual(before.positions['fees']!);
      const graph = (await program.ask('GET', `/runs/${run}/graph`, { as: 'ada' })).body;
      const ids = graph.nodes.map((n: { id: string }) => n.id);
      expect(ids).toContain('fast');
      expect(ids).not.toContain('shared');
      expect(graph.nodes.find((n: { id: string }) => n.id === 'slow').config.period).toBe(7);
      expect(stan.errors).toEqual([]);
    });
    it('leaves its traces: who proposed and who approved in the audit log, which is whole, and no files of the work', async () => {
      const { items } = (await program.ask('GET', '/audit?limit=200', { as: 'ada' })).body;
      const who = (route: RegExp) => items.find((e: { route: string }) => route.test(e.route))?.who;
      expect(who(/POST .*\/proposals$/)).toBe('stan');
      expect(who(/POST .*\/approve$/)).toBe('rita');
      expect((await program.ask('GET', '/audit/verify', { as: 'ada' })).body.ok).toBe(true);
      expect(readdirSync(join(home, 'tmp')).filter((n) => n.startsWith('chimera-work-'))).toEqual([]);
    });
  },
);

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, NO_BROWSER } from '../testing/chromium.ts';
import { Desk, picture, view } from '../testing/desk.ts';
import { PASSWORD } from '../testing/served-run.ts';

describe.skipIf(chromiumPath() === undefined)(
  `the shell of the operations page (${chromiumPath() ?? NO_BROWSER})`,
  () => {
    let desk: Desk;
    beforeAll(async () => {
      desk = await Desk.open();
    });
    afterAll(() => desk?.close());

    it('asks for the one-time code in the visitor’s own language', async () => {
      const { page, context, open } = await desk.visitor({ language: 'zh-Hant', theme: 'dark' });
      await open('/');
      await page.getByLabel('一次性代碼').waitFor();
      await picture(page, 'first-start-zh-dark');
      await context.close();
    });
    it('makes the first administrator with the one-time code of the first start', async () => {
      const { page, context, errors, open } = await desk.visitor();
      await open('/');
      await page.getByLabel('One-time code').fill(desk.served.local.code!);
      await picture(page, 'first-start');
      await page.getByLabel('Name').fill('ada');
      await page.getByLabel('Password (').fill(PASSWORD);
      await page.getByLabel('Password again').fill('something else at all');
      await page.getByText('The two passwords differ.').waitFor();
      await page.getByLabel('Password again').fill(PASSWORD);
      await page.getByRole('button', { name: 'Create the administrator' }).click();
      await page.getByRole('navigation').waitFor();
      expect(await page.getByText('ada').count()).toBeGreaterThan(0);
      expect(errors).toEqual([]);
      await context.close();
    });
    it('asks for name and password in the visitor’s own language', async () => {
      const { page, context, open } = await desk.visitor({ language: 'zh-Hant', theme: 'dark' });
      await open('/');
      await page.getByRole('button', { name: '登入' }).waitFor();
      await picture(page, 'sign-in-zh-dark');
      await context.close();
    });
    it('refuses a wrong password in words, and takes the right one', async () => {
      const { page, context, open } = await desk.visitor();
      await open('/');
      await page.getByLabel('Name').fill('ada');
      await page.getByLabel('Password').fill('wrong wrong wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('alert').waitFor();
      expect(await page.getByRole('alert').innerText()).toMatch(/^name or password are wrong\s+Code CHM1102/);
      await page.getByLabel('Password').fill(PASSWORD);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('navigation').waitFor();
      await context.close();
    });
    it('keeps the access token in memory only, and comes back signed in after a reload', async () => {
      const { page, context, open } = await desk.person('bob', 'viewer');
      await open('/');
      await page.getByRole('navigation').waitFor();
      const kept = await page.evaluate(() =>
        JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]),
      );
      expect(kept).not.toMatch(/eyJ/);
      await page.reload();
      await page.getByRole('navigation').waitFor();
      await context.close();
    });
    it('goes to the graph of the run that is alive, and each view has an address', async () => {
      const { page, context, open } = await desk.person('bob', 'viewer');
      await open('/');
      await page.waitForURL('**/app/runs/trend-live/graph');
      for (const [name, address] of [
        ['Trading', 'trading'],
        ['Time machine', 'time'],
        ['Editor', 'editor'],
      ] as const) {
        await page.getByRole('navigation').getByText(name).click();
        await page.waitForURL(`**/${address}`);
      }
      await page.goBack();
      await page.waitForURL('**/time');
      await context.close();
    });
    it('shows the state of the system in a word beside the colour', async () => {
      const { page, context, open } = await desk.person('bob', 'viewer');
      await open(view('graph'));
      await page.getByText(/^(GREEN|YELLOW|ORANGE|RED)$/).waitFor();
      expect(await page.getByRole('link', { name: /^System: (Green|Yellow|Orange|Red)/ }).count()).toBe(1);
      await context.close();
    });
    it('speaks Traditional Chinese, keeps the choice, and says so to screen readers', async () => {
      const { page, context, open } = await desk.person('bob', 'viewer');
      await open(view('graph'));
      await page.getByRole('button', { name: 'bob' }).click();
      await page.getByRole('button', { name: '繁體中文' }).click();
      await page.getByRole('navigation', { name: '主導覽' }).waitFor();
      expect(await page.locator('html').getAttribute('lang')).toBe('zh-Hant');
      await page.reload();
      await page.getByRole('navigation', { name: '主導覽' }).waitFor();
      await context.close();
    });
    it('is dark when the system is, and stays light when somebody says so', async () => {
      const { page, context, open } = await desk.person('bob', 'viewer', { theme: 'dark' });
      await open(view('graph'));
      await page.getByRole('navigation').waitFor();
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      expect(await ground()).toBe('rgb(13, 18, 24)');
      await page.getByRole('button', { name: 'bob' }).click();
      await page.getByRole('button', { name: 'Light' }).click();
      expect(await ground()).toBe('rgb(241, 243, 246)');
      await context.close();
    });
    it('shows times in UTC or in local time by a key', async () => {
      const { page, context, open } = await desk.person('bob', 'viewer');
      await open(view('graph'));
      await page.getByRole('button', { name: 'UTC' }).waitFor();
      await page.keyboard.press('u');
      await page.getByRole('button', { name: 'Local' }).waitFor();
      await context.close();
    });
    it('has a sheet of its keys, which goes with Escape and gives the focus back', async () => {
      const { page, context, open } = await desk.person('bob', 'viewer');
      await open(view('graph'));
      await page.getByRole('navigation').waitFor();
      await page.getByRole('button', { name: 'Keyboard shortcuts' }).focus();
      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
      await picture(page, 'shortcuts');
      await page.keyboard.press('Escape');
      expect(await page.getByRole('dialog').count()).toBe(0);
      expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Keyboard shortcuts');
      await context.close();
    });
    it('goes from view to view by keys, but not while somebody types', async () => {
      const { page, context, open } = await desk.person('bob', 'viewer');
      await open(view('graph'));
      await page.getByRole('navigation').waitFor();
      await page.keyboard.press('g');
      await page.keyboard.press('r');
      await page.waitForURL('**/app/runs');
      await page.keyboard.press('g');
      await page.keyboard.press('g');
      await page.waitForURL('**/graph');
      await page.keyboard.press('/');
      await page.keyboard.type('go');
      expect(page.url()).toMatch(/graph$/);
      expect(await page.getByLabel('Search nodes').inputValue()).toBe('go');
      await context.close();
    });
    it('lets the first Tab skip the navigation', async () => {
      const { page, context, open } = await desk.person('bob', 'viewer');
      await open(view('graph'));
      await page.getByRole('navigation').waitFor();
      await page.keyboard.press('Tab');
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to content');
      await context.close();
    });
    it('comes back from a lost connection by itself, and says in between that it is lost', async () => {
      const { page, context, open } = await desk.person('bob', 'viewer');
      await open(view('graph'));
      const connection = page.getByRole('status', { name: 'Connection' });
      await connection.getByText('Live').waitFor();
      let loads = 0;
      page.on('load', () => loads++);
      const back = desk.served.restart(1500);
      await connection.getByText(/Lost/).waitFor();
      await back;
      await connection.getByText('Live').waitFor();
      const events = () => page.locator('.vital', { hasText: 'Events' }).innerText();
      const before = await events();
      await expect.poll(events, { timeout: 15_000 }).not.toBe(before);
      expect(loads).toBe(0);
      await context.close();
    });
    it('renews a token that has run out without anybody noticing', async () => {
      const { page, context, open } = await desk.person('bob', 'viewer');
      await open(view('graph'));
      await page.getByRole('navigation').waitFor();
      let refreshed = 0;
      let refused = 0;
      page.on('response', (r) => {
        if (r.url().endsWith('/v1/refresh')) refreshed++;
      });
      await page.route('**/v1/runs?*', async (route) => {
        if (refused++ > 0) return route.continue();
        await route.fulfill({
          status: 401,
          contentType: 'application/json',
          body: '{"error":{"code":"CHM1101","message":"expired"},"correlation_id":"x"}',
        });
      });
      await expect.poll(() => refreshed, { timeout: 15_000 }).toBe(1);
      await expect.poll(() => refused, { timeout: 15_000 }).toBeGreaterThan(1);
      expect(await page.getByRole('navigation').count()).toBe(1);
      await context.close();
    });
    it('signs out, and the way back in leads to the same view', async () => {
      const { page, context, open } = await desk.person('eve', 'viewer');
      await open(view('trading'));
      await page.getByRole('button', { name: 'eve' }).click();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
      await picture(page, 'sign-in');
      await page.getByLabel('Name').fill('eve');
      await page.getByLabel('Password').fill(PASSWORD);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('heading', { name: /Price/ }).waitFor();
      expect(page.url()).toMatch(/trading$/);
      await context.close();
    });
    it('has no script or style that its own policy refuses, and asks nobody but its server', async () => {
      const { page, context, errors, open } = await desk.person('ada', 'administrator');
      const hosts = new Set<string>();
      // Stricter than the server's: not even styles may be inline.
      await page.route('**/app/**', async (route) => {
        const response = await route.fetch();
        const policy = response.headers()['content-security-policy'] ?? '';
        await route.fulfill({
          response,
          headers: { ...response.headers(), 'content-security-policy': policy.replaceAll(" 'unsafe-inline'", '') },
        });
      });
      page.on('request', (r) => hosts.add(new URL(r.url()).host));
      for (const v of ['graph?node=rsi', 'trading', 'time', 'editor?mode=diff']) {
        await open(view(v));
        await page.waitForTimeout(800);
      }
      expect(errors).toEqual([]);
      expect([...hosts]).toEqual([new URL(desk.served.url).host]);
      await context.close();
    });
  },
);

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FromPage } from '../../api/contract/socket.ts';
import { chromiumPath, NO_BROWSER } from './chromium.ts';
import { Desk, view } from './desk.ts';
import { type Frames, frames } from './frames.ts';
import { generatedGraph, generatedStats } from './generated-graph.ts';
import { RUN } from './served-run.ts';

const NODES = 200;
const EDGES = 400;

/** A first view is usable within, ms. */
const FIRST_MS = 1500;
const FRAMES_PER_S = 50;
/** CPU time of the page's main thread, which holds whatever else the machine does: for a first view, and for one update. */
const FIRST_CPU_MS = 600;
const UPDATE_CPU_MS = 40;
/** So many frames of a picture that stands still say that the machine has time for a page at all. */
const UNDISTURBED = 56;

/** Figures are printed. What the clock says is held where the machine has time for it; what it costs is held always. */
describe.skipIf(chromiumPath() === undefined)(`how fast the page is (${chromiumPath() ?? NO_BROWSER})`, () => {
  let desk: Desk;
  beforeAll(async () => {
    desk = await Desk.open();
  }, 240_000);
  afterAll(() => desk?.close());

  it('shows a view that can be used soon after the address is opened', async () => {
    const clock: number[] = [];
    const cpu: number[] = [];
    for (let i = 0; i < 6; i++) {
      // A browser that has never been here, each time: nothing is cached.
      const p = await desk.person('ada', 'viewer');
      await p.page.addInitScript(() => {
        const seen = new MutationObserver(() => {
          if (!document.querySelector('.gnode')) return;
          seen.disconnect();
          requestAnimationFrame(() => requestAnimationFrame(() => performance.mark('usable')));
        });
        seen.observe(document, { childList: true, subtree: true });
      });
      const session = await p.context.newCDPSession(p.page);
      await session.send('Performance.enable', { timeDomain: 'threadTicks' });
      await p.open(view('graph'));
      await p.page.waitForFunction(() => performance.getEntriesByName('usable').length > 0);
      const { metrics } = await session.send('Performance.getMetrics');
      cpu.push(metrics.find((m) => m.name === 'TaskDuration')!.value * 1000);
      clock.push(await p.page.evaluate(() => performance.getEntriesByName('usable')[0]!.startTime));
      await p.context.close();
    }
    for (const list of [clock, cpu]) list.sort((a, b) => a - b);
    console.log(
      `first view: median ${clock[3]!.toFixed(0)} ms, worst ${clock[5]!.toFixed(0)} ms of ${clock.length}; CPU of the main thread: median ${cpu[3]!.toFixed(0)} ms, worst ${cpu[5]!.toFixed(0)} ms`,
    );
    expect(clock[0]!).toBeLessThan(FIRST_MS);
    expect(cpu[3]!).toBeLessThan(FIRST_CPU_MS);
  });

  it(`keeps its frames with ${NODES} nodes and ${EDGES} edges that all change four times a second`, async () => {
    const graph = generatedGraph(RUN, NODES, EDGES);
    let turn = 0;
    let sending = true;
    const timers = new Set<NodeJS.Timeout>();
    const p = await desk.person('ada', 'viewer');
    await p.page.route(`**/v1/runs/${RUN}/graph`, (route) => route.fulfill({ json: graph }));
    await p.page.routeWebSocket(/\/v1\/live$/, (ws) => {
      ws.onMessage((m) => {
        const said = JSON.parse(String(m)) as FromPage;
        if (said.kind === 'hello') ws.send(JSON.stringify({ kind: 'welcome', server: 'generated', expires_s: 900 }));
        if (said.kind === 'watch' && said.what === 'stats')
          timers.add(
            setInterval(() => {
              if (sending) ws.send(JSON.stringify({ kind: 'stats', stats: generatedStats(graph, turn++) }));
            }, 250),
          );
      });
    });
    await p.open(view('graph'));
    await p.page.locator('.service').first().waitFor({ timeout: 90_000 });
    expect(await p.page.locator('.gnode').count()).toBe(NODES);
    expect(await p.page.locator('path.link').count()).toBe(EDGES);
    const seconds = 4;
    let best: { moving: Frames; still: Frames } | undefined;
    // In pairs, and the best of them: other processes come and go.
    for (let pair = 0; pair < 4 && (best === undefined || best.moving.perSecond < FRAMES_PER_S); pair++) {
      sending = true;
      const moving = await frames(p.page, seconds);
      sending = false;
      const still = await frames(p.page, seconds);
      const perUpdate = (moving.mainMsPerSecond - still.mainMsPerSecond) / 4;
      console.log(
        `${NODES} nodes, ${EDGES} edges, 4 updates/s: ${moving.perSecond.toFixed(1)} frames/s, CPU of the main thread ${moving.mainMsPerSecond.toFixed(0)} ms/s; standing still: ${still.perSecond.toFixed(1)} frames/s, ${still.mainMsPerSecond.toFixed(0)} ms/s; an update costs ${perUpdate.toFixed(1)} ms`,
      );
      expect(perUpdate).toBeLessThan(UPDATE_CPU_MS);
      if (best === undefined || moving.perSecond > best.moving.perSecond) best = { moving, still };
    }
    for (const t of timers) clearInterval(t);
    if (best!.still.perSecond >= UNDISTURBED) expect(best!.moving.perSecond).toBeGreaterThanOrEqual(FRAMES_PER_S);
    else console.log('the machine was too busy for frames to be counted: even the picture at rest lost some');
    await p.context.close();
  });
});

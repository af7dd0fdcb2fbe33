import type { Page } from 'playwright-core';

interface TraceEvent {
  readonly name: string;
  readonly ts: number;
  readonly pid: number;
  readonly args?: { readonly data?: unknown };
}
export interface Frames {
  readonly seconds: number;
  /** Frames that the compositor brought to the screen, per second. */
  readonly perSecond: number;
  /** CPU time of the page's main thread in all, ms per second. */
  readonly mainMsPerSecond: number;
}

/**
 * Frames of a page over some seconds, by the browser's own trace. A dot that the page's main thread moves in every frame asks
 * for all of them: a browser draws only what changes.
 */
export async function frames(page: Page, seconds: number): Promise<Frames> {
  const session = await page.context().newCDPSession(page);
  const events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', (e) => events.push(...(e.value as unknown as TraceEvent[])));
  // CPU time, not the wall's: other processes do not count.
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const busy = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find((m) => m.name === 'TaskDuration')!.value;
  };
  await page.evaluate(() => {
    if (document.querySelector('i.mover')) return;
    const dot = document.createElement('i');
    dot.className = 'mover';
    Object.assign(dot.style, {
      position: 'fixed',
      left: '0',
      bottom: '0',
      width: '2px',
      height: '2px',
      background: 'gray',
      willChange: 'transform',
    });
    document.body.append(dot);
    let n = 0;
    const move = () => {
      dot.style.transform = `translateX(${n++ % 60}px)`;
      requestAnimationFrame(move);
    };
    move();
  });
  const complete = new Promise<void>((done) => session.once('Tracing.tracingComplete', () => done()));
  await session.send('Tracing.start', {
    traceConfig: { includedCategories: ['disabled-by-default-devtools.timeline.frame', 'devtools.timeline'] },
    transferMode: 'ReportEvents',
  });
  const before = await busy();
  await page.waitForTimeout(seconds * 1000);
  const after = await busy();
  await session.send('Tracing.end');
  await complete;
  await session.detach();
  const drawn = events
    .filter((e) => e.name === 'DrawFrame')
    .map((e) => e.ts)
    .sort((a, b) => a - b);
  const span = drawn.length < 2 ? seconds : (drawn.at(-1)! - drawn[0]!) / 1e6;
  return { seconds: span, perSecond: (drawn.length - 1) / span, mainMsPerSecond: ((after - before) * 1000) / seconds };
}

import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { ms, record } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';
import { createWindow, mean, push } from './window.ts';

const Stamped = record('stamped', 1, { event_ms: ms({ nullable: true }) });

export const feedDelay = defineNode({
  type: 'feature.feed_delay',
  version: 1,
  tier: 'silver',
  summary: 'How long messages take from the exchange to the engine: a figure of health.',
  doc: '`value` = engine time − event time of the message; `mean` = mean of the last `period` of them. Clocks are compared as they are: a recorder that runs behind the exchange gives negative delays, whose changes still tell. Messages without an event time say nothing.',
  config: z.strictObject({ period: z.int().min(1).default(100).describe('messages') }),
  ports: { in: { x: input(Stamped) }, out: { value: output(scalar('ms')), mean: output(scalar('ms')) } },
  determinism: 'pure',
  warmup: () => ({ x: 1 }),
  state: (c) => createWindow(c.period),
  step(w, tick, _c, emit, ctx) {
    const delay = ctx.now / 1000 - tick.x.event_ms;
    if (Number.isNaN(delay)) return;
    emit.value({ value: delay });
    if (push(w, delay)) emit.mean({ value: mean(w) });
  },
});

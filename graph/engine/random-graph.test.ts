import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type OutcomeRecord, Outcomes } from '../outcome/journal.ts';
import { callsSoFar, graph, impatient, inputs } from './testing-graph.ts';
import { type Played, play, playResumed } from './testing-play.ts';

const outputs = (p: Played) => ({ ports: p.ports, counters: p.result.counters, cycles: p.result.cycles });

describe('random graphs over random inputs', () => {
  it('give the same bytes generated, interpreted, in blocks of any size, and resumed from random commits', async () => {
    let rows = 0;
    let questions = 0;
    let fallbacks = 0;
    await fc.assert(
      fc.asyncProperty(
        graph,
        inputs,
        fc.array(fc.nat(40), { maxLength: 4 }),
        fc.integer({ min: 1, max: 9 }),
        async (nodes, list, stops, size) => {
          const until = list.at(-1)!.t + 20;
          const told: OutcomeRecord[] = [];
          const outcomes = new Outcomes({ write: (r) => told.push(r) });
          const generated = await play(nodes, list, { until, outcomes, wall: impatient });
          questions += told.length;
          fallbacks += told.filter((r) => r.outcome.kind === 'fallback').length;
          const asked = callsSoFar();
          // Each run after the first reads what that one was told.
          const options = {
            until,
            get outcomes() {
              return new Outcomes({ records: told, closed: true });
            },
          };
          const expected = outputs(generated);
          rows += Object.values(expected.ports).flat().length;
          expect(outputs(await play(nodes, list, { ...options, mode: 'interpreted' }))).toEqual(expected);
          expect(outputs(await play(nodes, list, { ...options, blockRows: size, commitInputs: size }))).toEqual(
            expected,
          );
          const resumed = await playResumed(nodes, list, stops, options);
          expect(outputs(resumed)).toEqual(expected);
          const slow = await playResumed(nodes, list, stops, { ...options, mode: 'interpreted', commitInputs: 1 });
          expect(outputs(slow)).toEqual(expected);
          expect(callsSoFar()).toBe(asked);
        },
      ),
      { numRuns: 150 },
    );
    // The graphs really do something.
    expect(rows).toBeGreaterThan(20_000);
    expect(questions).toBeGreaterThan(300);
    expect(fallbacks).toBeGreaterThan(60);
  });
});

import fc from 'fast-check';
import { flatten } from '../../operators/flow/index.ts';
import type { Wall } from '../outcome/wall.ts';
import type { InputRow } from '../runner/rows-reader.ts';
import type { BuildNode } from '../testing/build.ts';
import {
  add,
  asking,
  burst,
  closing,
  collect,
  echo,
  exchange,
  join,
  latch,
  loop,
  rxDouble,
  rxSum,
  shared,
  sumAll,
  timed,
} from './testing-nodes.ts';

/**
 * Answers at once, later, too late or never, and never twice the same: only what was written down can come again.
 */
let calls = 0;
export const callsSoFar = (): number => calls;
const asked = asking(({ value, n }) => {
  const answer = { value: value + ++calls * 0.125 };
  const way = Math.abs(value + n) % 4;
  if (way === 0) return answer;
  if (way === 1) return Promise.resolve(answer);
  if (way === 2) return new Promise((done) => setImmediate(() => setImmediate(() => done(answer))));
  return new Promise(() => {});
});
/** Every deadline has passed when the event loop comes round. */
export const impatient: Wall = {
  after(_us, call) {
    const handle = setImmediate(call);
    return () => clearImmediate(handle);
  },
};

/** One node to add, with numbers that choose its inputs among the streams there are. */
type Draft = { kind: (typeof KINDS)[number]; pick: number[]; delayUs: number };
const KINDS = [
  'add',
  'join',
  'latch',
  'burst',
  'collect',
  'any',
  'shared',
  'timed',
  'closing',
  'rx',
  'total',
  'loop',
  'exchange',
  'flatten',
  'asking',
  'asking',
] as const;
const draft = fc.record({
  kind: fc.constantFrom(...KINDS),
  pick: fc.array(fc.nat(), { minLength: 4, maxLength: 4 }),
  delayUs: fc.constantFrom(0, 0, 3, 7),
});

/** Streams by what they carry; every node adds its own, so that the graph grows into depth. */
class Growing {
  readonly nodes: BuildNode[] = [];
  readonly keyed = ['src.x', 'src.y', 'src.rec.price', 'src.rec.maybe'];
  readonly lists: string[] = [];
  readonly plain = ['src.all'];
  readonly waits: boolean;

  constructor(waits: boolean) {
    this.waits = waits;
  }

  add({ kind, pick, delayUs }: Draft, n: number): void {
    const id = `n${n}`;
    const from = (streams: readonly string[], i: number) => streams[pick[i]! % streams.length]!;
    const value = `${id}.value`;
    const k = (i: number) => from(this.keyed, i);
    switch (kind) {
      case 'add':
        this.#node({ id, type: add, in: { a: k(0), ...(pick[2]! % 2 ? { b: k(1) } : {}) } }, this.keyed, value);
        return;
      case 'join':
        this.#node({ id, type: join, in: { p: k(0), q: k(1), r: k(2) } }, this.keyed, value);
        return;
      case 'latch':
        this.#node({ id, type: latch, in: { a: k(0), last: k(1) } }, this.keyed, value);
        return;
      case 'burst':
        this.#node({ id, type: burst, in: { a: k(0) } }, this.lists, `${id}.list`);
        return;
      case 'collect':
        if (this.lists.length === 0) return;
        this.#node({ id, type: collect, in: { list: from(this.lists, 0) } }, this.keyed, value);
        return;
      case 'any': {
        const list = this.lists.length > 0 && pick[1]! % 2 === 0 ? `${from(this.lists, 0)}.value` : k(0);
        this.#node({ id, type: sumAll, in: { x: list }, key: 'none' }, this.plain, value);
        return;
      }
      case 'shared':
        this.#node({ id, type: shared, in: { x: k(0), g: from(this.plain, 1) } }, this.keyed, value);
        return;
      case 'timed':
        this.#node({ id, type: timed, in: { a: k(0) }, with: { after: pick[1]! % 6 } }, this.keyed, value);
        return;
      case 'closing':
        this.#node({ id, type: closing, in: { a: k(0) } }, this.keyed, value);
        return;
      case 'rx':
        this.#node({ id, type: pick[1]! % 2 ? rxSum : rxDouble, in: { a: k(0) } }, this.keyed, value);
        return;
      case 'total': {
        const type = pick[2]! % 2 ? timed : add;
        this.#node({ id, type, in: { a: from(this.plain, 0) }, key: 'none' }, this.plain, value);
        return;
      }
      case 'flatten': {
        if (this.lists.length === 0) return;
        this.#node({ id, type: flatten, in: { list: from(this.lists, 0) } }, this.keyed, `${id}.record.value`);
        // A list of single records is a list again.
        if (pick[1]! % 2) this.lists.push(`${id}.record`);
        return;
      }
      case 'asking': {
        if (!this.waits) return;
        const unkeyed = pick[2]! % 4 === 0;
        const streams = unkeyed ? this.plain : this.keyed;
        const key = unkeyed ? ('none' as const) : ('instrument' as const);
        const asks = { id, type: asked, in: { a: from(streams, 0) }, key, with: { after: pick[1]! % 4 } };
        this.#node(asks, streams, value);
        return;
      }
      case 'loop':
        this.#node({ id, type: loop, in: { a: k(0), back: `${id}e.back` } }, this.lists, `${id}.go`);
        this.nodes.push({ id: `${id}e`, type: echo, in: { go: `${id}.go` }, feedback: ['back'], delayUs });
        return;
      default:
        // The exchange answers in the same cycle or through feedback.
        if (pick[1]! % 2 === 0) {
          this.#node({ id, type: loop, in: { a: k(0), back: `${id}e.report` } }, this.lists, `${id}e.report`);
          this.nodes.push(exchangeOf(id, ['report'], delayUs));
        } else {
          this.#node({ id, type: loop, in: { a: k(0) }, with: { rounds: 1 } }, this.lists, `${id}e.report`);
          this.nodes.push(exchangeOf(id, [], 0));
        }
    }
  }
  #node(node: BuildNode, into: string[], stream: string): void {
    this.nodes.push(node);
    into.push(stream);
  }
}
const exchangeOf = (id: string, feedback: string[], delayUs: number): BuildNode => ({
  id: `${id}e`,
  type: exchange,
  in: { go: `${id}.go` },
  key: 'none',
  feedback,
  delayUs,
});

const graphs = (waits: fc.Arbitrary<boolean>) =>
  fc
    .record({
      drafts: fc.array(draft, { minLength: 4, maxLength: 16, size: 'max' }),
      turn: fc.nat(),
      waits,
    })
    .map(({ drafts, turn, waits }) => {
      const growing = new Growing(waits);
      drafts.forEach((d, n) => {
        growing.add(d, n);
      });
      // Any order of declaration: ranks have to put it right.
      const k = turn % growing.nodes.length;
      return [...growing.nodes.slice(k), ...growing.nodes.slice(0, k)];
    });
/** Graphs of all kinds of nodes, in any order of declaration. */
export const graph = graphs(fc.boolean());
export const graphWithoutQuestions = graphs(fc.constant(false));
/** Two graphs that are alike: the second has some nodes of the first, others in their places, and some more or fewer. */
export const graphPair = (waits: fc.Arbitrary<boolean>) =>
  fc
    .record({
      drafts: fc.array(draft, { minLength: 4, maxLength: 14, size: 'max' }),
      edits: fc.array(fc.record({ at: fc.nat(), to: fc.option(draft) }), { minLength: 1, maxLength: 4 }),
      waits,
    })
    .map(({ drafts, edits, waits }): [BuildNode[], BuildNode[]] => {
      const grow = (list: readonly { id: number; draft: Draft }[]) => {
        const growing = new Growing(waits);
        for (const d of list) growing.add(d.draft, d.id);
        return growing.nodes;
      };
      let edited = drafts.map((draft, id) => ({ id, draft }));
      const first = edited;
      for (const { at, to } of edits) {
        const place = at % (edited.length + 1);
        const id = edited[place]?.id ?? drafts.length + at;
        if (to) edited = [...edited.slice(0, place), { id, draft: to }, ...edited.slice(place + 1)];
        else if (edited.length > 1) edited = edited.filter((_, i) => i !== place);
      }
      return [grow(first), grow(edited)];
    });
export const inputs = fc
  .array(
    fc.record({
      dt: fc.nat(6),
      value: fc.integer({ min: -5, max: 9 }),
      key: fc.nat(2),
      port: fc.constantFrom('x', 'x', 'y', 'all', 'rec'),
    }),
    { minLength: 20, maxLength: 40, size: 'max' },
  )
  .map((list) => {
    let t = 100;
    return list.map(({ dt, value, key, port }): InputRow => {
      t += dt;
      const amounts = { price: value, size: 1, volume: 2, fee: 3, maybe: value < 0 ? Number.NaN : value };
      return { t, port, key: port === 'all' ? -1 : key, values: port === 'rec' ? amounts : { value } };
    });
  });

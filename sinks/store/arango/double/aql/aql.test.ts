import { describe, expect, it } from 'vitest';
import { DatabaseData } from '../database-data.ts';
import { parse } from './parser.ts';
import { compile } from './run.ts';
import { compare, type Value } from './values.ts';

const db = new DatabaseData('test');
db.create('docs', 2);
db.create('more', 2);
db.create('edges', 3);
const query = (text: string, bindVars: Value = {}): Value[] => db.once((view) => compile(text, bindVars, view).run());
const value = (expression: string, bindVars: Value = {}): Value | undefined =>
  query(`RETURN ${expression}`, bindVars)[0];
const errorNum = (text: string, bindVars: Value = {}): number | undefined => {
  try {
    query(text, bindVars);
    return undefined;
  } catch (e) {
    return (e as { errorNum: number }).errorNum;
  }
};

describe('expressions of AQL', () => {
  it('bind in the documented order', () => {
    const same: readonly (readonly [string, string])[] = [
      ['1 + 2 * 3', '1 + (2 * 3)'],
      ['-1 + 2', '(-1) + 2'],
      ['!false && false', '(!false) && false'],
      ['1 < 2 == true', '(1 < 2) == true'],
      ['1 IN [1] == true', '(1 IN [1]) == true'],
      ['true || false && false', 'true || (false && false)'],
      ['1..2 + 1', '1..(2 + 1)'],
      ['false ? 1 : true ? 2 : 3', 'false ? 1 : (true ? 2 : 3)'],
      ['1 - 2 - 3', '(1 - 2) - 3'],
      ['NOT 1 IN [2]', '(NOT 1) IN [2]'],
      ['3 NOT IN [1, 2] AND true', '(3 NOT IN [1, 2]) AND true'],
    ];
    for (const [plain, bracketed] of same) expect(parse(`RETURN ${plain}`)).toEqual(parse(`RETURN ${bracketed}`));
    expect(value('1 + 2 * 3')).toBe(7);
    expect(value('2 - 3 - 4')).toBe(-5);
  });

  it('order null before bool, number, string, array, object, and compare within a type', () => {
    const ascending: Value[] = [
      null,
      false,
      true,
      -1,
      0,
      0.5,
      3,
      '',
      'A',
      'a',
      'B',
      'b',
      [],
      [null, 1],
      [0],
      [1],
      {},
      { b: 1 },
      { a: 1 },
    ];
    for (let i = 0; i < ascending.length; i++)
      for (let j = 0; j < ascending.length; j++) {
        const [a, b] = [ascending[i]!, ascending[j]!];
        // An absent element is null: [] and [null] are the same.
        expect(Math.sign(compare(a, b)), JSON.stringify([a, b])).toBe(Math.sign(i - j));
      }
    expect(query('FOR x IN @list SORT x DESC RETURN x', { list: ascending })).toEqual([...ascending].reverse());
  });

  it('take what is absent for null, and null for smaller than all else', () => {
    expect(value('{}.a.b.c')).toBeNull();
    expect(value('null < -5 AND null < false AND null == {}.x')).toBe(true);
    expect(value('null <= 3')).toBe(true);
    expect(value('[1, 2, 3][-1]')).toBe(3);
    expect(value('[1][5]')).toBeNull();
    expect(value('1 / 0')).toBeNull();
    expect(value('"12" + 1')).toBe(13);
    expect(value('null + 1')).toBe(1);
    expect(value('"x" && 0')).toBe(0);
    expect(value('null || "y"')).toBe('y');
    expect(value('![]')).toBe(false);
    expect(value('1 IN "1"')).toBe(false);
    expect(value('0 ? "yes" : "no"')).toBe('no');
    expect(value('7 ? : 8')).toBe(7);
  });

  it('have ranges, expansion, quantifiers, patterns and computed names', () => {
    expect(value('2..5')).toEqual([2, 3, 4, 5]);
    expect(value('5..3')).toEqual([5, 4, 3]);
    expect(value('[{a: {b: 1}}, {a: 2}, 3][*].a.b')).toEqual([1, null, null]);
    expect(value('7[*]')).toEqual([]);
    expect(value('[1, 2, 3] ALL > 0')).toBe(true);
    expect(value('[1, 2, 3] ANY IN [3]')).toBe(true);
    expect(value('[1, 2, 3] NONE == 2')).toBe(false);
    expect(value('"foo.bar" LIKE "f__.%"')).toBe(true);
    expect(value('"abc" =~ "^a.c$"')).toBe(true);
    expect(value('{ [CONCAT("a", 1)]: 2, "b c": 3 }')).toEqual({ a1: 2, 'b c': 3 });
    expect(value('@doc.@name', { doc: { weird: 4 }, name: 'weird' })).toBe(4);
    expect(value("'it\\'s' == \"it's\"")).toBe(true);
    expect(value('LENGTH(FOR x IN 1..3 RETURN x)')).toBe(3);
  });

  it('compute by functions as the server does', () => {
    expect(value('CONCAT_SEPARATOR("-", ["a", null, 1, true])')).toBe('a-1-true');
    expect(value('LENGTH("👍a")')).toBe(2);
    expect(value('MERGE({a: {x: 1}, b: 1}, {a: {y: 2}})')).toEqual({ a: { y: 2 }, b: 1 });
    expect(value('KEEP({a: 1, b: 2}, "b", "c")')).toEqual({ b: 2 });
    expect(value('UNION_DISTINCT([1, 2], [2, {a: 1}], [{a: 1, b: null}])')).toHaveLength(3);
    expect(value('PARSE_IDENTIFIER("c/k")')).toEqual({ collection: 'c', key: 'k' });
    expect(value('MIN([null, 3, "a"])')).toBe(3);
    expect(value('MIN([])')).toBeNull();
    expect(value('SUM([1, "x", 2])')).toBe(3);
    expect(value('SPLIT("a,b", ",")')).toEqual(['a', 'b']);
    expect(value('DOCUMENT("nowhere/1")')).toBeNull();
  });
});

describe('statements of AQL', () => {
  it('loop, filter, sort, limit and return', () => {
    expect(query('FOR x IN 1..9 FILTER x % 2 == 1 LIMIT 1, 3 RETURN x')).toEqual([3, 5, 7]);
    expect(query('FOR x IN [1, 2] FOR y IN ["a", "b"] SORT y DESC, x RETURN CONCAT(y, x)')).toEqual([
      'b1',
      'b2',
      'a1',
      'a2',
    ]);
    expect(query('FOR x IN [1, 1, 2] RETURN DISTINCT x')).toEqual([1, 2]);
    // A limit counts anew for each row around it.
    expect(query('FOR x IN 1..2 LET one = (FOR y IN 5..9 LIMIT 1 RETURN y) RETURN one')).toEqual([[5], [5]]);
    expect(query('LET a = 1, b = a + 1 RETURN [a, b]')).toEqual([[1, 2]]);
  });

  it('collect groups in order of their keys', () => {
    const data: Value = { d: [{ g: 'b', v: 1 }, { g: 'a', v: 2 }, { g: 'b', v: 3 }, { v: 4 }] };
    expect(query('FOR x IN @d COLLECT g = x.g WITH COUNT INTO n RETURN [g, n]', data)).toEqual([
      [null, 1],
      ['a', 1],
      ['b', 2],
    ]);
    expect(query('FOR x IN @d COLLECT g = x.g AGGREGATE s = SUM(x.v), m = MAX(x.v) RETURN [g, s, m]', data)).toEqual([
      [null, 4, 4],
      ['a', 2, 2],
      ['b', 4, 3],
    ]);
    expect(query('FOR x IN @d COLLECT g = x.g INTO vs = x.v RETURN vs', data)).toEqual([[4], [2], [1, 3]]);
    expect(query('FOR x IN [] COLLECT WITH COUNT INTO n RETURN n')).toEqual([0]);
    expect(errorNum('FOR x IN [1] COLLECT g = x RETURN x')).toBe(1203);
  });

  it('insert, update, replace, remove and upsert, and tell old from new', () => {
    expect(query('INSERT {_key: "a", n: 1, deep: {x: 1}} INTO docs RETURN NEW.n')).toEqual([1]);
    expect(query('UPDATE "a" WITH {n: 2, deep: {y: 2}} IN docs RETURN [OLD.n, NEW.n, NEW.deep]')).toEqual([
      [1, 2, { x: 1, y: 2 }],
    ]);
    expect(query('REPLACE "a" WITH {m: 3} IN docs RETURN KEEP(NEW, "n", "m")')).toEqual([{ m: 3 }]);
    const upsert =
      'FOR i IN 1..2 UPSERT {_key: "u"} INSERT {_key: "u", n: 1} UPDATE {n: OLD.n + 1} IN docs RETURN [OLD == null, NEW.n]';
    expect(query(upsert)).toEqual([
      [true, 1],
      [false, 2],
    ]);
    expect(errorNum('INSERT {_key: "a"} INTO docs')).toBe(1210);
    expect(query('INSERT {_key: "a", z: 1} INTO docs OPTIONS {overwriteMode: "replace"} RETURN NEW.z')).toEqual([1]);
    expect(query('FOR d IN docs REMOVE d IN docs RETURN OLD._key').sort()).toEqual(['a', 'u']);
    expect(errorNum('REMOVE "a" IN docs')).toBe(1202);
    // All or nothing.
    expect(errorNum('FOR k IN ["x", "y", "x"] INSERT {_key: k} INTO docs')).toBe(1210);
    expect(query('RETURN LENGTH(docs)')).toEqual([0]);
  });

  it('walk along edges, each vertex or edge as often as asked', () => {
    for (const k of 'abcd') query('INSERT {_key: @k} INTO more', { k });
    for (const [f, t] of ['ab', 'ac', 'bd', 'cd', 'da'])
      query('INSERT {_from: @f, _to: @t} INTO edges', { f: `more/${f}`, t: `more/${t}` });
    const walk = (how: string) => query(`FOR v, e, p IN ${how} RETURN v._key`).sort();
    expect(walk('1..1 OUTBOUND "more/a" edges')).toEqual(['b', 'c']);
    expect(walk('OUTBOUND "more/a" edges')).toEqual(['b', 'c']);
    expect(walk('0..2 OUTBOUND "more/a" edges')).toEqual(['a', 'b', 'c', 'd', 'd']);
    expect(walk('1..1 INBOUND "more/a" edges')).toEqual(['d']);
    expect(walk('1..1 ANY "more/a" edges')).toEqual(['b', 'c', 'd']);
    expect(walk('1..9 OUTBOUND "more/a" edges OPTIONS {order: "bfs", uniqueVertices: "global"}')).toEqual([
      'b',
      'c',
      'd',
    ]);
    expect(walk('1..9 OUTBOUND "more/a" edges OPTIONS {uniqueVertices: "path"}')).toEqual(['b', 'c', 'd', 'd']);
    // No edge twice on a path, by default: a, b, d, a, c, d and the same the other way round.
    expect(walk('1..9 OUTBOUND "more/a" edges')).toHaveLength(10);
    expect(
      walk('1..9 OUTBOUND "more/a" edges PRUNE v._key == "b" OPTIONS {bfs: true, uniqueVertices: "global"}'),
    ).toEqual(['b', 'c', 'd']);
    expect(query('FOR v, e, p IN 2..2 OUTBOUND "more/a" edges RETURN LENGTH(p.edges) + LENGTH(p.vertices)')).toEqual([
      5, 5,
    ]);
    expect(query('FOR v IN 1..1 OUTBOUND "more/none" edges RETURN v')).toEqual([]);
    expect(errorNum('FOR v IN 1..2 OUTBOUND "more/a" edges OPTIONS {uniqueVertices: "global"} RETURN v')).toBe(10);
  });
});

describe('what AQL refuses', () => {
  it('is told by the number that the server has for it', () => {
    const cases: readonly (readonly [string, number, Value?])[] = [
      ['FOR x IN', 1501],
      ['RETURN 1 RETURN 2', 1501],
      ['FOR x IN docs SEARCH true RETURN x', 1501],
      ['FOR v IN OUTBOUND SHORTEST_PATH "a/b" TO "a/c" edges RETURN v', 1501],
      ['RETURN "open', 1501],
      ['RETURN 1 ~ 2', 1501],
      ['RETURN 01', 1501],
      ['FOR x IN 1..2', 1501],
      ['FOR v IN 3..1 OUTBOUND "more/a" edges RETURN v', 1501],
      ['  ', 1502],
      ['LET a = 1 LET a = 2 RETURN a', 1511],
      ['RETURN nothing', 1203],
      ['FOR x IN nowhere RETURN x', 1203],
      ['RETURN NOSUCH(1)', 1540],
      ['RETURN toString', 1203],
      ['RETURN LENGTH(1, 2)', 1541],
      ['RETURN 1', 1550, [1]],
      ['RETURN @x', 1551],
      ['RETURN 1', 1552, { x: 1 }],
      ['FOR x IN @@c RETURN x', 1553, { '@c': 5 }],
      ['FOR x IN 1..2 LIMIT @n RETURN x', 1553, { n: 'two' }],
      ['FOR x IN 5 RETURN x', 1563],
      ['RETURN docs', 1568],
      ['RETURN @@c', 1568, { '@c': 'docs' }],
      ['INSERT {} INTO docs OPTIONS {speed: "high"}', 1575],
      ['FOR x IN 1..2 INSERT {} INTO docs FOR d IN docs RETURN d', 1579],
      ['LET a = (INSERT {} INTO docs RETURN 1) LET b = (INSERT {} INTO docs RETURN 1) RETURN 1', 1579],
      ['INSERT {_key: "a/b"} INTO docs', 1221],
      ['INSERT {_key: "ä"} INTO docs', 1221],
      ['INSERT {} INTO edges', 1233],
      ['INSERT {_from: "a", _to: "b/c"} INTO edges', 1233],
      ['INSERT 5 INTO docs', 1227],
    ];
    for (const [text, number, bindVars] of cases)
      expect([text, errorNum(text, bindVars ?? {})]).toEqual([text, number]);
    expect(query('RETURN LENGTH(docs)')).toEqual([0]);
  });
  it('says where the syntax is wrong', () => {
    expect(() => query('FOR x IN 1..2\n  RETURN x +')).toThrow('at position 2:13');
  });
});

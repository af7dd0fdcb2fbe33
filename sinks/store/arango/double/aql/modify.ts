import { refuse } from '../arango-error.ts';
import type { Expression, Modification, Upsert } from './ast.ts';
import type { Evaluate } from './compile-expression.ts';
import type { Change, OverwriteMode, Scope, UpdateOptions } from './scope.ts';
import { each, type MakeStage } from './stage.ts';
import { equal, isObject, type ObjectValue, own, type Value } from './values.ts';

interface Options extends UpdateOptions {
  readonly overwriteMode: OverwriteMode;
  readonly ignoreErrors: boolean;
}
const MODES = ['conflict', 'ignore', 'replace', 'update'];

function optionsOf(given: Value): Options {
  const o = { overwriteMode: 'conflict' as OverwriteMode, keepNull: true, mergeObjects: true, ignoreErrors: false };
  for (const [name, v] of Object.entries(given === null ? {} : (given as ObjectValue))) {
    if (name === 'overwriteMode' && MODES.includes(v as string)) o.overwriteMode = v as OverwriteMode;
    else if (name === 'overwrite' && typeof v === 'boolean') o.overwriteMode = v ? 'replace' : 'conflict';
    else if (name === 'keepNull' && typeof v === 'boolean') o.keepNull = v;
    else if (name === 'mergeObjects' && typeof v === 'boolean') o.mergeObjects = v;
    else if (name === 'ignoreErrors' && typeof v === 'boolean') o.ignoreErrors = v;
    else if ((name === 'waitForSync' || name === 'exclusive') && typeof v === 'boolean') continue;
    else throw refuse('compileTimeOptions', `AQL: modifications have no option ${name}: ${JSON.stringify(v)}`);
  }
  return o;
}
function keyOf(v: Value): string {
  const key = isObject(v) ? own(v, '_key') : v;
  if (typeof key !== 'string') throw refuse('keyBad', 'AQL: illegal document key');
  return key;
}
function documentOf(v: Value): ObjectValue {
  if (!isObject(v)) throw refuse('documentTypeInvalid', 'AQL: invalid document type');
  return v;
}
function target(collection: Expression, scope: Scope): string {
  const name = scope.collectionOf(collection);
  if (name === undefined) throw refuse('queryParse', 'AQL: a modification needs a collection');
  return name;
}

export function compileModify(m: Modification, scope: Scope, compiled: (e: Expression) => Evaluate): MakeStage {
  const { data } = scope;
  const document = compiled(m.document);
  const changes = m.changes && compiled(m.changes);
  const o = optionsOf(m.options && compiled(m.options)([]));
  const collection = scope.write(target(m.collection, scope));
  const old = scope.pseudo('OLD');
  const now = m.kind === 'REMOVE' ? -1 : scope.pseudo('NEW');
  const write = (given: Value, changed: Value): Change | { old: ObjectValue; new: null } => {
    if (m.kind === 'INSERT') return data.insert(collection, documentOf(given), o.overwriteMode);
    if (m.kind === 'REMOVE') return { old: data.remove(collection, keyOf(given)), new: null };
    const content = documentOf(changes ? changed : given);
    return m.kind === 'REPLACE'
      ? data.replace(collection, keyOf(given), content)
      : data.update(collection, keyOf(given), content, o);
  };
  return each((f, next) => {
    try {
      const change = write(document(f), changes ? changes(f) : null);
      f[old] = change.old;
      if (now >= 0) f[now] = change.new;
    } catch (e) {
      if (o.ignoreErrors) return true;
      throw e;
    }
    return next.push(f);
  });
}

/** Looks one document up by example; then inserts, or changes what was found. Sees its own earlier writes. */
export function compileUpsert(u: Upsert, scope: Scope, compiled: (e: Expression) => Evaluate): MakeStage {
  const { data } = scope;
  const search = compiled(u.search);
  const insert = compiled(u.insert);
  const o = optionsOf(u.options && compiled(u.options)([]));
  const collection = scope.write(target(u.collection, scope));
  const old = scope.pseudo('OLD');
  const update = compiled(u.update);
  const now = scope.pseudo('NEW');
  const find = (example: ObjectValue): ObjectValue | undefined => {
    const key = own(example, '_key');
    const among = typeof key === 'string' ? [data.get(collection, key)] : data.scan(collection);
    return among.find((d) => d && Object.entries(example).every(([name, v]) => equal(own(d, name), v)));
  };
  return each((f, next) => {
    const found = find(documentOf(search(f)));
    f[old] = found ?? null;
    const change = found
      ? u.kind === 'REPLACE'
        ? data.replace(collection, keyOf(found), documentOf(update(f)))
        : data.update(collection, keyOf(found), documentOf(update(f)), o)
      : data.insert(collection, documentOf(insert(f)), 'conflict');
    f[now] = change.new;
    return next.push(f);
  });
}

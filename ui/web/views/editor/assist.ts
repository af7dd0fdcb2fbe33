import {
  autocompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
} from '@codemirror/autocomplete';
import type { Extension } from '@codemirror/state';
import { hoverTooltip } from '@codemirror/view';
import { namesIn, spotAt } from './document-path.ts';
import { about, keysOf, type Schema, schemasAt, takesReference, valuesOf } from './schema.ts';

/** Completion and hover from the project's JSON Schema and the document's own names. */
export function assist(
  schema: () => Schema | undefined,
  ports: () => Readonly<Record<string, readonly string[]>>,
): Extension {
  return [
    autocompletion({ override: [(c) => complete(c, schema(), ports())], activateOnTyping: true, icons: false }),
    hoverTooltip((view, pos) => {
      const root = schema();
      const word = view.state.wordAt(pos);
      if (!root || !word) return null;
      const text = view.state.doc.toString();
      const name = text.slice(word.from, word.to);
      const isKey = /^\s*:(\s|$)/.test(text.slice(word.to, word.to + 3));
      const spot = spotAt(text, isKey ? word.from : pos);
      const found = isKey
        ? about(schemasAt(root, [...spot.path, name], spot.nodeType))
        : aboutValue(root, spot.path, spot.nodeType, lineWord(text, pos));
      if (!found) return null;
      return {
        pos: word.from,
        end: word.to,
        above: true,
        create: () => {
          const dom = document.createElement('div');
          dom.className = 'cm-about';
          const line = (tag: string, t: string) => {
            if (t === '') return;
            const e = document.createElement(tag);
            e.textContent = t;
            dom.append(e);
          };
          line('p', found.description);
          line('code', found.facts);
          return { dom };
        },
      };
    }),
  ];
}

function aboutValue(root: Schema, path: readonly string[], nodeType: string | undefined, word: string) {
  const v = valuesOf(schemasAt(root, path, nodeType)).find((x) => x.name === word);
  return v && v.description !== '' ? { description: v.description, facts: v.name } : undefined;
}
/** The word with its dots. */
function lineWord(text: string, pos: number): string {
  const left = /[\w.$]*$/.exec(text.slice(0, pos))![0];
  const right = /^[\w.$]*/.exec(text.slice(pos))![0];
  return left + right;
}

function complete(
  c: CompletionContext,
  root: Schema | undefined,
  ports: Readonly<Record<string, readonly string[]>>,
): CompletionResult | null {
  if (!root) return null;
  const text = c.state.doc.toString();
  const spot = spotAt(text, c.pos);
  if (spot.word === '' && !c.explicit && spot.at === 'key') return null;
  const from = c.pos - spot.word.length;
  const schemas = schemasAt(root, spot.path, spot.nodeType);
  const options: Completion[] = [];
  if (spot.at === 'key')
    for (const k of keysOf(schemas))
      options.push({
        label: k.name,
        apply: `${k.name}: `,
        detail: k.required ? '•' : '',
        info: k.description,
        type: 'property',
        boost: k.required ? 1 : 0,
      });
  else {
    for (const v of valuesOf(schemas)) options.push({ label: v.name, info: v.description, type: 'constant' });
    const { nodes, params } = namesIn(text);
    const inWith = spot.path.includes('with');
    if (takesReference(schemas))
      for (const n of nodes) {
        options.push({ label: n, type: 'variable' });
        for (const p of ports[n] ?? []) options.push({ label: `${n}.${p}`, type: 'variable' });
      }
    if (inWith || spot.word.startsWith('$'))
      for (const p of params) options.push({ label: `$${p}`, type: 'variable', boost: -1 });
  }
  if (options.length === 0) return null;
  return { from, options, validFor: /^[\w.$:-]*$/ };
}

import type { Graph, GraphNode, GraphPort } from '../../../api/contract/records.ts';
import { client } from '../../api/session.ts';
import { useData } from '../../api/use-data.ts';
import { setQuery } from '../../app/router.ts';
import { value } from '../../i18n/format.ts';
import { useText } from '../../i18n/text.ts';
import { ErrorNote } from '../../parts/parts.tsx';

/** What the page reads of `chimera explain --json`. */
interface TypeSpec {
  readonly summary: string;
  readonly doc: string;
  readonly reference: string | null;
  readonly determinism: string;
  readonly version: number;
  readonly warmup: Readonly<Record<string, number>> | null;
  readonly config: readonly { name: string; type: string; bounds?: string; default?: unknown; doc?: string }[];
}

export function NodeSpec({ node, graph }: { node: GraphNode; graph: Graph }) {
  const t = useText();
  const spec = useData(`type ${node.type}`, (s) =>
    client.get<TypeSpec>(`/node-types/${encodeURIComponent(node.type)}`, undefined, s),
  );
  const config = (node.config ?? {}) as Record<string, unknown>;
  const described = spec.data?.config ?? [];
  const names = [...new Set([...described.map((c) => c.name), ...Object.keys(config)])];
  const from = (port: string) => graph.edges.filter((e) => e.to.node === node.id && e.to.port === port);
  return (
    <>
      <p>{node.summary}</p>
      {spec.data?.doc.trim() && <p className="dim doc">{spec.data.doc.trim()}</p>}
      {spec.error && <ErrorNote error={spec.error} />}
      <h3>{t('panel.config')}</h3>
      {names.length === 0 ? (
        <p className="dim">{t('panel.no_config')}</p>
      ) : (
        <table>
          <tbody>
            {names.map((name) => {
              const d = described.find((c) => c.name === name);
              return (
                <tr key={name}>
                  <th scope="row" className="mono">
                    {name}
                  </th>
                  <td className="wide">
                    <b className="mono">{value(config[name])}</b>
                    {d && (
                      <span className="dim">
                        {' '}
                        {[
                          d.type,
                          d.bounds,
                          d.doc,
                          d.default === undefined ? '' : t('panel.default', { value: value(d.default) }),
                        ]
                          .filter(Boolean)
                          .join(', ')}
                      </span>
                    )}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      <h3>{t('panel.in')}</h3>
      <Ports ports={node.in} none={t('none')}>
        {(p) =>
          from(p.name).map((e) => (
            <button
              key={e.from.node + e.from.port}
              type="button"
              className="small"
              onClick={() => setQuery({ node: e.from.node })}
            >
              {e.from.node}.{e.from.port}
            </button>
          ))
        }
      </Ports>
      <h3>{t('panel.out')}</h3>
      <Ports ports={node.out} none={t('none')}>
        {() => null}
      </Ports>
      <h3>{t('panel.doc')}</h3>
      <dl className="facts">
        <dt>{t('panel.type')}</dt>
        <dd className="mono">
          {node.type}
          {spec.data ? ` v${spec.data.version}, ${spec.data.determinism}` : ''}
        </dd>
        {spec.data?.reference && (
          <>
            <dt>{t('panel.reference')}</dt>
            <dd>{spec.data.reference}</dd>
          </>
        )}
        {spec.data?.warmup && (
          <>
            <dt>{t('panel.warmup')}</dt>
            <dd>
              {Object.entries(spec.data.warmup)
                .map(([p, n]) => `${p}: ${n}`)
                .join(', ')}
            </dd>
          </>
        )}
        <dt>YAML</dt>
        <dd>{t('panel.line', { line: node.line })}</dd>
      </dl>
    </>
  );
}

function Ports(props: { ports: readonly GraphPort[]; none: string; children: (port: GraphPort) => React.ReactNode }) {
  const t = useText();
  if (props.ports.length === 0) return <p className="dim">{props.none}</p>;
  return (
    <>
      {props.ports.map((p) => (
        <details key={p.name}>
          <summary>
            <b className="mono">{p.name}</b>{' '}
            <span className="dim">
              {p.schema}
              {p.many ? ' []' : ''}
            </span>{' '}
            {props.children(p)}
          </summary>
          <table>
            <thead>
              <tr>
                <th scope="col">{t('panel.field')}</th>
                <th scope="col">{t('panel.type')}</th>
                <th scope="col">{t('panel.unit')}</th>
              </tr>
            </thead>
            <tbody>
              {p.fields.map((f) => (
                <tr key={f.name}>
                  <td className="mono">{f.name}</td>
                  <td className="dim">{f.kind}</td>
                  <td>{f.unit ?? ''}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      ))}
    </>
  );
}

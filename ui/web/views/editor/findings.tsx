import type { Diagnostic } from '../../../api/contract/records.ts';
import { useText, word } from '../../i18n/text.ts';
import { Badge } from '../../parts/parts.tsx';

export function Findings(props: {
  of: readonly Diagnostic[];
  onJump: (d: Diagnostic) => void;
  onFix: (d: Diagnostic) => void;
}) {
  const t = useText();
  if (props.of.length === 0) return null;
  return (
    <section className="findings" aria-label={t('editor.findings')} tabIndex={0}>
      <ul>
        {props.of.map((d) => (
          <li key={`${d.code} ${d.line} ${d.column} ${d.message}`}>
            <button
              type="button"
              className="quiet"
              onClick={() => props.onJump(d)}
              title={t('editor.at', { line: d.line, column: d.column })}
            >
              <Badge tone={d.severity === 'error' ? 'bad' : d.severity === 'warning' ? 'warn' : 'info'}>
                {word(t, 'severity', d.severity)}
              </Badge>
              <span className="mono dim">
                {d.line}:{d.column} {d.code}
              </span>
              <span>{d.message}</span>
              {d.help && <span className="dim">{d.help}</span>}
            </button>
            {d.suggestion && (
              <button type="button" className="small" onClick={() => props.onFix(d)}>
                {t('editor.fix', { text: d.suggestion })}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

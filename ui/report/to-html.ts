import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { CHART_SCRIPT } from './chart-script.ts';
import { kindOf, type ReportData } from './data.ts';
import { duration, grouped, utc } from './decimal.ts';
import { counterRows, figures, HEADLINE, howToRead, orderRows, runFacts } from './figures.ts';
import { type Metrics, metrics } from './metrics.ts';
import { chartSeries } from './series.ts';
import { STYLE } from './style.ts';
import { SYMBOL_HEAD, symbolRows, tripRow } from './to-markdown.ts';

/** The chart library's own files, put into the page as they are. */
export interface ChartAssets {
  script: string;
  style: string;
}
export function chartAssets(): ChartAssets {
  const require = createRequire(import.meta.url);
  const read = (file: string) => readFileSync(require.resolve(`uplot/dist/${file}`), 'utf8');
  return { script: read('uPlot.iife.min.js'), style: read('uPlot.min.css') };
}

const LISTED = 500;

/** The report as one HTML file that asks nothing of the network: its policy forbids every request. */
export function toHtml(data: ReportData, m: Metrics = metrics(data), assets: ChartAssets = chartAssets()): string {
  const r = data.run;
  const all = figures(data, m);
  const range =
    r.first_us === null || r.last_us === null
      ? 'no input'
      : `${utc(r.first_us)} – ${utc(r.last_us)} UTC · ${duration(r.last_us - r.first_us)}`;
  const symbols = Object.keys(data.prices);
  const description = all
    .filter((f) => ['return', 'drawdown', 'trades'].includes(f.id))
    .map((f) => `${f.label} ${f.value}`)
    .join(', ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<title>${html(r.pipeline)} · ${html(kindOf(r.profile).toLowerCase())}</title>
<style>${assets.style}${STYLE}</style>
</head>
<body>
<a class="skip" href="#result">Skip to the result</a>
<div class="page">
<header>
<p class="eyebrow">${html(kindOf(r.profile))}</p>
<h1>${html(r.pipeline)}</h1>
<p>${html(range)}</p>
<ul class="chips">
<li><b>${grouped(r.events, 0)}</b> events</li>
<li><b>${symbols.length}</b> instrument${symbols.length === 1 ? '' : 's'}</li>
<li>graph <code>${html(r.graph_hash.slice(0, 12))}</code></li>
<li>profile <b>${html(r.profile ?? 'none')}</b></li>
${quality(data)}
</ul>
</header>
<main>
<dl class="tiles">${HEADLINE.map((id) => tile(all.find((f) => f.id === id)!, data, m)).join('')}</dl>
<section aria-labelledby="h-equity">
<h2 id="h-equity">Equity, drawdown and exposure</h2>
<p class="sub">Drag across a chart to zoom, double-click to see all again.</p>
<p class="cap"><span>Equity, USDT</span></p>
${chart('equity', `Equity over time: ${description}`, data.equity.t_us.length)}
<p class="cap"><span>Drawdown from the running maximum</span></p>
${chart('drawdown', `Drawdown over time: ${description}`, data.equity.t_us.length)}
<p class="cap"><span>Net exposure, USDT: long above zero, short below</span></p>
${chart('exposure', 'Net notional of open positions over time', data.exposure.t_us.length)}
</section>
${priceSection(data, symbols)}
<section id="result" aria-labelledby="h-result">
<h2 id="h-result">Result in figures</h2>
<div class="scroll">${table(
    ['Figure', 'Value', 'Definition'],
    all.map((f) => [
      `<th scope="row">${html(f.label)}</th>`,
      `<td class="n${f.tone ? ` ${f.tone}` : ''}">${html(f.value)}</td>`,
      `<td class="hint">${html(f.hint)}</td>`,
    ]),
    [1],
  )}</div>
</section>
<div class="two">
<section aria-labelledby="h-costs">
<h2 id="h-costs">Fees and funding</h2>
<p class="sub">Cumulative, USDT: fees paid, funding received.</p>
${chart('costs', 'Cumulative fees and funding over time', data.fills.length + data.funding.length)}
<p class="cap"><span><i style="background:var(--bad)"></i>fees</span><span><i style="background:var(--fund)"></i>funding</span></p>
</section>
<section aria-labelledby="h-orders">
<h2 id="h-orders">Orders</h2>
<p class="sub">What was sent to the venue and what came of it.</p>
${counts(orderRows(data))}
</section>
</div>
<section aria-labelledby="h-symbols">
<h2 id="h-symbols">Per instrument</h2>
<p class="sub">USDT. Gross is the realised profit before fees and funding.</p>
<div class="scroll">${table(
    SYMBOL_HEAD,
    symbolRows(m).map((row) => cells(row, [1, 2, 3, 4, 5, 6, 7, 8], 8)),
    [1, 2, 3, 4, 5, 6, 7, 8],
  )}</div>
</section>
<section aria-labelledby="h-trades">
<h2 id="h-trades">Trades</h2>
${trades(m)}
</section>
<div class="two">
<section aria-labelledby="h-quality">
<h2 id="h-quality">Counters and input quality</h2>
<p class="sub">All zero means that every input was used as it came.</p>
${counts(counterRows(data))}
${badInput(data)}
</section>
<section aria-labelledby="h-run">
<h2 id="h-run">Run</h2>
<p class="sub">What made these numbers.</p>
<table class="facts"><tbody>${runFacts(data)
    .map(
      ([k, v]) =>
        `<tr><th scope="row">${html(k)}</th><td>${k === 'Graph hash' ? `<code>${html(v)}</code>` : html(v)}</td></tr>`,
    )
    .join('')}</tbody></table>
</section>
</div>
${data.notes.length ? `<section class="read" aria-labelledby="h-notes"><h2 id="h-notes">Notes</h2><ul>${data.notes.map((n) => `<li>${html(n)}</li>`).join('')}</ul></section>` : ''}
<section class="read" aria-labelledby="h-read">
<h2 id="h-read">How to read this report</h2>
${howToRead(m)
  .map((p) => `<p>${html(p)}</p>`)
  .join('\n')}
</section>
</main>
<footer>chimera ${html(r.versions.chimera)}</footer>
</div>
<script type="application/json" id="series">${JSON.stringify(chartSeries(data, m)).replace(/</g, '\\u003c')}</script>
<script>${assets.script}</script>
<script>${CHART_SCRIPT}</script>
</body>
</html>
`;
}

export const html = (s: string): string => s.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

function tile(f: ReturnType<typeof figures>[number], data: ReportData, m: Metrics): string {
  const small: Record<string, string> = {
    end: `from ${grouped(data.start_balance / 1e8, 2)} USDT`,
    return: `${m.net_profit < 0 ? '−' : '+'}${grouped(Math.abs(m.net_profit), 2)} USDT`,
    drawdown:
      m.max_drawdown && m.max_drawdown.depth > 0 ? `lowest ${utc(m.max_drawdown.trough_us).slice(0, 16)}` : 'none',
    sharpe: m.sharpe === null ? 'too little to tell' : `${m.sampling.label} returns, annualised`,
    trades:
      m.win_rate === null
        ? 'none completed'
        : `${grouped(m.win_rate * 100, 1)} % won · ${grouped(data.fills.length, 0)} fills`,
    fees: `funding ${m.funding > 0 ? '+' : ''}${grouped(m.funding, 2)} USDT`,
  };
  return `<div class="tile"><dt>${html(f.label)}</dt><dd${f.tone ? ` class="${f.tone}"` : ''}>${html(f.value)}<small>${html(small[f.id] ?? '')}</small></dd></div>`;
}

function quality(data: ReportData): string {
  const found =
    data.quality.bad_input.length + data.quality.out_of_order + data.counters.dropped + data.counters.dead_lettered;
  return found === 0 ? '<li class="good">input clean</li>' : `<li class="bad">${grouped(found, 0)} input findings</li>`;
}

const chart = (id: string, label: string, points: number): string =>
  points > 0
    ? `<div class="chart" id="${id}" role="img" aria-label="${html(label)}"></div>`
    : '<p class="empty">Nothing to draw.</p>';

function priceSection(data: ReportData, symbols: readonly string[]): string {
  if (symbols.length === 0) return '';
  const traded = [...symbols].sort(
    (a, b) => Number(data.fills.some((f) => f.symbol === b)) - Number(data.fills.some((f) => f.symbol === a)),
  );
  return `<section aria-labelledby="h-price">
<div class="bar"><h2 id="h-price">Trades on price</h2>
<label class="hint">Instrument <select id="symbol">${traded.map((s) => `<option>${html(s)}</option>`).join('')}</select></label></div>
<div class="chart" id="price" role="img" aria-label="Price with the fills of the chosen instrument; the table of trades below lists them"></div>
<p class="cap"><span><i class="up"></i>bought</span><span><i class="down"></i>sold</span><span>dashed: a round trip, green with a profit after fees</span></p>
</section>`;
}

function trades(m: Metrics): string {
  if (m.round_trips.length === 0) return '<p class="empty">No round trip was completed.</p>';
  const head = ['Exit (UTC)', 'Instrument', 'Side', 'Quantity', 'Entry', 'Exit', 'Net USDT', 'Return', 'Why closed'];
  const right = [3, 4, 5, 6, 7];
  const note =
    m.round_trips.length > LISTED
      ? `The first ${LISTED} of ${grouped(m.round_trips.length, 0)}; all of them are in the JSON report.`
      : 'Round trips, first in first out, after the fees of both ends.';
  const rows = m.round_trips.slice(0, LISTED).map((t) => cells(tripRow(t), right, 6));
  return `<p class="sub">${note}</p><div class="scroll tall" tabindex="0" role="region" aria-label="Trades">${table(head, rows, right)}</div>`;
}

/** Cells of a row; `toned` is the column whose sign gives a colour. */
function cells(row: readonly string[], right: readonly number[], toned: number): string[] {
  return row.map((v, i) => {
    const zero = /^[+−]?0(\.0+)?$/.test(v);
    const tone = i === toned && !zero ? (v.startsWith('−') ? ' bad' : ' good') : '';
    return right.includes(i) ? `<td class="n${tone}">${html(v)}</td>` : `<td>${html(v)}</td>`;
  });
}
const table = (head: readonly string[], rows: readonly (readonly string[])[], right: readonly number[]): string =>
  `<table><thead><tr>${head.map((h, i) => `<th scope="col"${right.includes(i) ? ' class="n"' : ''}>${html(h)}</th>`).join('')}</tr></thead><tbody>${rows.map((r) => `<tr>${r.join('')}</tr>`).join('')}</tbody></table>`;
const counts = (rows: readonly (readonly [string, number])[]): string =>
  `<table><tbody>${rows.map(([k, v]) => `<tr><th scope="row">${html(k)}</th><td class="n">${grouped(v, 0)}</td></tr>`).join('')}</tbody></table>`;

function badInput(data: ReportData): string {
  const list = data.quality.bad_input;
  if (list.length === 0) return '';
  return `<details><summary>Refused inputs</summary><ul>${list
    .slice(0, 50)
    .map((b) => `<li><code>${html(`${b.file}:${b.line}`)}</code> ${html(b.code)} ${html(b.message)}</li>`)
    .join('')}${list.length > 50 ? `<li>and ${grouped(list.length - 50, 0)} more</li>` : ''}</ul></details>`;
}

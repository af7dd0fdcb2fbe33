import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimalText, duration, grouped, moneyText, parseDecimal, usdt } from './decimal.ts';
import { PriceSampler, thin } from './down-sample.ts';
import { exampleReport } from './example-report.ts';
import { counterRows, figures, orderRows } from './figures.ts';
import { metrics } from './metrics.ts';
import { html, toHtml } from './to-html.ts';
import { toJson } from './to-json.ts';
import { toMarkdown } from './to-markdown.ts';

const data = exampleReport(7, 12);
const m = metrics(data);

describe('the report', () => {
  it('prints the same figures in HTML and Markdown', () => {
    const page = toHtml(data, m);
    const markdown = toMarkdown(data, m);
    for (const f of figures(data, m)) {
      expect(page.includes(html(f.value))).toBe(true);
      expect(markdown).toContain(`| ${f.label} | ${f.value} |`);
    }
    for (const [name, n] of [...orderRows(data), ...counterRows(data)]) {
      expect(markdown).toContain(`| ${name} | ${grouped(n, 0)} |`);
      expect(page.includes(`${name}</th><td class="n">${grouped(n, 0)}</td>`)).toBe(true);
    }
  });
  it('is one HTML file that forbids and needs no request', () => {
    const page = toHtml(data, m);
    expect(page.includes(`content="default-src 'none'`)).toBe(true);
    // What could fetch: attributes with addresses, imports, url() in styles. The library's code itself holds none.
    const markup = page.replace(/<script[^>]*>[\s\S]*?<\/script>/g, '');
    expect(/\s(src|srcset|href|action|data)\s*=\s*(?!["']?#)/i.exec(markup)).toBeNull();
    expect(/@import|url\(\s*["']?(?!data:)[a-z]|<(link|iframe|object|embed|img|base)\b/i.exec(markup)).toBeNull();
    expect(/\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon|import\(/.exec(page)).toBeNull();
  });
  it('cannot be broken out of by names in the data', () => {
    const evil = structuredClone(data);
    evil.run.pipeline = '</script><script>alert(1)</script>';
    evil.notes = ['<img src=x onerror=alert(1)>'];
    evil.fills[0]!.reason = '</script><b>';
    const page = toHtml(evil);
    expect(page.includes('<script>alert')).toBe(false);
    expect(page.includes('<img')).toBe(false);
    expect(page.match(/<\/script>/g)).toHaveLength(3);
    expect(toMarkdown({ ...evil, run: { ...evil.run, pipeline: 'a|b\nc' } })).toContain('# Backtest of a\\|b c');
  });
  it('has every series in full in JSON, money as exact text', () => {
    const json = JSON.parse(toJson(data, m));
    expect(json.equity.equity).toEqual(data.equity.equity.map(moneyText));
    expect(json.fills).toEqual(data.fills);
    expect(json.metrics.sharpe).toBe(m.sharpe);
    expect(json.metrics.round_trips).toHaveLength(m.trades);
  });
  it('gives the same bytes for the same data', () => {
    expect(toHtml(exampleReport(7, 12)) === toHtml(data)).toBe(true);
    expect(toMarkdown(exampleReport(7, 12))).toBe(toMarkdown(data));
  });
  it('stands without trades, prices and input', () => {
    const empty = exampleReport(7, 1);
    Object.assign(empty, { fills: [], funding: [], prices: {}, notes: [] });
    empty.equity = { t_us: [], equity: [] };
    empty.exposure = { t_us: [], gross: [], net: [] };
    empty.run.first_us = empty.run.last_us = null;
    expect(toHtml(empty)).toContain('No round trip was completed.');
    expect(toMarkdown(empty)).toContain('no input');
  });
});

describe('decimals', () => {
  it('survive text and back exactly', () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 80n), 2n ** 80n), fc.integer({ min: 0, max: 16 }), (n, digits) => {
        expect(parseDecimal(decimalText(n, digits), digits)).toBe(n);
      }),
    );
  });
  it('refuse exponents, signs and more decimals than there are', () => {
    for (const bad of ['1e5', '+1', '', '.5', '1.', 'NaN', '0.123456789'])
      expect(() => parseDecimal(bad, 8)).toThrow(RangeError);
  });
  it('are grouped for people', () => {
    expect([grouped(1234567.891, 2), grouped(-1000, 0), grouped(-0.001, 2), usdt(123456), usdt(1.5e13)]).toEqual([
      '1,234,567.89',
      '−1,000',
      '0.00',
      '0.001235',
      '150,000.00',
    ]);
    expect([duration(344e6), duration(90_000e6), duration(820_000), duration(86_400e6)]).toEqual([
      '5 min 44 s',
      '1 d 1 h',
      '0.82 s',
      '1 d',
    ]);
  });
});

describe('down-sampling', () => {
  it('keeps the first, last, lowest and highest value of a series', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 400 }), fc.integer({ min: 1, max: 20 }), (v, n) => {
        const t = v.map((_, i) => i * 7);
        const s = thin(t, v, n);
        expect(s.values.length).toBeLessThanOrEqual(Math.max(v.length, 4 * (n + 1)));
        expect([s.values[0], s.values.at(-1)]).toEqual([v[0], v.at(-1)]);
        expect([Math.min(...s.values), Math.max(...s.values)]).toEqual([Math.min(...v), Math.max(...v)]);
        expect([...s.t_us].sort((a, b) => a - b)).toEqual(s.t_us);
      }),
    );
  });
  it('makes candles of any length in bounded memory, without losing an extreme', () => {
    const sampler = new PriceSampler(50, 1);
    const px = Array.from({ length: 10_000 }, (_, i) => 100 + Math.sin(i / 40) * 10 + (i % 13));
    for (const [i, p] of px.entries()) sampler.add(i * 1000, p);
    const s = sampler.series();
    expect(s.t_us.length).toBeLessThanOrEqual(100);
    expect(s.t_us.length).toBeGreaterThan(25);
    expect([s.open[0], s.close.at(-1)]).toEqual([px[0], px.at(-1)]);
    expect([Math.min(...s.low), Math.max(...s.high)]).toEqual([Math.min(...px), Math.max(...px)]);
  });
});

/** Style of the report: one page, light and dark, print too. System fonts only: nothing is fetched. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#131a24;--dim:#5b6675;--line:#e3e7ed;--soft:#eef1f5;--accent:#2563eb;
--good:#0f8a5f;--bad:#c8372d;--fund:#9333ea;--shadow:0 1px 2px rgba(16,24,40,.05),0 1px 12px rgba(16,24,40,.04)}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--card:#151b23;--ink:#e6edf3;--dim:#93a0b0;--line:#27303b;--soft:#1c242e;--accent:#6ea8fe;
--good:#3fb984;--bad:#f2766b;--fund:#c08bf5;--shadow:none}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.55 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
font-variant-numeric:tabular-nums}
.page{max-width:1180px;margin:0 auto;padding:32px 24px 64px}
a{color:var(--accent)}
a.skip{position:absolute;left:-999px}a.skip:focus{left:12px;top:12px;background:var(--card);padding:8px 12px;border-radius:8px;z-index:9}
header h1{font-size:28px;line-height:1.2;letter-spacing:-.02em;margin:0 0 4px}
header p{margin:0;color:var(--dim)}
.eyebrow{font-size:12px;font-weight:600;letter-spacing:.09em;text-transform:uppercase;color:var(--accent);margin:0 0 6px}
.chips{display:flex;flex-wrap:wrap;gap:8px;margin:14px 0 0;padding:0;list-style:none}
.chips li{background:var(--soft);border-radius:999px;padding:3px 11px;font-size:13px;color:var(--dim)}
.chips b{color:var(--ink);font-weight:600}
code,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.92em}
.tiles{display:grid;grid-template-columns:repeat(6,minmax(0,1fr));gap:12px;margin:28px 0 20px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 16px;box-shadow:var(--shadow)}
.tile dt{font-size:13px;color:var(--dim)}
.tile dd{margin:2px 0 0;font-size:22px;font-weight:650;letter-spacing:-.02em;white-space:nowrap}
.tile small{display:block;font-size:12px;font-weight:400;letter-spacing:0;color:var(--dim);white-space:normal;line-height:1.35;margin-top:2px}
.good{color:var(--good)}.bad{color:var(--bad)}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;box-shadow:var(--shadow);padding:20px 22px;margin:16px 0}
h2{font-size:17px;letter-spacing:-.01em;margin:0 0 2px}
h2+.sub{margin:0 0 14px;color:var(--dim);font-size:13.5px}
.bar{display:flex;flex-wrap:wrap;gap:10px 16px;align-items:baseline;justify-content:space-between}
.two{display:grid;grid-template-columns:1fr 1fr;gap:16px}.two>section{margin:0}
.chart{position:relative;width:100%;min-height:80px}
.cap{font-size:12.5px;color:var(--dim);margin:12px 0 2px;display:flex;gap:14px;flex-wrap:wrap}
.cap i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px;vertical-align:-1px}
.cap i.up,.cap i.down{width:0;height:0;border-radius:0;background:none!important;border:5px solid transparent}
.cap i.up{border-bottom:8px solid var(--good);border-top:0}.cap i.down{border-top:8px solid var(--bad);border-bottom:0}
select{font:inherit;font-size:14px;color:var(--ink);background:var(--soft);border:1px solid var(--line);border-radius:8px;padding:4px 8px}
.scroll{overflow-x:auto;margin:0 -22px;padding:0 22px}
.scroll.tall{max-height:480px;overflow-y:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th,td{text-align:left;padding:7px 12px 7px 0;border-bottom:1px solid var(--line);vertical-align:top}
tbody tr:last-child>*{border-bottom:0}
thead th{font-size:12px;font-weight:600;color:var(--dim);white-space:nowrap;background:var(--card)}
.tall thead th{position:sticky;top:0}
td.n,th.n{text-align:right}
td.n{white-space:nowrap}
td:last-child,th:last-child{padding-right:0}
tbody th{font-weight:500;white-space:nowrap}
.facts th{color:var(--dim);font-weight:400;width:1%;padding-right:22px}
.facts td{overflow-wrap:anywhere}
.hint{color:var(--dim);font-size:13px}
td.n+td:not(.n),th.n+th:not(.n){padding-left:14px}
.read p{max-width:76ch;margin:0 0 10px}
.empty{color:var(--dim);margin:6px 0}
details summary{cursor:pointer;color:var(--dim);font-size:13px;margin-top:10px}
footer{color:var(--dim);font-size:13px;margin-top:24px;text-align:center}
.u-legend{display:none}
.tip{position:absolute;z-index:5;pointer-events:none;background:var(--card);border:1px solid var(--line);border-radius:8px;box-shadow:0 4px 16px rgba(0,0,0,.14);
padding:6px 10px;font-size:12.5px;line-height:1.45;white-space:nowrap;display:none}
.tip b{font-weight:600}.tip span{color:var(--dim)}
.u-select{background:color-mix(in srgb,var(--accent) 14%,transparent)}
@media (max-width:1000px){.tiles{grid-template-columns:repeat(3,minmax(0,1fr))}}
@media (max-width:760px){.two{grid-template-columns:minmax(0,1fr)}.page{padding:20px 14px 48px}section{padding:16px}.scroll{margin:0 -16px;padding:0 16px}.hintcol{display:none}}
@media (max-width:520px){.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}.tile dd{font-size:19px}header h1{font-size:24px}}
@media print{body{background:#fff}.page{max-width:none;padding:0}section,.tile{box-shadow:none;break-inside:avoid}.scroll.tall{max-height:none}}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
`;

/**
 * What draws the charts in the reader's browser: plain text, so that it reaches the page as it is written. It reads the
 * series from the page's JSON block and hands them to uPlot; colours come from the style sheet, so that light and dark
 * follow the reader's setting.
 */
export const CHART_SCRIPT = String.raw`
(function () {
  var data = JSON.parse(document.getElementById('series').textContent);
  var plots = [];
  var sync = uPlot.sync('time');
  function css(name) { return getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim(); }
  function alpha(c, a) {
    var n = parseInt(c.slice(1), 16);
    return 'rgba(' + (n >> 16) + ',' + ((n >> 8) & 255) + ',' + (n & 255) + ',' + a + ')';
  }
  function utc(s, withDate) {
    var d = new Date(s * 1000).toISOString();
    return withDate ? d.slice(0, 10) + ' ' + d.slice(11, 19) : d.slice(11, 19);
  }
  function group(x, digits) {
    var s = Math.abs(x).toFixed(digits).split('.');
    return (x < 0 ? '\u2212' : '') + s[0].replace(/\B(?=(\d{3})+$)/g, ',') + (s[1] ? '.' + s[1] : '');
  }
  function digitsFor(span) { return span >= 100 ? 0 : span >= 1 ? 2 : span >= 0.01 ? 4 : 6; }
  function axisFormat(suffix, factor) {
    return function (u, ticks) {
      var step = ticks.length > 1 ? Math.abs(ticks[1] - ticks[0]) * factor : 1;
      var digits = step >= 1 ? 0 : Math.min(8, Math.ceil(-Math.log10(step) - 1e-9));
      return ticks.map(function (v) { return group(v * factor, digits) + suffix; });
    };
  }
  var MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  function timeAxis(u, splits, axis, space, incr) {
    return splits.map(function (s, i) {
      var d = new Date(s * 1000), clock = d.toISOString().slice(11, incr < 60 ? 19 : 16);
      var day = d.getUTCDate() + ' ' + MONTHS[d.getUTCMonth()];
      if (incr >= 86400 * 200) return String(d.getUTCFullYear());
      if (incr >= 86400 * 28) return MONTHS[d.getUTCMonth()] + ' ' + d.getUTCFullYear();
      if (incr >= 86400) return day;
      return i === 0 || clock.slice(0, 5) === '00:00' ? clock + '\n' + day : clock;
    });
  }
  function tipPlugin(lines) {
    var tip;
    return { hooks: {
      init: function (u) { tip = document.createElement('div'); tip.className = 'tip'; u.over.appendChild(tip); },
      setCursor: function (u) {
        var i = u.cursor.idx;
        if (i == null || u.cursor.left < 0 || !u.cursor.event) { tip.style.display = 'none'; return; }
        tip.innerHTML = '<span>' + utc(u.data[0][i], true) + '</span>' + lines(u, i).map(function (l) {
          return '<br>' + l;
        }).join('');
        tip.style.display = 'block';
        var left = u.cursor.left + 14;
        if (left + tip.offsetWidth > u.over.clientWidth) left = u.cursor.left - tip.offsetWidth - 14;
        tip.style.left = Math.max(0, left) + 'px';
        tip.style.top = Math.max(0, Math.min(u.cursor.top - 10, u.over.clientHeight - tip.offsetHeight)) + 'px';
      },
    } };
  }
  function make(id, height, series, rows, options) {
    var el = document.getElementById(id);
    if (!el || !rows[0].length) return null;
    var entry = { el: el, height: height };
    entry.draw = function () {
      if (entry.plot) entry.plot.destroy();
      var axis = {
        stroke: css('dim'), font: '12px system-ui, sans-serif', grid: { stroke: css('line'), width: 1 },
        ticks: { show: false }, gap: 6,
      };
      entry.plot = new uPlot({
        width: el.clientWidth, height: height,
        padding: [10, 22, 0, 0],
        cursor: { sync: { key: sync.key, setSeries: false }, points: { size: 6 }, drag: { x: true, y: false } },
        legend: { show: false },
        tzDate: function (s) { return uPlot.tzDate(new Date(s * 1000), 'Etc/UTC'); },
        scales: { x: { range: data.range ? function (u, a, b) { return u.status && (a !== data.range[0] || b !== data.range[1]) ? [a, b] : data.range; } : undefined }, y: options.range ? { range: options.range } : {} },
        axes: [
          Object.assign({}, axis, options.hideX ? { size: 8, values: function (u, t) { return t.map(function () { return ''; }); } } : { size: 40, values: timeAxis }),
          Object.assign({}, axis, { size: el.clientWidth < 520 ? 60 : 74, space: options.space || 40, values: axisFormat(options.suffix || '', options.factor || 1) }),
        ],
        series: [{}].concat(series.map(function (s) {
          return Object.assign({ width: 1.6, points: { show: false } }, s, {
            stroke: css(s.color), fill: s.fillAlpha ? alpha(css(s.color), s.fillAlpha) : undefined,
          });
        })),
        bands: options.bands ? options.bands() : undefined,
        plugins: [tipPlugin(options.tip)].concat(options.plugins || []),
      }, rows, el);
    };
    plots.push(entry);
    entry.draw();
    return entry;
  }
  var stepped = uPlot.paths.stepped({ align: 1 });
  function pad(lowAtZero) {
    return function (u, min, max) {
      if (min == null) return [0, 1];
      var d = (max - min) * 0.08 || Math.abs(max) * 0.001 || 1;
      return lowAtZero ? [Math.min(0, min), max + d] : [min - d, max + d];
    };
  }
  var e = data.equity;
  make('equity', 260, [{ color: 'accent', fillAlpha: 0.1, paths: stepped, fillTo: function (u) { return u.scales.y.min; } }], [e.t, e.v], {
    hideX: true, range: pad(false),
    tip: function (u, i) { return ['<b>' + group(e.v[i], 2) + '</b> USDT']; },
  });
  var d = data.drawdown;
  make('drawdown', 120, [{ color: 'bad', fillAlpha: 0.16, paths: stepped, fillTo: 0 }], [d.t, d.v], {
    hideX: true, space: 26, suffix: ' %', factor: 100, range: function (u, min) { return [Math.min(min * 1.12, -1e-6), 0]; },
    tip: function (u, i) { return ['<b>' + group(d.v[i] * 100, 3) + ' %</b> below the maximum']; },
  });
  var x = data.exposure;
  make('exposure', 150, [{ color: 'good', fillAlpha: 0.14, paths: stepped, fillTo: 0 }], [x.t, x.v], {
    space: 22, range: function (u, min, max) { var a = Math.max(Math.abs(min || 0), Math.abs(max || 0)) * 1.12 || 1; return [min < 0 ? -a : 0, max > 0 ? a : 0]; },
    tip: function (u, i) { return ['<b>' + group(x.v[i], 2) + '</b> USDT net']; },
  });
  var f = data.costs;
  make('costs', 190, [
    { color: 'bad', paths: stepped }, { color: 'fund', paths: stepped },
  ], [f.t, f.fees, f.funding], {
    range: pad(false),
    tip: function (u, i) { return ['fees <b>' + group(f.fees[i], 4) + '</b>', 'funding <b>' + group(f.funding[i], 4) + '</b>']; },
  });

  function priceChart(symbol) {
    var host = document.getElementById('price');
    if (!host) return;
    plots = plots.filter(function (p) { if (p.el !== host) return true; p.plot.destroy(); return false; });
    var p = data.prices[symbol];
    var trips = data.trips.filter(function (t) { return t.s === symbol; });
    var marks = data.marks.filter(function (t) { return t.s === symbol; });
    var digits = digitsFor(Math.max.apply(null, p.h) / 100);
    var plugin = { hooks: { draw: function (u) {
      var c = u.ctx, k = devicePixelRatio || 1;
      c.save();
      c.beginPath(); c.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height); c.clip();
      c.lineWidth = 1.4 * k; c.setLineDash([3 * k, 3 * k]);
      trips.forEach(function (t) {
        c.strokeStyle = alpha(css(t.n > 0 ? 'good' : 'bad'), 0.75);
        c.beginPath();
        c.moveTo(u.valToPos(t.a, 'x', true), u.valToPos(t.p, 'y', true));
        c.lineTo(u.valToPos(t.b, 'x', true), u.valToPos(t.q, 'y', true));
        c.stroke();
      });
      c.setLineDash([]);
      marks.forEach(function (m) {
        var px = u.valToPos(m.t, 'x', true), py = u.valToPos(m.p, 'y', true), r = 6 * k, s = m.b ? 1 : -1;
        c.fillStyle = css(m.b ? 'good' : 'bad'); c.strokeStyle = css('card'); c.lineWidth = 1 * k;
        c.beginPath(); c.moveTo(px, py + s * 2 * k); c.lineTo(px - r, py + s * (2 * k + 1.7 * r)); c.lineTo(px + r, py + s * (2 * k + 1.7 * r)); c.closePath();
        c.fill(); c.stroke();
      });
      c.restore();
    } } };
    make('price', 320, [
      { color: 'accent', width: 0 }, { color: 'accent', width: 0 }, { color: 'accent', width: 1.3 },
    ], [p.t, p.h, p.l, p.c], {
      range: pad(false), plugins: [plugin], bands: function () { return [{ series: [1, 2], fill: alpha(css('accent'), 0.2) }]; },
      tip: function (u, i) {
        var lines = ['<b>' + group(p.c[i], digits) + '</b> <span>low ' + group(p.l[i], digits) + ' high ' + group(p.h[i], digits) + '</span>'];
        var step = p.t.length > 1 ? (p.t[p.t.length - 1] - p.t[0]) / p.t.length : 1;
        marks.filter(function (m) { return Math.abs(m.t - p.t[i]) <= step * 2; }).slice(0, 4).forEach(function (m) {
          lines.push((m.b ? 'bought ' : 'sold ') + m.q + ' at ' + group(m.p, digits) + ' <span>' + m.r + '</span>');
        });
        return lines;
      },
    });
  }
  var select = document.getElementById('symbol');
  if (select) {
    select.addEventListener('change', function () { priceChart(select.value); });
    priceChart(select.value);
  }
  var timer;
  window.addEventListener('resize', function () {
    clearTimeout(timer);
    timer = setTimeout(function () {
      plots.forEach(function (p) { p.plot.setSize({ width: p.el.clientWidth, height: p.height }); });
    }, 60);
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', function () { plots.forEach(function (p) { p.draw(); }); });
})();
`;

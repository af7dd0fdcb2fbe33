import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { ChimeraError } from '../../graph/schema/index.ts';
import { type AccountEngine, ApiError, type Feed, type MarketName, type VenueClock } from './contract.ts';
import { FaultInjector, type TimedFault } from './faults/injector.ts';
import { matcher } from './faults/pattern.ts';
import { FaultRequest, type Scenario } from './faults/scenario.ts';
import { ApiConnection } from './transport/api-connection.ts';
import { CLOSE, LIFE, type Life } from './transport/connection.ts';
import { Gate } from './transport/gate.ts';
import { BINANCE_LIMITS, Limits, type MarketLimits } from './transport/limits.ts';
import { ListenKeys } from './transport/listen-keys.ts';
import { listenKeyRoutes, orderCountRoute, pingRoute, systemStatusRoute } from './transport/own-routes.ts';
import { Pump } from './transport/pump.ts';
import { type Control, createRest } from './transport/rest.ts';
import { Security } from './transport/security.ts';
import { Sockets } from './transport/sockets.ts';
import { StreamHub } from './transport/stream-hub.ts';
import { transferRoutes } from './transport/transfers.ts';
import { SpotUsers, UsdmUsers } from './transport/user-streams.ts';

export interface VenueServerOptions {
  /** `start` is called when the market begins. */
  readonly clock: VenueClock & { start?(): void };
  readonly feed: Feed;
  readonly engines: Readonly<Record<MarketName, AccountEngine>>;
  readonly account: { readonly apiKey: string; readonly secret: string };
  /** 0 = a free one. */
  readonly ports: Readonly<Record<MarketName, number>>;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Must be true for a host that other machines reach. */
  readonly expose?: boolean;
  readonly faults?: Scenario;
  /** Opens `/chimera/faults` and `/chimera/start`. */
  readonly allowFaultControl?: boolean;
  readonly limits?: Readonly<Partial<Record<MarketName, Partial<MarketLimits>>>>;
  readonly life?: Readonly<Partial<Record<MarketName, Partial<Life>>>>;
  /** Market seconds per second. Default 1. */
  readonly rate?: number;
  /** The market waits until so many different streams have a reader. Default 0: it begins at once. */
  readonly holdStreams?: number;
  /** The market waits for `startMarket`. */
  readonly hold?: boolean;
  /** False: nothing happens by itself; `play` and `sweep` are called from outside (tests). */
  readonly alone?: boolean;
  readonly log?: (event: object) => void;
}

export interface Origin {
  /** Without a path: `http://127.0.0.1:8080`. */
  readonly rest: string;
  /** What ccxt takes as the base of its streams. */
  readonly ws: string;
}
export interface VenueServer {
  readonly usdm: Origin;
  readonly spot: Origin;
  readonly injector: FaultInjector;
  /** One frame of a market stream: what the feed's `publish` is bound to. */
  publish(market: MarketName, stream: string, event: string): void;
  /** Whether a stream has a reader. */
  wanted(market: MarketName, stream: string): boolean;
  startMarket(): void;
  /** Plays what is due. */
  play(budgetMs?: number): boolean;
  /** Pings, expiries, ends of life. */
  sweep(): void;
  status(): object;
  /** Within two seconds. */
  close(): Promise<void>;
}

const MARKETS: readonly MarketName[] = ['usdm', 'spot'];
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;
const SWEEP_MS = 1000;

/**
 * The exchange on two ports.
 * @throws ChimeraError CHM830 (address), CHM831 (port)
 */
export async function createVenueServer(o: VenueServerOptions): Promise<VenueServer> {
  const host = o.host ?? '127.0.0.1';
  if (!LOOPBACK.test(host) && o.expose !== true)
    throw new ChimeraError('CHM830', `${host} can be reached from other machines`, {
      help: 'the venue speaks plain HTTP: keep to 127.0.0.1, or add --expose when the network is yours',
    });
  const log = o.log ?? (() => {});
  const timers = new Set<NodeJS.Timeout>();
  const later = (ms: number, run: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, ms);
    timers.add(timer);
  };
  const { clock, feed, engines } = o;
  // Connections live on the clock itself; what clients are told and measured by may be skewed.
  let skewMs = 0;
  const wallMs = (): number => clock.wallMs() + skewMs;
  const steady = (): number => clock.wallMs();

  const injector = new FaultInjector({
    nowUs: () => pump.nowUs,
    later,
    onTimed: (fault, nowUs) => timed(fault, nowUs),
    onFired: (fault, what) => log({ level: 'info', what: 'fault', kind: fault.kind, at: what }),
    fromUs: clock.marketUs(),
  });
  const pump = new Pump(clock, [injector, engines.usdm, engines.spot, feed], o.rate ?? 1, (e) =>
    log({ level: 'error', code: 'CHM833', what: 'the played market stopped', error: String(e) }),
  );
  if (o.faults) injector.add(o.faults.faults, o.faults.seed);

  const keys = new ListenKeys();
  const usdmUsers = new UsdmUsers(keys, injector, steady);
  const spotUsers = new SpotUsers(injector);
  const security = new Security(o.account);
  const transfers = transferRoutes(engines);
  const isSapi = (r: { path: string }): boolean => r.path.startsWith('/sapi/');
  const markets = MARKETS.map((market) => {
    const limits = new Limits({ ...BINANCE_LIMITS[market], ...o.limits?.[market] });
    const hub = new StreamHub(market, injector, () => streamAdded());
    const gate = new Gate({ market, limits, faults: injector, pump, wallMs, later, log });
    gate.add([pingRoute(market), orderCountRoute(market, limits)]);
    gate.add(engines[market].routes);
    gate.add(feed.routes(market));
    if (market === 'usdm') gate.add(listenKeyRoutes(keys));
    // The wallet's endpoints are on both ports, and belong to Spot.
    for (const routes of [engines.spot.routes, feed.routes('spot'), engines.usdm.routes])
      gate.add(routes.filter(isSapi));
    gate.add([systemStatusRoute, ...transfers]);
    const sockets = new Sockets({
      market,
      gate,
      security,
      hub,
      feed,
      limits: limits.of,
      life: { ...LIFE[market], ...o.life?.[market] },
      usdmUsers: market === 'usdm' ? usdmUsers : undefined,
      spotUsers: market === 'spot' ? spotUsers : undefined,
      wallMs: steady,
      log,
    });
    const app = createRest(gate, security, (...call) => control(...call));
    app.server.maxConnections = limits.of.sockets;
    app.server.headersTimeout = 15_000;
    sockets.listen(app.server);
    return { market, limits, hub, sockets, app };
  });
  const [usdm, spot] = [markets[0]!, markets[1]!];
  engines.usdm.onUserEvent = (event) => usdmUsers.emit(event);
  engines.spot.onUserEvent = (event) => {
    const { e, x, l, z } = event as { e?: string; x?: string; l?: string; z?: string };
    // An order's first trade: from here on it does not count as unfilled.
    if (e === 'executionReport' && x === 'TRADE' && l === z) spot.limits.filled();
    spotUsers.emit(event);
  };

  let started = false;
  const startMarket = (): void => {
    if (started || closed) return;
    started = true;
    clock.start?.();
    pump.start(o.alone !== false);
  };
  const streamAdded = (): void => {
    const hold = o.holdStreams ?? 0;
    // In a later turn: the answer to the subscription is still to be sent.
    if (!started && hold > 0 && o.hold !== true && usdm.hub.streams + spot.hub.streams >= hold)
      setImmediate(startMarket);
  };

  const timed = (fault: TimedFault, nowUs: number): void => {
    const inMarket = matcher(fault.match.market);
    switch (fault.kind) {
      case 'listen_key_expiry':
        keys.expire();
        return;
      case 'clock_skew':
        skewMs = fault.skew_ms;
        return;
      case 'liquidation':
      case 'adl':
        for (const m of MARKETS) if (inMarket(m)) engines[m].force?.(fault.kind, fault.symbol, nowUs);
        return;
      case 'server_shutdown':
        for (const m of markets)
          if (inMarket(m.market))
            for (const c of m.sockets.connections) {
              c.notice(steady());
              later(1000, () => c.end(CLOSE.goingAway, 'server shutdown'));
            }
        return;
      case 'disconnect': {
        const named = fault.match.stream === undefined ? undefined : matcher(fault.match.stream);
        for (const m of markets)
          if (inMarket(m.market))
            for (const c of [...m.sockets.connections]) {
              const api = c instanceof ApiConnection;
              const user = api ? spotUsers.subscription(c) !== undefined : usdmUsers.has(c);
              const target = fault.target === 'all' || fault.target === (user ? 'user' : api ? 'api' : 'streams');
              if (target && (named === undefined || (!api && c.reads(named)))) c.drop('fault');
            }
      }
    }
  };

  const status = (): object => ({
    running: started,
    market_us: pump.nowUs,
    lag_us: started ? pump.lagUs : 0,
    next_us: Number.isFinite(feed.nextUs()) ? feed.nextUs() : null,
    rate: o.rate ?? 1,
    ...Object.fromEntries(
      markets.map((m) => [
        m.market,
        {
          connections: m.sockets.connections.size,
          streams: m.hub.streams,
          frames: m.hub.published,
          written: m.hub.written,
          user_streams: m.market === 'usdm' ? usdmUsers.readers : spotUsers.readers,
        },
      ]),
    ),
  });
  const control: Control = (method, path, body) => {
    if (method === 'GET' && path === '/chimera/status') return status();
    if (o.allowFaultControl !== true) return undefined;
    if (method === 'POST' && path === '/chimera/start') {
      startMarket();
      return status();
    }
    if (path !== '/chimera/faults') return undefined;
    if (method === 'POST') return { faults: addFaults(injector, body, pump.nowUs) };
    if (method === 'DELETE') injector.clear();
    else if (method !== 'GET') return undefined;
    return { faults: injector.counts() };
  };

  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    clearInterval(sweeper);
    pump.stop();
    for (const t of timers) clearTimeout(t);
    for (const m of markets) m.sockets.close(steady());
    await farewell(markets.map((m) => m.sockets));
    await Promise.all(markets.map((m) => m.app.close()));
    await feed.close();
  };
  const sweep = (): void => {
    const now = steady();
    keys.sweep(now);
    for (const m of markets) m.sockets.sweep(now);
  };
  const sweeper = o.alone === false ? undefined : setInterval(sweep, SWEEP_MS);

  let origins: string[];
  try {
    origins = await Promise.all(markets.map((m) => listen(m.app, host, o.ports[m.market])));
  } catch (e) {
    await close();
    throw e;
  }
  if (o.hold !== true && (o.holdStreams ?? 0) === 0) startMarket();
  return {
    usdm: { rest: `http://${origins[0]}`, ws: `ws://${origins[0]}/ws` },
    spot: { rest: `http://${origins[1]}`, ws: `ws://${origins[1]}/stream/ws` },
    injector,
    publish: (market, stream, event) => (market === 'usdm' ? usdm : spot).hub.publish(stream, event),
    wanted: (market, stream) => (market === 'usdm' ? usdm : spot).hub.has(stream),
    startMarket,
    play: (budgetMs) => pump.play(budgetMs),
    sweep,
    status,
    close,
  };
}

/** Gives clients a moment to answer the close frames, then cuts the lines. */
async function farewell(all: readonly Sockets[]): Promise<void> {
  const until = performance.now() + 300;
  while (all.some((s) => s.connections.size > 0) && performance.now() < until)
    await new Promise((done) => setTimeout(done, 10));
  for (const s of all) s.drop();
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code ?? String(e);
    throw new ChimeraError('CHM831', `cannot listen on ${host}:${port}: ${code}`, {
      help: 'name another port, or 0 for a free one',
      cause: e,
    });
  }
  const at = (app.server as Server).address() as AddressInfo;
  return `${host.includes(':') ? `[${host}]` : host}:${at.port}`;
}

function addFaults(injector: FaultInjector, body: string, nowUs: number): number {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new ApiError(-1135, 'Invalid JSON Request.');
  }
  const parsed = FaultRequest.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new ApiError(-1130, `${issue.path.join('.')}: ${issue.message}`);
  }
  return injector.add(parsed.data.faults, parsed.data.seed, nowUs);
}

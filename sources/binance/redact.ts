import { ChimeraError } from '../../graph/schema/index.ts';

const MASK = '***';
/** Parameters and headers that must not be seen, in URLs, form bodies, JSON and header dumps. */
const NAMED =
  /((?:signature|listenKey|listenToken|apiKey|api_key|secret|X-MBX-APIKEY)["']?\s*[=:]\s*["']?)([^&\s"',;}\])]+)/gi;
/** The private websocket of older futures streams ends in the listen key itself. */
const KEY_IN_PATH = /(\/(?:ws|private\/ws)\/)([A-Za-z0-9]{32,})/g;

/**
 * Masks what must not be seen in a text that may hold a signed URL or a header: signatures, listen keys, API keys, and each
 * of `secrets` wherever it stands.
 */
export function redact(text: string, secrets: readonly (string | undefined)[] = []): string {
  let out = text.replace(NAMED, `$1${MASK}`).replace(KEY_IN_PATH, `$1${MASK}`);
  for (const s of secrets) if (s !== undefined && s.length >= 4) out = out.replaceAll(s, MASK);
  return out;
}

/** What an unknown thrown value says, masked, at most 300 characters: requests' answers may be whole pages. */
export function reasonOf(e: unknown, secrets: readonly (string | undefined)[] = []): string {
  const name = e instanceof Error && e.constructor.name !== 'Error' ? `${e.constructor.name}: ` : '';
  const message = e instanceof Error ? e.message : typeof e === 'string' ? e : JSON.stringify(e);
  const text = redact(`${name}${message}`, secrets);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

/** A coded error from whatever ccxt threw. The cause is not kept: its stack and properties may hold what was masked. */
export function maskedError(
  code: string,
  what: string,
  e: unknown,
  details: { node?: string; help: string; secrets?: readonly (string | undefined)[] },
): ChimeraError {
  return new ChimeraError(code, `${what}: ${reasonOf(e, details.secrets)}`, {
    ...(details.node === undefined ? {} : { node: details.node }),
    help: details.help,
  });
}

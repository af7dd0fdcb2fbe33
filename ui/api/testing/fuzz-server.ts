import { rmSync } from 'node:fs';
import { GRANTS, type Role } from '../contract/access.ts';
import { openLocalApi } from '../local-api.ts';

/**
 * A server for fuzzing: `node dist/ui/api/testing/fuzz-server.js HOME`. Prints one line of JSON: address, and a token of a service that
 * may do everything. Ends with standard input.
 */
const home = process.argv[2] ?? '/tmp/chimera-fuzz';
rmSync(home, { recursive: true, force: true });
const local = await openLocalApi({ home, port: 0, perMinute: 1e9, env: { CHIMERA_LOG: 'error' } });
const everything = GRANTS['administrator' satisfies Role];
const token = await local.api.tokens.service('fuzz', everything, 3600);
process.stdout.write(`${JSON.stringify({ url: local.url, token })}\n`);
process.stdin.resume();
process.stdin.once('end', () => void local.close().then(() => process.exit(0)));

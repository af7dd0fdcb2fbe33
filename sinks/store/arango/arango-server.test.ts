import { Database } from 'arangojs';
import { afterAll, describe } from 'vitest';
import { documentStoreContract } from '../store.contract.ts';
import { parseArangoAddress } from './address.ts';
import { openArangoStore } from './open.ts';
import { sameAnswersContract } from './same-answers.contract.ts';

const address = process.env['CHIMERA_ARANGO_URL'];
const password = process.env['CHIMERA_ARANGO_PASSWORD'] ?? '';
const title = address === undefined ? 'a real server (none: CHIMERA_ARANGO_URL is not set)' : 'a real server';

/** The very suites that the double passes, each test in a database of its own, which is removed afterwards. */
describe.skipIf(address === undefined)(title, () => {
  const made = new Set<string>();
  const name = (n: number): string => `chimera_test_${process.pid}_${n}`;
  let n = 0;
  const open = () => {
    made.add(name(n));
    return openArangoStore(address!, { database: name(n), passwordFrom: () => password, alone: true });
  };
  afterAll(async () => {
    if (address === undefined) return;
    const { url, user } = parseArangoAddress(address);
    const system = new Database({ url, auth: { username: user, password } });
    for (const database of made) await system.dropDatabase(database);
    system.close();
  });
  const another = () => {
    n++;
    return open();
  };
  documentStoreContract('a real ArangoDB', another, open);
  sameAnswersContract('a real ArangoDB', another, 30);
});

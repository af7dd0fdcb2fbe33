import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { LocalStorage } from '../../lake/storage.ts';
import { artifactContract } from './artifact-store.contract.ts';

const root = mkdtempSync(join(tmpdir(), 'artifact-store-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let n = 0;
artifactContract('artifacts in a folder', async () => new LocalStorage(join(root, String(n++))));

#!/usr/bin/env node
// Plain JavaScript that every Node understands, so that an old one gets a sentence and not a syntax error.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`chimera needs Node 20.19 or newer; this is ${process.versions.node}.`);
  console.error('Install a current Node (for example with your package manager or nvm) and try again.');
  process.exit(2);
}

const { compileLater, keepYoungSmall } = await import('./v8.js');
compileLater();
keepYoungSmall();

const { existsSync } = await import('node:fs');
const main = new URL('../dist/ui/cli/main.js', import.meta.url);
if (!existsSync(main)) {
  console.error('chimera is not built yet: run `npm ci` (it builds), or `npm run build` after a change.');
  process.exit(2);
}
// Newer Nodes keep what they compile for the next time.
(await import('node:module')).default.enableCompileCache?.();
const controller = new AbortController();
let signals = 0;
for (const name of ['SIGINT', 'SIGTERM'])
  process.on(name, () => {
    // The first asks for an orderly end at a commit; the second does not wait for it.
    if (signals++ > 0) process.exit(130);
    controller.abort();
  });
process.stdout.on('error', (e) => {
  // The reader of a pipe went away (`chimera list | head`).
  if (e.code === 'EPIPE') process.exit(0);
  throw e;
});
const chimera = await import(main.href);
process.exitCode = await chimera.main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
  signal: controller.signal,
});

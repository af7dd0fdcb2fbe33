import { relative, resolve } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const root = resolve(import.meta.dirname, '../..');

/** What is started by itself: the command line, and threads and processes of it that start often. */
const ENTRIES = ['ui/cli/main', 'ui/sweep/worker', 'ui/api/worker', 'lake/journal/seal-child'];
const DIST = '__dist__';

/**
 * The command line as a few files in dist/bundle instead of several hundred: to find and read these took longer than most commands do.
 * Its entries take the places of the modules that tsc wrote; everything else of dist stays, for benchmarks and other programs.
 *
 * What a module names by its own address (a script beside it) is found from where the module lies in dist, not from its bundle.
 */
const ownAddresses: Plugin = {
  name: 'own-addresses',
  transform(code, id) {
    if (!code.includes('import.meta.') || id.startsWith('\0') || id.includes('node_modules')) return;
    if (code.includes('import.meta.dirname')) this.error('write import.meta.url: import.meta.dirname is not bundled');
    const own = `${DIST}/${relative(root, id).replace(/\.ts$/, '.js')}`;
    return {
      code: code.replaceAll('import.meta.url', `new URL(${JSON.stringify(own)}, import.meta.url).href`),
      map: null,
    };
  },
  renderChunk(code, { fileName }) {
    return { code: code.replaceAll(DIST, '../'.repeat(fileName.split('/').length - 1).slice(0, -1)), map: null };
  },
};

export default defineConfig({
  root,
  plugins: [ownAddresses],
  publicDir: false,
  logLevel: 'warn',
  clearScreen: false,
  // What consists of many small modules, and is needed by nearly every command.
  ssr: { noExternal: ['zod', 'rxjs', 'tslib', 'yaml', 'commander', '@marcbachmann/cel-js', 'fastest-levenshtein'] },
  build: {
    ssr: true,
    outDir: 'dist',
    emptyOutDir: false,
    minify: false,
    target: 'node20',
    reportCompressedSize: false,
    rolldownOptions: {
      input: Object.fromEntries(ENTRIES.map((e) => [e, `${e}.ts`])),
      output: { entryFileNames: '[name].js', chunkFileNames: 'bundle/[name]-[hash].js' },
    },
  },
});

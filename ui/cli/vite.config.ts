import { relative, resolve } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const root = resolve(import.meta.dirname, '../..');

/**
 * The command line as a few files in dist/cli instead of several hundred: to find and read these took longer than most commands do.
 * Threads, child processes and benchmarks run the modules that tsc wrote beside them. So does what a module names by its own address,
 * which therefore stays that of the module.
 */
const ownAddresses: Plugin = {
  name: 'own-addresses',
  transform(code, id) {
    if (!code.includes('import.meta.') || id.includes('node_modules')) return;
    if (code.includes('import.meta.dirname')) this.error('write import.meta.url: import.meta.dirname is not bundled');
    const own = `../${relative(root, id).replace(/\.ts$/, '.js')}`;
    return {
      code: code.replaceAll('import.meta.url', `new URL(${JSON.stringify(own)}, import.meta.url).href`),
      map: null,
    };
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
    ssr: 'ui/cli/main.ts',
    outDir: 'dist/cli',
    emptyOutDir: true,
    minify: false,
    target: 'node20',
    reportCompressedSize: false,
    // Flat: addresses of modules are told from here.
    rolldownOptions: { output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' } },
  },
});

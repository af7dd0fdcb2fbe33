import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The operations page, built into dist/web and served by the API. Nothing is fetched from elsewhere, no script is inline. */
export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  plugins: [react()],
  logLevel: 'warn',
  clearScreen: false,
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    // Colours are written with light-dark(), which these know.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // An image as a data: address would need a wider Content-Security-Policy.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1700,
    // A slow machine is no finding about the page.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
});

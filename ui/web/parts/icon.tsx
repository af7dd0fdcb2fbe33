/** Small pictures, drawn here; each stands beside a word and is hidden from screen readers. */
const PATHS = {
  graph: 'M3 4h4v3H3zM9 9h4v3H9zM7 5.500h2.500V9M3 11h3M7 5.500h5',
  trading: 'M4 3v10M4 5h-1.500v5H4M4 5h1.500v5H4M11 2v11M11 4H9.500v6H11M11 4h1.500v6H11',
  time: 'M8 4.500V8l2.500 1.500M3 8a5 5 0 1 0 1.500-3.500M3 3v2.500h2.500',
  editor: 'M6 4 2.500 8 6 12M10 4l3.500 4L10 12',
  runs: 'M3 4h10M3 8h10M3 12h6',
  operations: 'M8 2.500 13 5v3.500c0 2.500-2 4.300-5 5-3-.7-5-2.500-5-5V5z',
  ok: 'M3.500 8.500 6.500 11.500 12.500 4.500',
  warn: 'M8 3 14 13H2zM8 7v3M8 11.500v.2',
  error: 'M5 5l6 6M11 5l-6 6M8 1.800a6.200 6.200 0 1 0 0 12.400A6.200 6.200 0 0 0 8 1.800z',
  stop: 'M5.500 2.500h5L13.500 5.500v5L10.500 13.500h-5L2.500 10.500v-5zM6 8h4',
  link: 'M6.500 9.500 9.500 6.500M7 4.500 8.500 3a2.800 2.800 0 0 1 4 4L11 8.500M9 11.500 7.500 13a2.800 2.800 0 0 1-4-4L5 7.500',
  unlink: 'M3 3l10 10M7 4.500 8.500 3a2.800 2.800 0 0 1 4 4L11 8.500M9 11.500 7.500 13a2.800 2.800 0 0 1-4-4L5 7.500',
  close: 'M4 4l8 8M12 4l-8 8',
  help: 'M6 6a2 2 0 1 1 2.700 1.900c-.5.2-.7.5-.7 1.100M8 11.300v.2M8 1.800a6.200 6.200 0 1 0 0 12.400A6.200 6.200 0 0 0 8 1.800z',
  settings: 'M2.500 5h6M12 5h1.500M2.500 11H4M7.500 11h6M10 3.500v3M5.500 9.500v3',
  up: 'M8 3v10M4 7l4-4 4 4',
  down: 'M8 13V3M4 9l4 4 4-4',
  left: 'M10 3.500 5.500 8l4.500 4.500',
  right: 'M6 3.500 10.500 8 6 12.500',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  fit: 'M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3',
  search: 'M7 2.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9zM10.500 10.500 13.500 13.500',
  layers: 'M2.500 5.500 8 3l5.500 2.500L8 8zM2.500 8.500 8 11l5.500-2.500M2.500 11.200 8 13.700l5.500-2.500',
  idle: 'M4 8h8',
  wait: 'M8 2.500v2M8 11.500v2M2.500 8h2M11.500 8h2',
  user: 'M8 3a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5zM3 13.500c.5-2.500 2.500-3.800 5-3.800s4.500 1.300 5 3.800',
} as const;
export type IconName = keyof typeof PATHS;

export const Icon = ({ name, size = 16 }: { name: IconName; size?: number }) => (
  <svg
    width={size}
    height={size}
    viewBox="0 0 16 16"
    fill="none"
    stroke="currentColor"
    strokeWidth="1.500"
    strokeLinecap="round"
    strokeLinejoin="round"
    aria-hidden="true"
    focusable="false"
  >
    <path d={PATHS[name]} />
  </svg>
);

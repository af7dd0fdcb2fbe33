import { editorTexts } from './editor.ts';
import { graphTexts } from './graph.ts';
import { operationsTexts } from './operations.ts';
import { runsTexts } from './runs.ts';
import { shellTexts } from './shell.ts';
import { timeTexts } from './time.ts';
import { tradingTexts } from './trading.ts';

/** Every text of the page, English beside Traditional Chinese. `{name}` is filled in. */
export const TEXTS = {
  ...shellTexts,
  ...graphTexts,
  ...timeTexts,
  ...editorTexts,
  ...tradingTexts,
  ...runsTexts,
  ...operationsTexts,
} as const;

import type { AnyNode } from '../../graph/node.ts';
import { bracket } from './bracket.ts';
import { dailyLoss } from './daily-loss.ts';
import { guards } from './guards.ts';
import { imbalance } from './imbalance.ts';
import { rules } from './rules.ts';
import { target } from './target.ts';

export { CODES as decisionCodes } from './codes.ts';

/** Node types that decide. */
export const decisionNodes: readonly AnyNode[] = [guards, dailyLoss, rules, target, bracket, imbalance];

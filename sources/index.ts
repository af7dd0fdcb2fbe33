import type { AnyNode } from '../graph/node.ts';
import { binanceMarket } from './binance/market.ts';
import { control } from './control/control.ts';
import { market } from './market.ts';

export const sourceNodes: readonly AnyNode[] = [market, binanceMarket, control];

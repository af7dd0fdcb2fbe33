import type { AnyNode } from '../../graph/node.ts';
import { datasetRow } from './dataset-row.ts';

export const labelNodes: readonly AnyNode[] = [datasetRow];

export * from './block.ts';
export * from './control.ts';
export * from './error.ts';
export * from './field.ts';
export * from './key.ts';
export * from './market.ts';
export * from './record.ts';
export * from './trading.ts';

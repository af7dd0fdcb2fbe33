export { crc32c } from './crc32c.ts';
export { check, decode } from './decode.ts';
export { encode } from './encode.ts';
export type { CodecClass, CodecOptions } from './format.ts';

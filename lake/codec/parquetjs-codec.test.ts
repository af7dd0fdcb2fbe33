import { codecConformance } from './codec.conformance.ts';
import { parquetjsCodec } from './parquetjs-codec.ts';

codecConformance(parquetjsCodec);

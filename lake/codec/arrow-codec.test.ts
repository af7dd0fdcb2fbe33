import { arrowCodec } from './arrow-codec.ts';
import { codecConformance } from './codec.conformance.ts';

codecConformance(arrowCodec);

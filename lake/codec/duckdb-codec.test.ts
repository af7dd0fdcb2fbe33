import { codecConformance } from './codec.conformance.ts';
import { duckdbCodec } from './duckdb-codec.ts';

codecConformance(duckdbCodec);

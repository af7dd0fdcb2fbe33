import { ChimeraError } from '../../graph/schema/index.ts';
import type { Problem } from './contract/records.ts';

/** Status of each code of the API; what a handler throws otherwise is a wrong request, or a fault. */
const STATUS: Readonly<Record<string, number>> = {
  CHM524: 503,
  CHM529: 409,
  CHM1100: 401,
  CHM1101: 401,
  CHM1102: 401,
  CHM1103: 429,
  CHM1104: 401,
  CHM1105: 403,
  CHM1106: 403,
  CHM1107: 403,
  CHM1108: 403,
  CHM1110: 400,
  CHM1111: 404,
  CHM1112: 404,
  CHM1113: 400,
  CHM1114: 422,
  CHM1115: 409,
  CHM1116: 429,
  CHM1117: 400,
  CHM1118: 409,
  CHM1120: 501,
  CHM1121: 501,
  CHM1122: 504,
  CHM1125: 500,
  CHM1134: 401,
  CHM1135: 409,
  CHM1136: 409,
  CHM1137: 400,
  CHM1138: 422,
  CHM1139: 429,
  CHM1140: 422,
  CHM1141: 409,
};

/** An error of the API: its status follows from its code. */
export class ApiError extends ChimeraError {
  readonly retryAfterS: number | undefined;
  /** Another status than that of the code. */
  readonly given: number | undefined;
  constructor(
    code: string,
    message: string,
    details: { help?: string; field?: string; cause?: unknown; retryAfterS?: number; status?: number } = {},
  ) {
    const { retryAfterS, status, ...rest } = details;
    super(code, message, rest);
    this.retryAfterS = retryAfterS;
    this.given = status;
  }
}

export const notFound = (what: string): ApiError => new ApiError('CHM1112', `there is no ${what}`);

export interface Refusal {
  readonly status: number;
  readonly problem: Problem;
  readonly retryAfterS?: number;
  /** Not the sender's doing: to be logged. */
  readonly fault: boolean;
}

/** What is told of an error: code, sentence, help; never a stack, never the text of an unknown error. */
export function refusalOf(e: unknown, correlation: string): Refusal {
  const known = knownError(e);
  if (!known) {
    const error = { code: 'CHM1125', message: 'a fault of the API', help: 'the log has it under the correlation id' };
    return { status: 500, problem: { error, correlation_id: correlation }, fault: true };
  }
  const { code, message, help, where } = known;
  const status = known instanceof ApiError ? (known.given ?? STATUS[code] ?? 400) : (STATUS[code] ?? 422);
  const place = where.field ?? where.node;
  const error = { code, message, ...(help ? { help } : {}), ...(place ? { where: place } : {}) };
  const retryAfterS = known instanceof ApiError ? known.retryAfterS : undefined;
  return {
    status,
    problem: { error, correlation_id: correlation },
    fault: status === 500,
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
  };
}

/** What the server's framework throws at requests that it cannot read. */
function knownError(e: unknown): ChimeraError | undefined {
  if (e instanceof ChimeraError) return e;
  const { statusCode, message } = (e ?? {}) as { statusCode?: number; message?: string };
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode >= 500) return undefined;
  if (statusCode === 429) return new ApiError('CHM1116', 'too many requests');
  return new ApiError('CHM1117', String(message), { status: statusCode });
}

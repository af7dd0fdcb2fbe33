import type { Problem } from '../../api/contract/records.ts';

/** What the API refused, or that it could not be reached (`status` 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly help: string | undefined;
  readonly where: string | undefined;
  readonly correlationId: string | undefined;
  /** Seconds to wait before another try, of a 429. */
  readonly retryAfterS: number | undefined;

  constructor(status: number, problem: Problem | undefined, retryAfterS?: number) {
    super(
      problem?.error.message ?? (status === 0 ? 'The server cannot be reached.' : `The server answered ${status}.`),
    );
    this.status = status;
    this.code = problem?.error.code ?? (status === 0 ? 'OFFLINE' : `HTTP${status}`);
    this.help = problem?.error.help;
    this.where = problem?.error.where;
    this.correlationId = problem?.correlation_id;
    this.retryAfterS = retryAfterS;
  }
}

export const asApiError = (e: unknown): ApiError =>
  e instanceof ApiError
    ? e
    : new ApiError(0, {
        error: { code: 'PAGE', message: e instanceof Error ? e.message : String(e) },
        correlation_id: '',
      });

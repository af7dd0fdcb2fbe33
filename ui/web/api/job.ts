import type { Job } from '../../api/contract/answers.ts';
import { ApiError } from './problem.ts';
import { client } from './session.ts';

const EVERY_MS = 400;

/** Waits for work that takes longer than a request. @throws ApiError what the work failed with */
export async function finished<T>(begun: Job<T>, signal?: AbortSignal): Promise<T> {
  let job = begun;
  while (job.state === 'running') {
    await new Promise((done) => setTimeout(done, EVERY_MS));
    signal?.throwIfAborted();
    job = await client.get<Job<T>>(`/jobs/${encodeURIComponent(job.id)}`, undefined, signal);
  }
  if (job.state === 'failed') throw new ApiError(500, job.error ? { error: job.error, correlation_id: '' } : undefined);
  return job.result as T;
}

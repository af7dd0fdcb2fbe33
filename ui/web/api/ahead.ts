import { client } from './session.ts';

/** Answers asked for before the view that wants them is there, each taken once. */
const asked = new Map<string, Promise<unknown>>();

/** Asks already now. What fails is asked again by whoever wants it. */
export function askAhead(path: string): void {
  const answer = client.get(path);
  answer.catch(() => asked.delete(path));
  asked.set(path, answer);
}
/** As `client.get`, or the answer that was asked for ahead. */
export function getOrTake<T>(path: string, signal: AbortSignal): Promise<T> {
  const answer = asked.get(path);
  asked.delete(path);
  return answer ? (answer as Promise<T>) : client.get<T>(path, undefined, signal);
}

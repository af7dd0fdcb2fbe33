import type { Permission } from '../../api/contract/access.ts';
import type { Me, Session } from '../../api/contract/records.ts';
import { Store, useStore } from '../live/store.ts';
import { Client } from './client.ts';
import { ApiError } from './problem.ts';

export type SessionState =
  | { readonly phase: 'unknown' }
  /** Nobody has an account yet: the one-time code of the first start makes the first one. */
  | { readonly phase: 'setup' }
  | { readonly phase: 'signed-out'; readonly expired: boolean }
  | { readonly phase: 'unreachable' }
  | { readonly phase: 'signed-in'; readonly me: Me };

export const client = new Client();
export const session = new Store<SessionState>({ phase: 'unknown' });

let renewal: ReturnType<typeof setTimeout> | undefined;
let renewed: (token: string) => void = () => {};
/** Called with each new access token. */
export const onToken = (f: (token: string) => void): void => {
  renewed = f;
};

client.onSession = (s) => take(s);
client.onSignedOut = () => {
  clearTimeout(renewal);
  if (session.get().phase === 'signed-in') session.set({ phase: 'signed-out', expired: true });
};

function take(s: Session): void {
  client.take(s);
  session.set({ phase: 'signed-in', me: s.me });
  clearTimeout(renewal);
  // Well before the end: a socket that lives on an old token would be closed.
  renewal = setTimeout(() => client.refresh().catch(() => {}), Math.max(5, s.expires_s * 0.75) * 1000);
  renewed(s.access_token);
}

/** Finds out at the start whether there is a session already, and whether there is anybody at all. */
export async function begin(): Promise<void> {
  try {
    const needed = client.get<{ needed: boolean }>('/setup').catch((e: unknown) => {
      if (e instanceof ApiError && e.status === 0) throw e;
      return { needed: false };
    });
    const known = await client.refresh().then(
      () => true,
      (e: unknown) => {
        if (e instanceof ApiError && (e.status === 0 || e.status >= 500)) throw e;
        return false;
      },
    );
    if (!known) session.set((await needed).needed ? { phase: 'setup' } : { phase: 'signed-out', expired: false });
  } catch {
    session.set({ phase: 'unreachable' });
  }
}

export const signIn = async (name: string, password: string): Promise<void> =>
  take(await client.post<Session>('/login', { name, password }));
export const setUp = async (code: string, name: string, password: string): Promise<void> =>
  take(await client.post<Session>('/setup', { code, name, password }));
export async function signOut(): Promise<void> {
  clearTimeout(renewal);
  await client.post('/logout').catch(() => {});
  client.take(undefined);
  session.set({ phase: 'signed-out', expired: false });
}

export const useMe = (): Me | undefined => {
  const s = useStore(session);
  return s.phase === 'signed-in' ? s.me : undefined;
};
/** What the person may do. The server decides; the page only spares them a refusal. */
export function useMay(): (permission: Permission) => boolean {
  const me = useMe();
  return (permission) => me?.permissions.includes(permission) ?? false;
}

import { jwtVerify, SignJWT } from 'jose';
import { PERMISSIONS, type Permission } from '../contract/access.ts';
import { ApiError } from '../problem.ts';
import type { SigningKey } from './signing-key.ts';

export const ACCESS_S = 300;
const ISSUER = 'chimera';
const PEOPLE = 'chimera-api';
const SERVICES = 'chimera-service';

/** Whom a token speaks for. */
export type Bearer =
  | { readonly kind: 'person'; readonly name: string; readonly session: string; readonly expiresS: number }
  | {
      readonly kind: 'service';
      readonly name: string;
      readonly permissions: readonly Permission[];
      readonly expiresS: number;
    };

/** Short-lived JWTs, EdDSA only: whatever else a token says of its algorithm, it is refused. */
export class Tokens {
  readonly #key: SigningKey;
  readonly #now: () => number;
  constructor(key: SigningKey, now: () => number) {
    this.#key = key;
    this.#now = now;
  }
  person(name: string, session: string): Promise<string> {
    return this.#sign({ sid: session }, name, PEOPLE, ACCESS_S);
  }
  service(name: string, permissions: readonly Permission[], livesS: number): Promise<string> {
    return this.#sign({ permissions: [...permissions] }, name, SERVICES, livesS);
  }
  /** @throws CHM1101 */
  async verify(token: string): Promise<Bearer> {
    try {
      const { payload } = await jwtVerify(token, this.#key.publicKey, {
        algorithms: ['EdDSA'],
        issuer: ISSUER,
        audience: [PEOPLE, SERVICES],
        currentDate: new Date(this.#now()),
        requiredClaims: ['sub', 'exp', 'iat'],
      });
      const expiresS = payload.exp! - this.#now() / 1000;
      const name = payload.sub!;
      if (payload.aud === PEOPLE && typeof payload['sid'] === 'string')
        return { kind: 'person', name, session: payload['sid'], expiresS };
      const listed = payload['permissions'];
      if (payload.aud === SERVICES && Array.isArray(listed))
        return { kind: 'service', name, permissions: PERMISSIONS.filter((p) => listed.includes(p)), expiresS };
    } catch (cause) {
      throw refused(cause);
    }
    throw refused(undefined);
  }
  #sign(claims: Record<string, unknown>, name: string, audience: string, livesS: number): Promise<string> {
    const iat = Math.floor(this.#now() / 1000);
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT' })
      .setIssuer(ISSUER)
      .setAudience(audience)
      .setSubject(name)
      .setIssuedAt(iat)
      .setExpirationTime(iat + livesS)
      .sign(this.#key.privateKey);
  }
}
const refused = (cause: unknown): ApiError =>
  new ApiError('CHM1101', 'this token is not accepted', { cause, help: 'sign in again' });

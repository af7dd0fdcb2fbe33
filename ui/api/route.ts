import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Api } from './api.ts';
import type { Permission, Role } from './contract/access.ts';

/** The twelve services of the specification: number, name, port. */
export const SERVICES = {
  s1: { name: 'Exchange Connectors', port: 8081 },
  s2: { name: 'Feature Generator', port: 8082 },
  s3: { name: 'Strategy Engine', port: 8083 },
  s4: { name: 'Order Router', port: 8084 },
  s5: { name: 'Reconciler', port: 8085 },
  s6: { name: 'Position Manager', port: 8086 },
  s7: { name: 'Label Backfill', port: 8087 },
  s8: { name: 'Autopsy Generator', port: 8088 },
  s9: { name: 'Hypothesis Orchestrator', port: 8089 },
  s10: { name: 'Config Service', port: 8090 },
  s11: { name: 'Metrics & Health', port: 8091 },
  s12: { name: 'Web UI / API Gateway', port: 8092 },
} as const;
export type Service = keyof typeof SERVICES;
export const SERVICE_IDS = Object.keys(SERVICES) as Service[];

/** Who is speaking, once the guard has looked. */
export interface Identity {
  readonly name: string;
  readonly kind: 'person' | 'service';
  readonly roles: readonly Role[];
  readonly permissions: readonly Permission[];
  /** Of people. */
  readonly session: string | undefined;
}

/**
 * Who may: a permission, any of several, everyone who is signed in, everyone (`open`), or whoever has the refresh cookie. Every route
 * says it; there is no default.
 */
export type Rule = Permission | readonly Permission[] | 'signed_in' | 'open' | 'cookie';

/** One call of a route, checked. */
export interface Call<P = unknown, Q = unknown, B = unknown> {
  readonly api: Api;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Of a signed-in caller; `open` and `cookie` routes have none. */
  readonly who: Identity;
  readonly correlation: string;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** What the audit log is told, in the words of the thing that was changed. */
  changed(before: unknown, after: unknown): void;
}

type Schema = z.ZodType;
type Of<S> = S extends Schema ? z.output<S> : unknown;

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** As the specification writes it; the same under /v1. */
  readonly path: string;
  readonly service: Service;
  readonly rule: Rule;
  readonly summary: string;
  readonly params?: Schema;
  readonly query?: Schema;
  readonly body?: Schema;
  /** Commands: whether their answer is kept under the idempotency key. */
  readonly repeat?: 'kept' | 'free';
  /** Default 200. */
  readonly status?: number;
  /** Media type of the answer; default JSON. */
  readonly type?: string;
  /** Requests a minute from one address, where it is less than for others. */
  readonly perMinute?: number;
  /** Codes that the route can answer with, besides those that all can. */
  readonly codes?: readonly string[];
  readonly handle: (call: Call<never, never, never>) => unknown;
}

/** Declares a route; types of params, query and body follow from their schemas. */
export function route<P extends Schema | undefined, Q extends Schema | undefined, B extends Schema | undefined>(
  r: Omit<Route, 'params' | 'query' | 'body' | 'handle'> & {
    readonly params?: P;
    readonly query?: Q;
    readonly body?: B;
    readonly handle: (call: Call<Of<P>, Of<Q>, Of<B>>) => unknown;
  },
): Route {
  return r as unknown as Route;
}

/** Commands whose answer is kept: they need an idempotency key. */
export const isKept = (r: Route): boolean => r.method !== 'GET' && (r.repeat ?? 'kept') === 'kept';

// Building blocks of schemas.
export const id = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\p{L}\p{N}_.:@#/+%$!*'(),;=-]+$/u, 'letters, digits and punctuation');
export const name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[\p{L}\p{N}_.@-]+$/u, 'letters, digits and _ . @ -');
export const us = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
export const count = (most: number, usual: number) => z.coerce.number().int().min(1).max(most).default(usual);
export const page = { limit: count(1000, 100), before: us.optional() };
/** A sentence that a person wrote. */
export const words = (max = 1000) => z.string().trim().min(1).max(max);
export const yaml = z.string().min(1).max(1_048_576);
export const decimal = z
  .string()
  .max(40)
  .regex(/^\d{1,20}(\.\d{1,18})?$/, 'a decimal number such as 0.25');
export const instrument = z
  .string()
  .max(64)
  .regex(/^[a-z]+:[A-Z0-9_]+$/, 'market and symbol, such as usdm:BTCUSDT');
/** Browsers send JSON, and no body at all where there is nothing to say. */
export const nothing = z.strictObject({}).optional();

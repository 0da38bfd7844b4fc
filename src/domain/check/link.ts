import type { ServiceConfig } from '../config/config.ts';
import type { EnvReader } from '../env-reader.ts';
import type { ServiceRecord } from '../instance.ts';
import type { Program } from '../runtime.ts';
import type { Wiring } from '../wiring.ts';
import type { Directory } from './endpoints.ts';

/**
 * `wrong`: it leads, or would lead, elsewhere; `warning`: something does not run, or may cross wires one day; `unseen`: nobody could
 * look, so nothing is known of it.
 */
type LinkState = 'ok' | 'unseen' | 'warning' | 'wrong';

/** One connection of a ticket: who is wired to what by which variable, and whether that is so. */
export interface Link {
  /** A service: `front`, `api (baseline)`; `localhost:3002` for the way in. */
  from: string;
  /** `api`, `api (baseline)`, `postgres/shop`, `redis/0`; the env file for a plain value in it. */
  to: string;
  /** The variable; undefined for the way in. */
  key?: string;
  /** What it is meant to hold, or what it holds where that is what is wrong; secrets are `***`. */
  value?: string;
  /** False when it is wrong. */
  ok: boolean;
  state: LinkState;
  reason?: string;
  hint?: string;
  /** The env file, relative to the worktree, that has another say about the variable and is read. */
  file?: string;
}

/** What speaks against a link. */
export interface Trouble {
  state: Exclude<LinkState, 'ok'>;
  reason: string;
  hint?: string;
}

/** An env file of a service's folder, as it is on the disk. */
export interface EnvFileFacts {
  /** Relative to the worktree. */
  name: string;
  /** What stack's block in it should hold; undefined for a file that is not stack's. */
  wanted: Record<string, string> | undefined;
  /** What the block holds; undefined without one. */
  block: Record<string, string> | undefined;
  /** The whole file as dotenv reads it; undefined when it is not there. */
  values: Record<string, string> | undefined;
  /** Git keeps it. */
  tracked: boolean;
}

/** What was seen of one service, of the ticket or borrowed from the baseline. */
export interface ServiceFacts {
  service: string;
  settings: ServiceConfig;
  own: ServiceRecord;
  /** With its own instance as `record`. */
  wiring: Wiring;
  /** What stack filled in for it. */
  expected: Record<string, string>;
  running: boolean;
  programs: readonly Program[];
  /** Why its first port does not lead to it, or is not seen to; undefined: it does, or it has none. */
  door: Trouble | undefined;
  /** Of its folder; empty where another service of the folder has them. */
  files: readonly EnvFileFacts[];
  /** What reads env files there. */
  readers: readonly EnvReader[];
}

/** All that the links of one ticket are drawn from. */
export interface CheckFacts {
  wiring: Wiring;
  /** Wirings of the other tickets, to know what is theirs. */
  others: readonly Wiring[];
  directory: Directory;
  /** The ticket's own services first, then those it borrows, then the baseline's others. */
  services: readonly ServiceFacts[];
  /** What runs of the shared services: `running`, `stopped`, … */
  shared: Readonly<Record<string, string>>;
  /** Ports of the shared services at which other machines reach them. */
  open: Readonly<Record<string, readonly number[]>>;
  /** What runs of the servers that the ticket has for itself, likewise. */
  servers: Readonly<Record<string, string>>;
}

/** Returns a link; the worst trouble has the say about its state, all of it is told. */
export function makeLink(
  ends: Pick<Link, 'from' | 'to'> & { key?: string | undefined; value?: string | undefined },
  troubles: readonly Trouble[],
): Link {
  const state =
    (['wrong', 'warning', 'unseen'] as const).find((one) => troubles.some((trouble) => trouble.state === one)) ?? 'ok';
  const told = troubles.filter((trouble) => trouble.state === state);
  const hint = told.find((trouble) => trouble.hint !== undefined)?.hint;
  return {
    from: ends.from,
    to: ends.to,
    ...(ends.key !== undefined && { key: ends.key }),
    ...(ends.value !== undefined && { value: ends.value }),
    ok: state !== 'wrong',
    state,
    ...(told.length > 0 && { reason: [...new Set(told.map((trouble) => trouble.reason))].join('; ') }),
    ...(hint !== undefined && { hint }),
  };
}

import type { FixedAddress } from './checks.ts';
import type { Variable } from './variables.ts';

/** A guess, and what a person should look at when it is not certain. */
export interface Guess<Value> {
  value: Value;
  /** What to check, in a sentence: `no port is named anywhere: is it 3000?`. Undefined: read from a file that says so. */
  check?: string | undefined;
}

/** What a program says about the port that it listens on. */
export interface DetectedPort extends Guess<number> {
  /** The variable that it is told by; undefined where it listens where it wants to. */
  variable: string | undefined;
}

export type Role = 'front' | 'api' | 'other';

/** A program beside a server, out of the same folder, that works on what the server leaves for it; it listens nowhere. */
export interface Worker {
  /** What it is called: `worker`. */
  name: string;
  /** `Celery`. */
  label: string;
  command: string;
}

/** Something that runs out of one folder of a repo, as far as its files tell. */
export interface Project {
  /** Relative to the repo's top; '' for the top itself. */
  dir: string;
  /** What it is called where another program runs out of the same folder. */
  name?: string;
  /** What it is, for a person: `Vite`, `Rails`, `Express`. */
  label: string;
  role: Role;
  /** Image to run it in; undefined where its own Dockerfile makes one. */
  image: string | undefined;
  build: boolean;
  /** Shell line; undefined: the image's own command. */
  command: Guess<string> | undefined;
  port: DetectedPort;
  /** Path that answers when it is ready; undefined: when the port accepts connections. */
  health: Guess<string | undefined>;
  /** Variables that its tools need, beside those every service gets. */
  env: Record<string, string>;
  /** Variables that it reads, by which it may learn where the others are. */
  variables: Variable[];
  /** What begins so reaches the browser; undefined for what is no front-end. */
  prefix?: string | undefined;
  /** Addresses on this machine that its code names. */
  addresses: FixedAddress[];
  needs: Needs;
  /** What else a person should look at. */
  checks: string[];
  /** A line that makes it ready to run, from the repo's top. */
  setup: string | undefined;
  /** The folder that `setup` makes, from the repo's top: missing means that it has not been run. */
  setupMakes: string | undefined;
  /** It brings its database up to date by itself, whenever it starts. */
  migratesItself?: boolean;
  /** How an address of Postgres has to begin for it, where `postgres:` is not known. */
  scheme?: string | undefined;
  /** What runs beside it. */
  workers?: Worker[];
  /** Of a worker its name: it has no port. */
  worker?: string;
}

/** Shared services that the code seems to use. */
export interface Needs {
  postgres: boolean;
  mysql: boolean;
  redis: boolean;
}

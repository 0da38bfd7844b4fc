import type { Files } from '../support/init-world.ts';

/** One right value; a regular expression is met by each text that it matches. */
type One = string | number | boolean | RegExp | undefined;

/** What a line of `stack.yml` may say: a value, or several of them; `undefined` among them is a line that may be missing. */
export type Right = One | ReadonlySet<One>;

/** What a service needs in `stack.yml`. Lists are compared as one text, joined with ` && `. */
export interface ServiceNeeds {
  /** Folder of its repo, a key of `Product.repos`. */
  repo: string;
  dir?: Right;
  command?: Right;
  image?: Right;
  build?: Right;
  env_file?: Right;
  /** The main checkout's port. */
  baseline?: Right;
  /** The port it listens on inside its container. */
  container?: Right;
  /** Path that answers once it is ready. */
  ready?: Right;
  /** Every entry of `env` that is right; one that is not here counts as invented. */
  env?: Record<string, Right>;
}

/** What a repo needs in `stack.yml`. */
interface RepoNeeds {
  setup?: Right;
  migrate?: Right;
  seed?: Right;
  copy?: Right;
  env_file?: Right;
}

/** A small product, shaped like a real one, and what `stack init` must write for it. */
export interface Product {
  /** One line: what kind of product it is. */
  about: string;
  /** Name of the folder that `stack init` is run in. */
  name?: string;
  /** Files of each repo, by its folder; `.` is the folder that `stack init` is run in, and stands last. */
  repos: Record<string, Files>;
  /** `superproject`: the repos are submodules of `.`. `bare`: each is a bare repo with its main worktree in `main`. */
  layout?: 'superproject' | 'bare';
  /** Files that git does not carry, relative to the folder that `stack init` is run in. */
  loose?: Files;
  needs: {
    /** Shared services, each with the keys that matter. */
    shared?: Record<string, Record<string, Right>>;
    /** Images that the compose file of the shared services has, by service. */
    compose?: Record<string, Right>;
    /** By folder. */
    repos?: Record<string, RepoNeeds>;
    services: Record<string, ServiceNeeds>;
  };
  /** What may be there and need not be. */
  may?: { shared?: string[]; services?: string[] };
}

/** Returns that each of these values is right; `undefined`: the line may be missing. */
export function oneOf(...values: One[]): ReadonlySet<One> {
  return new Set(values);
}

/** Returns that the line may be missing, and what it says where it is there. */
export function maybe(...values: One[]): Right {
  return oneOf(undefined, ...values);
}

/** Where Postgres is for SQLAlchemy and others that refuse `postgres://`: `scheme:` of the shared service says it, or the address does. */
export const postgresqlUrl: Right = oneOf(
  /^\$\{postgres\.url\}#postgresql(\+\w+)?$/,
  /^postgresql(\+\w+)?:\/\/\$\{postgres\.user\}:\$\{postgres\.password\}@\$\{postgres\.host\}:\$\{postgres\.port\}\/\$\{postgres\.database\}$/,
);

/** An address with the given path after it, or the address alone; text for a regular expression. */
function addressOf(name: string, rest: string): RegExp {
  return new RegExp(`^\\$\\{${name.replaceAll('.', '\\.')}\\}${rest}$`);
}

/** Where the service is reached, by a browser or by another service: both lead there. */
export function reach(service: string, path = ''): Right {
  return oneOf(
    addressOf(`${service}.url`, path.replaceAll('/', '\\/')),
    addressOf(`${service}.internal_url`, path.replaceAll('/', '\\/')),
  );
}

/** Where the origins of a front-end are. */
export function origins(front: string): Right {
  return oneOf(`\${tickets.${front}.urls}`, `\${${front}.url}`);
}

/** A secret: the developer's own where there is one, else what the example says. */
export function secret(name: string, example: string): Right {
  return oneOf(example, new RegExp(`^\\$\\{env\\.${name}(:-.*)?\\}$`));
}

/** The command followed by the port that it was leased, and for a server that listens on loopback alone its host. */
export function onPort(command: string, flag = '--port', host = ''): RegExp {
  const quote = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const listens = host === '' ? '' : `(?=.* ${host}([ =]|$))`;
  return new RegExp(`^${quote(command)}(?=.* ${flag}[ =]"?(\\$\\{port\\.\\w+\\}|\\$\\{?PORT\\}?))${listens}`);
}

/** The same of Vite, which listens on loopback alone. */
export function vite(command: string): RegExp {
  return onPort(command, '--port', '--host');
}

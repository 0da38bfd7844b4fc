/** What is known of a program before anybody has asked it: how its address looks, and what stack.yml may leave out. */
export interface KindFacts {
  /** As people write it. */
  title: string;
  /** How its address begins. */
  scheme: string;
  /** The port it listens on unless it is told otherwise. */
  port: number;
  user?: string;
  password?: string;
  database?: string;
  /** What a ticket puts before its keys unless stack.yml says so. */
  prefix?: string;
  /** Its databases have numbers in place of names, and a ticket's own may be a server (`isolation:`). */
  numbered?: true;
}

/** The shared services of which a ticket may have something of its own, by the names they have in stack.yml. */
const OWN_KINDS = {
  postgres: {
    title: 'Postgres',
    scheme: 'postgres',
    port: 5432,
    user: 'stack',
    password: 'stack',
    database: 'stack',
  },
  redis: { title: 'Redis', scheme: 'redis', port: 6379, prefix: '${ticket}:', numbered: true },
  mysql: { title: 'MySQL', scheme: 'mysql', port: 3306, user: 'root', password: 'stack', database: 'stack' },
} as const satisfies Record<string, KindFacts>;

/** The name of such a service. */
export type Ownable = keyof typeof OWN_KINDS;

/** The names of all such services. */
export const OWNABLE = Object.keys(OWN_KINDS) as Ownable[];

/** The same for people: `postgres, redis or mysql`. */
export const OWNABLE_WORDS = `${OWNABLE.slice(0, -1).join(', ')} or ${OWNABLE.at(-1)}`;

/** Returns what is known of a shared service; undefined for one that stack knows by its name alone. */
export function findKindFacts(service: string): KindFacts | undefined {
  return isOwnable(service) ? OWN_KINDS[service] : undefined;
}

/** True for a shared service of which a ticket may have something of its own. */
export function isOwnable(service: string): service is Ownable {
  return Object.hasOwn(OWN_KINDS, service);
}

/** Returns a shared service's name as people write it. */
export function titleOf(service: string): string {
  return findKindFacts(service)?.title ?? service;
}

import type { SharedServiceConfig } from './config.ts';

/** The settings of one shared service after stack.yml and the environment have had their say. */
export interface SharedSettings {
  image: string | undefined;
  /** The port wished for on this machine; the lease may be another. */
  port: number | undefined;
  /** The port inside the stack's network. */
  containerPort: number | undefined;
  user: string | undefined;
  password: string | undefined;
  database: string | undefined;
}

const DEFAULTS: Record<string, Partial<SharedSettings>> = {
  postgres: { port: 5432, containerPort: 5432, user: 'stack', password: 'stack', database: 'stack' },
  redis: { port: 6379, containerPort: 6379 },
};

/** Name of the variable that sets one key of one shared service: `STACK_POSTGRES_IMAGE`. */
export function sharedVariable(service: string, key: string): string {
  return `STACK_${service}_${key}`.toUpperCase().replaceAll('-', '_');
}

/** Gives a shared service's settings: the environment wins over stack.yml, and that over the defaults. */
export function resolveShared(
  service: string,
  config: SharedServiceConfig,
  env: Record<string, string | undefined>,
): SharedSettings {
  const defaults = DEFAULTS[service] ?? {};
  const pick = (key: 'image' | 'user' | 'password' | 'database'): string | undefined =>
    env[sharedVariable(service, key)] || config[key] || defaults[key];
  const port = Number(env[sharedVariable(service, 'port')]) || config.port || defaults.port;
  return {
    image: pick('image'),
    port,
    containerPort: defaults.containerPort ?? port,
    user: pick('user'),
    password: pick('password'),
    database: pick('database'),
  };
}

/** Gives the address of a shared service with the credentials that are set, each part percent-encoded. */
export function sharedUrl(service: string, settings: SharedSettings, host: string, port: number): string {
  const encode = (text: string | undefined): string => encodeURIComponent(text ?? '');
  const password = settings.password === undefined ? '' : `:${encode(settings.password)}`;
  const login = settings.user === undefined && password === '' ? '' : `${encode(settings.user)}${password}@`;
  if (service === 'postgres') return `postgres://${login}${host}:${port}/${encode(settings.database)}`;
  if (service === 'redis') return `redis://${login}${host}:${port}`;
  return `http://${host}:${port}`;
}

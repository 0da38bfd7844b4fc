import { createHash } from 'node:crypto';
import { access, constants, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DockerOptions } from 'dockerode';
import { StackError } from '../../domain/errors.ts';
import { ifReadable } from '../files/file-errors.ts';
import { readFileIfThere } from '../files/files.ts';
import { findSocket, listSockets, type Whereabouts } from './sockets.ts';

/** Where to look for the engine. */
export interface EngineQuery extends Whereabouts {
  /** Asked for by name; wins over everything else. */
  readonly host?: string | undefined;
}

/** An engine's address in the two forms it is needed in, with what a person reads. */
export interface EngineAddress {
  /** `unix:///var/run/docker.sock` */
  readonly where: string;
  /** True where folders and ports of this machine are not the engine's. */
  readonly remote: boolean;
  /** What decided it: `DOCKER_HOST`, `the Docker context "x"`, … */
  readonly source: string;
  /** Addresses that were tried before this one was: nobody answers there. */
  readonly silent: readonly string[];
  /** Addresses of other engines of this machine, which were not tried. */
  readonly others: readonly string[];
  readonly options: DockerOptions;
  /** Laid over the environment of the docker and compose programs, so that they ask the same engine; undefined: unset. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface Endpoint {
  host: string;
  silent?: readonly string[];
  others?: readonly string[];
  source: string;
  /** Folder with ca.pem, cert.pem and key.pem; undefined: no TLS. */
  certs?: string | undefined;
  /** True: the engine's certificate is taken as it is. */
  trustAny?: boolean | undefined;
}

/**
 * Returns the engine that the docker program would ask: the host asked for, `DOCKER_HOST`, `DOCKER_CONTEXT`, the current
 * context of the docker config. Where none of them says so, it is the first socket of the usual places behind which somebody
 * answers. Asks nothing of the engine itself. Throws `engine` for a context or certificate that is not there and for an address
 * that cannot be read.
 */
export async function findEngine(query: EngineQuery): Promise<EngineAddress> {
  const { env } = query;
  const certs = env.DOCKER_TLS_VERIFY ? (env.DOCKER_CERT_PATH ?? configFolder(query)) : undefined;
  if (query.host) return describeEndpoint({ host: query.host, source: 'the host asked for', certs }, env);
  if (env.DOCKER_HOST) return describeEndpoint({ host: env.DOCKER_HOST, source: 'DOCKER_HOST', certs }, env);
  const context = env.DOCKER_CONTEXT || (await readCurrentContext(query));
  if (context && context !== 'default') return describeEndpoint(await readContext(query, context), env);
  return describeEndpoint({ ...(await findDefaultHost(query)), source: 'the default socket' }, env);
}

function configFolder({ env, home }: EngineQuery): string {
  return env.DOCKER_CONFIG || join(home, '.docker');
}

async function readCurrentContext(query: EngineQuery): Promise<string | undefined> {
  const config = await readJson<{ currentContext?: string }>(join(configFolder(query), 'config.json'));
  return config?.currentContext;
}

interface ContextMeta {
  Endpoints?: { docker?: { Host?: string; SkipTLSVerify?: boolean } };
}

/** A context's folder is the SHA-256 of its name (docker/cli, cli/context/store). */
async function readContext(query: EngineQuery, name: string): Promise<Endpoint> {
  const id = createHash('sha256').update(name).digest('hex');
  const contexts = join(configFolder(query), 'contexts');
  const meta = await readJson<ContextMeta>(join(contexts, 'meta', id, 'meta.json'));
  const endpoint = meta?.Endpoints?.docker;
  if (!endpoint?.Host) {
    throw new StackError('engine', `there is no Docker context "${name}"`, {
      hint: '`docker context ls` shows those that are there; DOCKER_CONTEXT and `docker context use` choose one',
    });
  }
  const certs = join(contexts, 'tls', id, 'docker');
  const hasCerts = await isReadable(join(certs, 'ca.pem'));
  return {
    host: endpoint.Host,
    source: `the Docker context "${name}"`,
    certs: hasCerts ? certs : undefined,
    trustAny: endpoint.SkipTLSVerify,
  };
}

async function readJson<T>(file: string): Promise<T | undefined> {
  const text = await ifReadable(readFileIfThere(file));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new StackError('engine', `${file} is not JSON`, { hint: 'fix it, or set DOCKER_HOST', cause });
  }
}

async function findDefaultHost(query: EngineQuery): Promise<Pick<Endpoint, 'host' | 'silent' | 'others'>> {
  if (query.platform === 'win32') return { host: 'npipe:////./pipe/docker_engine' };
  const { socket, silent, others } = await findSocket(listSockets(query), query.env);
  const toAddress = (file: string): string => `unix://${file}`;
  return { host: toAddress(socket), silent: silent.map(toAddress), others: others.map(toAddress) };
}

async function isReadable(file: string): Promise<boolean> {
  return access(file, constants.R_OK).then(
    () => true,
    () => false,
  );
}

/** docker-modem reads DOCKER_HOST and its kin by itself and lays ours over it, so what is not wanted is set to undefined. */
const NOTHING_INHERITED = {
  host: undefined,
  port: undefined,
  username: undefined,
  socketPath: undefined,
  ca: undefined,
  cert: undefined,
  key: undefined,
};

async function describeEndpoint(endpoint: Endpoint, env: EngineQuery['env']): Promise<EngineAddress> {
  const { source, silent = [], others = [] } = endpoint;
  const host = endpoint.host.includes('://') ? endpoint.host : `tcp://${endpoint.host}`;
  const cliEnv = { DOCKER_HOST: host, DOCKER_CONTEXT: undefined };
  const noTls = { ...cliEnv, DOCKER_TLS_VERIFY: undefined, DOCKER_CERT_PATH: undefined };
  const socket = /^(?:unix|npipe):\/\/(.+)$/.exec(host)?.[1];
  if (socket !== undefined) {
    const options = merge({ protocol: 'http', socketPath: socket });
    return { where: host, source, silent, others, remote: false, options, env: noTls };
  }
  const url = parseHost(host, source);
  const remote = url.protocol === 'ssh:' || !isLoopback(url.hostname);
  if (url.protocol === 'ssh:') {
    const options = merge({
      protocol: 'ssh',
      host: url.hostname,
      port: url.port || 22,
      username: decodeURIComponent(url.username) || env.USER,
      sshOptions: { agent: env.SSH_AUTH_SOCK },
    });
    return { where: host, source, silent, others, remote, options, env: noTls };
  }
  const place = { host: url.hostname, port: url.port || (endpoint.certs ? 2376 : 2375) };
  if (endpoint.certs === undefined) {
    const protocol = url.protocol === 'https:' ? 'https' : 'http';
    return { where: host, source, silent, others, remote, options: merge({ protocol, ...place }), env: noTls };
  }
  const tls = { DOCKER_TLS_VERIFY: endpoint.trustAny ? undefined : '1', DOCKER_CERT_PATH: endpoint.certs };
  const options = merge({ protocol: 'https', ...place, ...(await readCerts(endpoint)) });
  return { where: host, source, silent, others, remote, options, env: { ...cliEnv, ...tls } };
}

/** The types know nothing of an explicit undefined, which is what keeps docker-modem's own reading of the environment out. */
function merge(options: Record<string, unknown>): DockerOptions {
  return { ...NOTHING_INHERITED, ...options } as unknown as DockerOptions;
}

/** `URL` writes an IPv6 address of `tcp:` in brackets. */
function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(host);
}

function parseHost(host: string, source: string): URL {
  const known = /^(tcp|http|https|ssh):\/\/./.test(host);
  if (known && URL.canParse(host)) return new URL(host);
  throw new StackError('engine', `${source} says ${JSON.stringify(host)}, which is not the address of an engine`, {
    hint: 'it looks like `unix:///var/run/docker.sock`, `tcp://host:2376` or `ssh://user@host`',
  });
}

async function readCerts({ certs = '', trustAny }: Endpoint): Promise<Record<string, unknown>> {
  try {
    const [ca, cert, key] = await Promise.all(
      ['ca.pem', 'cert.pem', 'key.pem'].map((file) => readFile(join(certs, file))),
    );
    return { ca, cert, key, ...(trustAny && { agent: await createTrustingAgent() }) };
  } catch (cause) {
    throw new StackError('engine', `the engine's certificates cannot be read from ${certs}`, {
      hint: 'it must hold ca.pem, cert.pem and key.pem; DOCKER_CERT_PATH names the folder',
      cause,
    });
  }
}

/** Loaded here alone: most engines are behind a socket, and TLS takes its time to load. */
async function createTrustingAgent(): Promise<unknown> {
  const { Agent } = await import('node:https');
  return new Agent({ rejectUnauthorized: false });
}

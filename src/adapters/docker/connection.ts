import { release } from 'node:os';
import type Docker from 'dockerode';

/** Who containers run as. */
export interface HostUser {
  readonly uid: number;
  readonly gid: number;
}

/** What is asked of an engine once, because it stays as it is. */
interface EngineFacts {
  /** The engine runs as the person: root in a container is the person outside. */
  readonly rootless: boolean;
  /** Containers' output goes to files that grow without end unless they are capped. */
  readonly logsToJsonFile: boolean;
  /** The engine is in a virtual machine, which may have other folders than this machine. */
  readonly hasOwnKernel: boolean;
}

/** What every part of the Docker adapter works with. */
export interface Connection {
  readonly client: Docker;
  /** The engine's address as a person reads it. */
  readonly where: string;
  /** Addresses that were tried before: nobody answers there. */
  readonly silent: readonly string[];
  /** Addresses of other engines of this machine, which were not tried. */
  readonly others: readonly string[];
  /** The engine is on another machine. */
  readonly remote: boolean;
  readonly person: HostUser;
  /** The kind of terminal the person has; `TERM` of commands that get one. */
  readonly term: string;
  facts(): Promise<EngineFacts>;
}

/** Returns a connection that asks for the engine's facts on first use. */
export function createConnection(parts: Omit<Connection, 'facts'>): Connection {
  let facts: Promise<EngineFacts> | undefined;
  return { ...parts, facts: () => (facts ??= readFacts(parts.client)) };
}

interface Info {
  SecurityOptions?: string[];
  LoggingDriver?: string;
  KernelVersion?: string;
  OperatingSystem?: string;
}

async function readFacts(client: Docker): Promise<EngineFacts> {
  const info = (await client.info()) as Info;
  return {
    rootless: (info.SecurityOptions ?? []).some((option) => option.includes('name=rootless')),
    logsToJsonFile: info.LoggingDriver === 'json-file',
    // In WSL the machine of Docker Desktop and a person's have the same kernel.
    hasOwnKernel: info.KernelVersion !== release() || info.OperatingSystem === 'Docker Desktop',
  };
}

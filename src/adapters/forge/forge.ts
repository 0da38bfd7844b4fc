import path from 'node:path';
import type { Forge, ForgeKind, ForgeRoute } from '../../domain/forge.ts';
import { findProgram } from '../process/launch.ts';
import { listFolders, ownPath } from '../search-path.ts';
import { resolveSshHost } from '../ssh.ts';
import type { ForgeSession } from './ask-forge.ts';
import { openGithub } from './github.ts';
import { openGitlab } from './gitlab.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The programs that know the logins. */
const PROGRAMS = { github: 'gh', gitlab: 'glab' } as const;

/** Where forges take SSH while the usual port is shut, and the hosts of their pages. */
const ALTERNATES: Record<string, string> = { 'ssh.github.com': 'github.com', 'altssh.gitlab.com': 'gitlab.com' };

/** Hosts that the environment names as forges, with their ports. */
function listNamed({ GH_HOST, GITLAB_HOST, GL_HOST }: Env): (string | undefined)[] {
  return [GH_HOST, GITLAB_HOST, GL_HOST].map((text) => text?.replace(/^https?:\/\//, '').replace(/\/.*$/, ''));
}

/**
 * Returns the host of a forge's pages for one that git reaches by SSH: an alias of the person's SSH settings is what it stands for, and
 * one that the environment names has the port it is named with. Throws `interrupted`.
 */
export async function findWebHost(alias: string, env: Env, signal: AbortSignal): Promise<string> {
  const resolved = await resolveSshHost(alias, env, signal);
  const host = ALTERNATES[resolved] ?? resolved;
  const named = listNamed(env).find((one) => [host, alias].includes(one?.replace(/:\d+$/, '') ?? ''));
  if (named !== undefined) return named;
  // The settings may have an address in place of its name.
  const isNameless = forgeKindOf(host, env) === undefined && forgeKindOf(alias, env) !== undefined;
  return isNameless ? alias : host;
}

/**
 * Returns the kind of the forge at a host: by the variables that name one of one's own (`GH_HOST`, `GITLAB_HOST`), else by its name;
 * undefined where neither tells.
 */
export function forgeKindOf(host: string, env: Env): ForgeKind | undefined {
  const place = listNamed(env).indexOf(host);
  if (place >= 0) return place === 0 ? 'github' : 'gitlab';
  const labels = host.replace(/:\d+$/, '').split('.');
  if (labels.includes('github') || host.endsWith('.ghe.com')) return 'github';
  return labels.includes('gitlab') ? 'gitlab' : undefined;
}

/** Returns what a forge does for a repo; undefined where its program is not installed. */
export async function openForge(
  kind: ForgeKind,
  route: ForgeRoute,
  { env, signal }: Omit<ForgeSession, 'host'>,
): Promise<Forge | undefined> {
  const searched = listFolders(ownPath(env).PATH).join(path.delimiter);
  if ((await findProgram(PROGRAMS[kind], '/', searched)) !== 'runnable') return undefined;
  const session = { env, signal, host: route.to.host };
  return kind === 'github' ? openGithub(session, route) : openGitlab(session, route);
}

import path from 'node:path';
import type { Forge, ForgeKind, ForgeRoute } from '../../domain/forge.ts';
import { findProgram } from '../process/launch.ts';
import { listFolders, ownPath } from '../search-path.ts';
import type { ForgeSession } from './ask-forge.ts';
import { openGithub } from './github.ts';
import { openGitlab } from './gitlab.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The programs that know the logins. */
const PROGRAMS = { github: 'gh', gitlab: 'glab' } as const;

/**
 * Returns the kind of the forge at a host: by the variables that name one of one's own (`GH_HOST`, `GITLAB_HOST`), else by its name;
 * undefined where neither tells.
 */
export function forgeKindOf(host: string, env: Env): ForgeKind | undefined {
  const named = (text: string | undefined): boolean => text?.replace(/^https?:\/\//, '').replace(/\/.*$/, '') === host;
  if (named(env.GH_HOST)) return 'github';
  if (named(env.GITLAB_HOST) || named(env.GL_HOST)) return 'gitlab';
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

import { execa } from 'execa';
import { interrupted } from '../domain/errors.ts';
import { ownPath } from './search-path.ts';

type Env = Readonly<Record<string, string | undefined>>;

const DEADLINE_MS = 5000;

/**
 * Returns the host that a name stands for in the person's SSH settings (`Host github.com-work`, `HostName github.com`), in lower case;
 * the name itself where `ssh` is missing or says nothing. Nothing is connected to, and no name is looked up (ssh_config(5)).
 * Throws `interrupted`.
 */
export async function resolveSshHost(name: string, env: Env, signal: AbortSignal): Promise<string> {
  const { stdout, exitCode, isCanceled } = await execa('ssh', ['-G', '-o', 'CanonicalizeHostname=no', '--', name], {
    ...{ env: { ...env, ...ownPath(env) }, extendEnv: false, reject: false, stdin: 'ignore', timeout: DEADLINE_MS },
    ...{ cwd: '/', cancelSignal: signal },
  });
  if (isCanceled) throw interrupted();
  const found = exitCode === 0 ? /^hostname (\S+)$/m.exec(stdout)?.[1] : undefined;
  return (found ?? name).toLowerCase();
}

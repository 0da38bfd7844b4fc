import { execa } from 'execa';
import { bytesOf } from '../files/byte-names.ts';
import { tryGit } from './git.ts';
import { readSetting } from './settings.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Returns whether git would colour what a verb of it prints there, by the person's settings. */
export async function wantsColor(verb: 'diff', isTerminal: boolean): Promise<boolean> {
  const { stdout } = await tryGit('/', ['config', '--get-colorbool', `color.${verb}`, String(isTerminal)]);
  return stdout.trim() === 'true';
}

/** Returns the pager that git would show a verb in, a shell line; undefined where it would take none. */
export async function findPager(verb: 'diff' | 'log', env: Env): Promise<string | undefined> {
  const [own, common] = await Promise.all([`pager.${verb}`, 'core.pager'].map((name) => readSetting('/', name)));
  if (/^(false|no|off|0)$/i.test(own ?? '')) return undefined;
  const ofVerb = /^(true|yes|on|1)$/i.test(own ?? '') ? undefined : own;
  const pager = ofVerb ?? env.GIT_PAGER ?? common ?? env.PAGER ?? 'less';
  return ['', 'cat'].includes(pager.trim()) ? undefined : pager;
}

/** Shows a text in a pager until the person leaves it; Ctrl-C is the pager's. Returns false where it could not be started. */
export async function showInPager(pager: string, text: string, env: Env): Promise<boolean> {
  const before = process.listeners('SIGINT');
  process.removeAllListeners('SIGINT');
  process.on('SIGINT', ignore);
  try {
    const { exitCode } = await execa('/bin/sh', ['-c', pager], {
      env: { LESS: 'FRX', LV: '-c', ...env },
      ...{ extendEnv: false, reject: false, stdio: ['pipe', 'inherit', 'inherit'], input: bytesOf(text) },
    });
    return exitCode !== 126 && exitCode !== 127;
  } finally {
    process.removeListener('SIGINT', ignore);
    for (const listener of before) process.on('SIGINT', listener as NodeJS.SignalsListener);
  }
}

function ignore(): void {}

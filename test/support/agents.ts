import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import type { RunView } from '../../src/domain/runs/run.ts';
import type { Shop } from './shop.ts';

/** The scripted agent. */
export const AGENT = path.join(import.meta.dirname, 'agent.mjs');

/** Whether there is a tmux; tests that need one are skipped without, loudly. */
export const hasTmux = findTmux();

function findTmux(): boolean {
  try {
    execFileSync('tmux', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    if (process.env.STACK_REQUIRE_ENGINE) throw new Error('tmux is not installed: apt-get install tmux');
    process.stderr.write('\nSKIPPED: there is no tmux, so nothing is tried in it (apt-get install tmux)\n');
    return false;
  }
}

/** Returns the command line of the scripted agent. */
export function agent(...args: readonly string[]): string[] {
  return [process.execPath, AGENT, ...args];
}

/** Returns what the agents of a shop do. */
export async function runsOf(shop: Shop, ticket?: string): Promise<RunView[]> {
  const { stdout } = await shop.stack(['runs', ...(ticket === undefined ? [] : [ticket]), '--json']);
  return JSON.parse(stdout).runs;
}

/** Lets a shop have the scripted agent as a preset, `scripted`: it does the lines of its prompt that begin with `do: `. */
export function addScriptedAgent(shop: Shop): void {
  const [program, file] = agent();
  shop.write(
    '../.config/stack/agents/scripted.yml',
    `title: Scripted
program: ${program}
args: ['${file}', --marked]
prompt: { by: stdin }
headless: { prompt: { by: stdin } }
events:
  turn: { state: working, cost: { of: turn, usd: usd, input: [input], output: [output] } }
`,
  );
}

/** Returns a PATH on which all is that the shop's has, but tmux. */
export function withoutTmux(shop: Shop): string {
  const folder = shop.at('no-tmux');
  mkdirSync(folder);
  for (const from of (shop.env.PATH ?? '').split(':').reverse()) {
    if (!existsSync(from)) continue;
    for (const name of readdirSync(from)) {
      if (name === 'tmux') continue;
      rmSync(`${folder}/${name}`, { force: true });
      symlinkSync(`${from}/${name}`, `${folder}/${name}`);
    }
  }
  return folder;
}

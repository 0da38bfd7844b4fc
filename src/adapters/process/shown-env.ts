import { askTool } from './ask-tool.ts';

/** What `ps` shows of variables: those that were asked about, as far as their values can be told. */
export interface ShownEnv {
  env: Record<string, string>;
  /** Those that may hold anything. */
  unseen: string[];
}

/**
 * Returns the environments of processes as `ps` shows them where there is no /proc: `NAME=value` behind each other, with a blank
 * in front of each. Those of others, and on macOS those of the system's own programs (/bin/sh), are hidden: they are not among
 * them. Throws `unseen`.
 */
export async function showEnvironments(pids: readonly number[]): Promise<Map<number, string>> {
  if (pids.length === 0) return new Map();
  const select = ['-p', pids.join(',')];
  const [all, plain] = await Promise.all([listCommands(['-E', ...select]), listCommands(select)]);
  return new Map(
    [...all].flatMap(([pid, command]) => {
      const words = plain.get(pid);
      // It runs another program by now where the words differ.
      return words !== undefined && command.startsWith(`${words} `) ? [[pid, command.slice(words.length)]] : [];
    }),
  );
}

/**
 * Returns the value that a variable has in each process of this machine that shows one, of `\S` alone, as far as it `counts`.
 * Throws `unseen`.
 */
export async function showVariable(
  name: string,
  counts: (pid: number, value: string) => boolean,
): Promise<Map<number, string>> {
  const found = new RegExp(` ${name}=(\\S+)(?= |$)`, 'g');
  const valuesIn = (text: string): string[] => [...text.matchAll(found)].flatMap(([, value]) => value ?? []);
  // Who names the variable in its words is no process that has it: so the environments of all that may have it are asked for.
  const likely = [...(await listCommands(['-E', '-A']))].filter(([pid, command]) =>
    valuesIn(command).some((value) => counts(pid, value)),
  );
  const shown = await showEnvironments(likely.map(([pid]) => pid));
  return new Map(
    [...shown].flatMap(([pid, env]) => {
      const [value] = valuesIn(env);
      return value === undefined || !counts(pid, value) ? [] : [[pid, value]];
    }),
  );
}

/** -ww: lines are not cut. One `-o` each: on macOS what follows a `=` is all header, commas included. */
async function listCommands(flags: readonly string[]): Promise<Map<number, string>> {
  const text = await askTool('ps', ['-ww', '-o', 'pid=', '-o', 'command=', ...flags]);
  return new Map(
    text.split('\n').flatMap((line) => {
      const [, pid, command] = /^\s*(\d+) (.*)$/.exec(line) ?? [];
      return pid !== undefined && command !== undefined ? [[Number(pid), command]] : [];
    }),
  );
}

/** Where the next variable begins. */
const NEXT = / [A-Za-z_]\w*=/;
/** Letters that every `ps` shows as they are. */
const PLAIN = /^[ -[\]-~]*$/;

/**
 * Returns what a shown environment says of some variables, which are given with what each should hold. Nothing marks where a
 * value ends: one that may end elsewhere, or stands there twice, is not seen.
 */
export function readVariables(shown: string, asked: Readonly<Record<string, string>>): ShownEnv {
  const env: Record<string, string> = {};
  const unseen: string[] = [];
  for (const [name, wanted] of Object.entries(asked)) {
    const [, rest, ...others] = shown.split(` ${name}=`);
    if (rest === undefined) continue;
    const value = others.length > 0 ? undefined : readValue(rest, wanted);
    if (value === undefined) unseen.push(name);
    else env[name] = value;
  }
  return { env, unseen };
}

function readValue(rest: string, wanted: string): string | undefined {
  const behind = rest.startsWith(wanted) ? rest.slice(wanted.length) : undefined;
  if (behind === '' || behind?.search(NEXT) === 0) return PLAIN.test(wanted) ? wanted : undefined;
  // Either a word of the value, or a variable that is called oddly.
  if (behind !== undefined && /^ [^ =]+=/.test(behind)) return undefined;
  const value = rest.split(NEXT)[0] ?? '';
  return PLAIN.test(wanted) && PLAIN.test(value) ? value : undefined;
}

import path from 'node:path';
import { type EnvReader, isOfOtherPlace } from '../../domain/env-reader.ts';
import { ENV_CALLS, type EnvCall } from './env-calls.ts';
import { listEnvTools } from './env-tools.ts';
import { readManifest } from './manifest.ts';
import type { Sources } from './sources.ts';

/** Scripts that nobody runs while they develop. */
const OTHER_SCRIPT =
  /(?:^|[:_-])(?:test\w*|e2e|spec|prod|production|staging|build|ci|lint|coverage|cypress|playwright|docker)(?:$|[:_-])/;

/**
 * Returns what reads env files in a folder, the most telling first: scripts that name them, code that does, tools by their nature.
 * `lines` are more commands that run there, by their names.
 */
export function listEnvReaders(sources: Sources, lines: Readonly<Record<string, string>> = {}): EnvReader[] {
  const manifest = readManifest(sources);
  const scripts = Object.entries({ ...manifest?.scripts, ...lines }).filter(([name]) => !OTHER_SCRIPT.test(name));
  const said = [
    ...scripts.flatMap(([script, text]) =>
      ENV_CALLS.flatMap((call) => (call.code ? [] : readCalls(call, text).map((one) => ({ ...one, script })))),
    ),
    ...ENV_CALLS.flatMap((call) =>
      [...sources.texts].flatMap(([name, text]) => (call.code?.test(name) ? readCalls(call, dropComments(text)) : [])),
    ),
  ];
  const told = new Set(said.map(({ tool }) => tool));
  const all = [...said, ...listEnvTools(sources, manifest).filter(({ tool }) => !told.has(tool))];
  const known = all.filter(({ files }) => files.length > 0);
  return [...new Map(known.map((reader) => [JSON.stringify(reader), reader])).values()];
}

/** Returns the scripts of a `package.json` that a shell line leads to, by way of others too. */
export function listReached(sources: Sources, line: string): Set<string> {
  const scripts = new Map(Object.entries(readManifest(sources)?.scripts ?? {}));
  const reached = new Set<string>();
  const follow = (text: string): void => {
    for (const name of listCalled(text)) {
      const next = scripts.get(name);
      if (next === undefined || reached.has(name)) continue;
      reached.add(name);
      follow(next);
    }
  };
  follow(line);
  return reached;
}

/** Package managers, which run the script that stands behind them, and runners of several. */
const [MANAGERS, RUNNERS] = [
  ['npm', 'pnpm', 'yarn', 'bun'],
  ['run-s', 'run-p', 'npm-run-all', 'concurrently', 'turbo'],
];
const TAKES_VALUE = /^(?:--filter|-F|-w|--workspace|-C|--dir|--cwd|--prefix)$/;

/** Returns the words of a shell line that name a script: `prisma migrate dev` calls none that is called `dev`. */
function listCalled(line: string): string[] {
  return line.split(/&&|\|\||[;&|\n]/).flatMap((command) => {
    const words = command.split(/[\s"'()]+/).filter((word) => word !== '');
    const at = words.findIndex((word) => MANAGERS.includes(word) || RUNNERS.includes(word));
    const rest = words.slice(at + 1).filter((word, index, all) => {
      return !word.startsWith('-') && !TAKES_VALUE.test(all[index - 1] ?? '');
    });
    if (at === -1) return [];
    if (RUNNERS.includes(words[at] ?? ''))
      return rest.map((word) =>
        word.replace(/^\w+:(?=.)/, (kind) => (MANAGERS.includes(kind.slice(0, -1)) ? '' : kind)),
      );
    const [first = '', second = ''] = rest;
    if (first === 'run' || first === 'run-script') return [second];
    return words[at] !== 'npm' || ['test', 'start'].includes(first) ? [first] : [];
  });
}

function readCalls(call: EnvCall, text: string): EnvReader[] {
  return [...text.matchAll(call.pattern)].map(({ groups }) => {
    const said = groups?.of ?? '';
    const names = [...said.matchAll(call.file)].map(([, name = '']) => placeOf(call, name));
    const overrides = call.overrides?.test(said) === true;
    const found = names.length > 0 || isPutTogether(said) ? names : call.usual;
    const files = found.filter((name) => !isOfOtherPlace(name));
    return { tool: call.tool, files: call.lastWins || overrides ? files.toReversed() : files, overrides };
  });
}

/** What is commented out, or only spoken of, is called by nobody. */
function dropComments(text: string): string {
  return text.replaceAll(/^[ \t]*(?:#|\/\/|\/?\*).*$/gm, '');
}

/** Code says where a file is from the one that names it, which is mostly deeper in the same folder. */
function placeOf({ code }: EnvCall, name: string): string {
  return code ? name.replace(/^(?:\.\.?\/)+/, '') : path.posix.normalize(name);
}

/** What is put together while it runs is not known. */
function isPutTogether(said: string): boolean {
  return /\.env\b|\$\{|path\b/i.test(said);
}

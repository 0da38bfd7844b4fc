import path from 'node:path';
import { ifReadable } from '../../adapters/files/file-errors.ts';
import { readFileIfThere } from '../../adapters/files/files.ts';
import { homeOf } from '../../adapters/files/person-folder.ts';
import { pickBaseEnv } from '../../adapters/process/env.ts';
import { tellLack } from '../../domain/pass-env.ts';
import { HOST_RUNTIME, type Runtime, type WorkloadSpec } from '../../domain/runtime.ts';
import type { Work } from '../core/work.ts';

/** Files in which package managers of Node fill in variables: those of others take their names from the environment alone. */
const FILES = ['.npmrc', '.yarnrc.yml', 'bunfig.toml'];
const COMMENT = /^\s*[#;].*$/gm;
/** One with a default (`${NAME-none}`) may be missing. */
const PLACE = /\$\{(\w+)\}/g;

/** Says which variables a command of a repo that failed may have lacked; undefined where nothing speaks for that. */
export async function explainLack(
  { stack }: Work,
  repo: string,
  { runtime, spec }: { runtime: Runtime; spec: WorkloadSpec },
  printed: readonly string[],
): Promise<string | undefined> {
  const onHost = runtime.name === HOST_RUNTIME;
  const shell = stack.env;
  const given = onHost ? { ...pickBaseEnv(shell), ...spec.env } : spec.env;
  const folders = [spec.source, path.join(spec.source, spec.dir), ...(onHost ? [homeOf(shell)] : [])];
  const named = await listNamedVariables([...new Set(folders)]);
  return tellLack({ repo, named, printed, given, shell });
}

/** Returns the variables that settings of package managers in some folders name: variable → file. */
async function listNamedVariables(folders: readonly string[]): Promise<Map<string, string>> {
  const named = new Map<string, string>();
  const files = folders.flatMap((folder) => FILES.map((name) => path.join(folder, name)));
  const texts = await Promise.all(files.map(async (file) => (await ifReadable(readFileIfThere(file))) ?? ''));
  for (const [index, text] of texts.entries()) {
    for (const [, name = ''] of text.replaceAll(COMMENT, '').matchAll(PLACE)) {
      if (!named.has(name)) named.set(name, path.basename(files[index] ?? ''));
    }
  }
  return named;
}

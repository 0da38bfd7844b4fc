import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { readFileIfThere } from '../../adapters/files/files.ts';
import { homeOf } from '../../adapters/files/person-folder.ts';
import { findProgram } from '../../adapters/process/launch.ts';
import { listFolders, ownPath } from '../../adapters/search-path.ts';
import { StackError } from '../../domain/errors.ts';
import { parsePreset } from '../../domain/runs/parse-preset.ts';
import type { AgentPreset } from '../../domain/runs/preset.ts';
import { renderSuggestion } from '../../domain/suggest.ts';

/** Where presets are looked for. `env` is the person's own: what a repo brings has no say in it. */
export interface PresetPlaces {
  packageRoot: string;
  env: Readonly<Record<string, string | undefined>>;
}

/** Returns the script that agents' hooks call. */
export function hookOf({ packageRoot }: Pick<PresetPlaces, 'packageRoot'>): string {
  return path.join(packageRoot, 'templates', 'agents', 'hook.sh');
}

/**
 * Returns the preset of a name: the shipped one, with what the person's own file of that name says laid over it. Throws `not-found`
 * with the names that are known, `config` for a file that is wrong, `files`.
 */
export async function loadAgentPreset(name: string, places: PresetPlaces): Promise<AgentPreset> {
  const files = await readPreset(name, places);
  if (files.length > 0) return parsePreset(name, files);
  const known = await listAgentPresets(places);
  const names = known.map((one) => one.name);
  throw new StackError('not-found', `no agent is called \`${name}\`${renderSuggestion(name, names)}`, {
    hint: `your own one is a file ${path.join(personPresets(places), 'NAME.yml')}`,
    lines: known.map((one) => `${one.name}${one.installed ? '' : ' (not installed)'}`),
    details: { known },
  });
}

/** Returns the preset of a name whose program is there. Throws what `loadAgentPreset` throws, and `process` where it is not installed. */
export async function requireAgent(name: string, places: PresetPlaces): Promise<AgentPreset> {
  const preset = await loadAgentPreset(name, places);
  if (await isInstalled(preset, places)) return preset;
  throw new StackError('process', `${preset.title} is not installed: there is no \`${preset.program}\` on the PATH`, {
    hint: preset.install ? `install it: \`${preset.install}\`` : 'install it, or put its folder on the PATH',
  });
}

/** Returns the names of all presets, and which of them have their program here. Throws `config` for a file that is wrong, `files`. */
async function listAgentPresets(places: PresetPlaces): Promise<{ name: string; installed: boolean }[]> {
  const found = await Promise.all(foldersOf(places).map(async (folder) => (await ifThere(readdir(folder))) ?? []));
  const names = [...new Set(found.flat())].filter((file) => file.endsWith('.yml')).map((file) => file.slice(0, -4));
  return Promise.all(
    names.sort().map(async (name) => {
      const preset = parsePreset(name, await readPreset(name, places));
      return { name, installed: await isInstalled(preset, places) };
    }),
  );
}

async function isInstalled({ program }: AgentPreset, { env }: PresetPlaces): Promise<boolean> {
  const searched = listFolders(ownPath(env).PATH).join(path.delimiter);
  return (await findProgram(program, '/', searched)) === 'runnable';
}

async function readPreset(name: string, places: PresetPlaces): Promise<{ path: string; text: string }[]> {
  if (!/^[\w][\w.-]*$/.test(name)) return [];
  const files = foldersOf(places).map((folder) => path.join(folder, `${name}.yml`));
  const texts = await Promise.all(files.map((file) => readFileIfThere(file)));
  return files.flatMap((file, index) => (texts[index] === undefined ? [] : [{ path: file, text: texts[index] }]));
}

/** The person's lies over the shipped one. A repo has no presets: they say what runs with the person's rights. */
function foldersOf(places: PresetPlaces): string[] {
  return [path.dirname(hookOf(places)), personPresets(places)];
}

function personPresets({ env }: PresetPlaces): string {
  return path.join(env.XDG_CONFIG_HOME || path.join(homeOf(env), '.config'), 'stack', 'agents');
}

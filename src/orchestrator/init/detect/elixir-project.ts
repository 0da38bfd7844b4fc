import path from 'node:path';
import type { Sources } from '../../sources/sources.ts';
import { imageInDockerfile } from './dockerfile.ts';
import { type Around, describe } from './other-projects.ts';
import type { DetectedPort, Project } from './project.ts';
import { lineIn } from './shell-line.ts';
import { detectVariables, type Variable } from './variables.ts';

const DEFAULT_ELIXIR = '1.17';
const USUAL_PORT = 4000;
/** Settings of other places than a developer's machine. */
const OTHER_SETTINGS = /^config\/(?:prod|test|staging|prod\.secret|test\.secret)\.exs$/;
/** `if config_env() == :prod do … end` at the top of `config/runtime.exs`. */
const FOR_PRODUCTION =
  /^if (?:config_env\(\)|Mix\.env\(?\)?) == :(?:prod|test|staging)\b[^\n]* do$[\s\S]*?^(?:end|else)$/gm;
/** What Postgrex takes from the environment where the settings have no such key. */
const LIBPQ = [
  ['hostname', 'PGHOST'],
  ['port', 'PGPORT'],
  ['username', 'PGUSER'],
  ['password', 'PGPASSWORD'],
  ['database', 'PGDATABASE'],
] as const;

/** Returns what a Phoenix project is; undefined where Phoenix is not among its packages. */
export function detectElixirProject(all: Sources, around: Around): Project | undefined {
  const mix = all.texts.get('mix.exs');
  if (mix === undefined || !/\{:phoenix,/.test(mix)) return undefined;
  const sources = forDevelopment(all);
  const described = describe(sources, around, { label: 'Phoenix', api: 3 });
  const settings = `${sources.texts.get('config/config.exs') ?? ''}\n${sources.texts.get('config/dev.exs') ?? ''}`;
  const port = portOf(settings, sources);
  return {
    ...described,
    image: imageInDockerfile(sources, 'elixir') ?? `elixir:${elixirVersion(sources)}`,
    // A container that has done its setup is thrown away; git ignores `_build`.
    env: { MIX_HOME: '_build/mix', HEX_HOME: '_build/hex' },
    command: { value: 'mix phx.server' },
    port,
    variables: [...described.variables, ...implied(settings)],
    checks: [...described.checks, ...checkSettings(settings, described.needs.postgres)],
    setup: lineIn(around.dir, 'mix local.hex --force && mix local.rebar --force && mix deps.get'),
    setupMakes: path.posix.join(around.dir, 'deps'),
  };
}

function forDevelopment({ texts, ...sources }: Sources): Sources {
  const kept = [...texts].filter(([file]) => !OTHER_SETTINGS.test(file));
  return { ...sources, texts: new Map(kept.map(([file, text]) => [file, text.replaceAll(FOR_PRODUCTION, '')])) };
}

/** `http: [ip: {127, 0, 0, 1}, port: 4000]`. */
function portOf(settings: string, sources: Sources): DetectedPort {
  const said = settings.match(/\bhttp:\s*\[[^\]]*?\bport:\s*([^\]\n]*)/)?.[1] ?? '';
  const variable = detectVariables(sources).find(
    ({ name, readIn }) =>
      /^(?:\w+_)?PORT$/.test(name) &&
      readIn.some((file) => file.startsWith('config/')) &&
      (said.includes(name) || name === 'PORT'),
  );
  const value = Number(
    said.match(/(\d{4,5})/)?.[1] ?? variable?.values.find((one) => /^\d{4,5}$/.test(one)) ?? USUAL_PORT,
  );
  if (variable) return { value, variable: variable.name };
  return {
    ...{ value, variable: undefined },
    check: `config/dev.exs has port ${value} in itself: let it read PORT, or it only works in a container`,
  };
}

function implied(settings: string): Variable[] {
  const repo = settings.match(/^config :\w+, [\w.]*Repo,\n((?:[ \t]+.*\n)*)/m)?.[1];
  if (repo === undefined || /\burl:/.test(repo)) return [];
  return LIBPQ.filter(([key]) => !new RegExp(`\\b${key}:`).test(repo)).map(([, name]) => ({
    ...{ name, values: [], readIn: ['config/dev.exs'], form: undefined, isSet: false, hasDefault: true },
  }));
}

/** What a ticket with an API of its own needs and the settings keep to themselves. */
function checkSettings(settings: string, hasDatabase: boolean): string[] {
  const isFixed = hasDatabase && /^\s*(?:hostname|database):\s*"/m.test(settings);
  const isHidden = /\bip:\s*\{127,\s*0,\s*0,\s*1\}/.test(settings);
  return [
    ...(isFixed ? ['config/dev.exs names its database in itself: let it read DATABASE_URL and the like'] : []),
    ...(isHidden ? ['config/dev.exs has it listen on 127.0.0.1, which nothing outside its container can reach'] : []),
  ];
}

/** `elixir 1.17.3-otp-27` of `.tool-versions`. */
function elixirVersion({ texts }: Sources): string {
  const tools = texts.get('.tool-versions')?.match(/^elixir\s+(\d+\.\d+)/m)?.[1];
  return tools ?? DEFAULT_ELIXIR;
}

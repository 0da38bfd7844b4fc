import { CODE_FILES, CONFIG_FILES, findText, isEnvFile, isOfOtherPlace, type Sources } from '../../sources/sources.ts';
import { readPlain } from './implied-variables.ts';
import type { DetectedPort } from './project.ts';
import type { Variable } from './variables.ts';

/** How programs say which port they listen on, beside the variables they read; best first. */
const IN_CODE = [
  /['"]PORT['"]\s*(?:,|\)\s*(?:\|\||\?\?))\s*['"]?(\d{2,5})\b/g,
  /\bPORT\b\s*\?[^:\n]{1,60}:\s*['"]?(\d{2,5})\b/g,
  /\bPORT\b[^\n]{0,80}?\bdefault(?:\(|:)\s*['"]?(\d{2,5})\b/g,
  /\b(?:PORT|[pP]ort)\s*(?::=|=)\s*['"]?(\d{2,5})\b/g,
  /\blisten\(\s*(\d{2,5})\b/g,
  /\blisten\(\s*\{[^}]*?\bport:\s*(\d{2,5})\b/g,
  /\bserve\(\s*\{[^}]*?\bport:\s*(?:[^,}\n]*?(?:\|\||\?\?)\s*)?(\d{2,5})\b/g,
  /\b(?:ListenAndServe|Run|Start|Listen|Addr:)\(?\s*"[^":]*:(\d{2,5})"/g,
  /(?:^|\s)(?:--port|-p|--bind|-b|runserver)[ =](?:[\d.]+:)?(\d{4,5})\b/g,
];
/** Ports of stores and mail servers: a program that names them asks there. */
const OF_OTHERS = new Set([25, 443, 465, 587, 1025, 1433, 3306, 5432, 5672, 6379, 9092, 9200, 11211, 27017]);

/** The name says no more than that it is a port of the program. */
const OWN_PORT =
  /^(?:(?:APP|HTTP|NODE|LISTEN|EXPRESS|NEST|FASTIFY|KOA|HONO|SERVICE|DEV|DEFAULT|APP_HTTP|UVICORN|FLASK|FLASK_RUN|DJANGO|LOCAL)_)?PORT$/;
const API_PORT = /^(?:API|SERVER|BACKEND|BACK|REST|GRAPHQL|GATEWAY)_(?:HTTP_)?PORT$/;
const FRONT_PORT = /^(?:VITE|VITE_DEV|FRONTEND|FRONT|CLIENT|WEB|UI|WEBAPP|VITE_APP|DEV_SERVER|NUXT)_PORT$/;

/** What a person is told of a program that nobody tells its port. */
export const FIXED_PORT = 'it seems to listen on a port of its own and not on PORT, which only works in a container';

interface Hints {
  /** The script that starts it. */
  script?: string;
  /** Where its tool listens when nobody tells it. */
  usual?: number | undefined;
  /** Its tool serves pages while they are developed: a Dockerfile tells about something else then. */
  isFront?: boolean;
  /** Its folder: `billing` has `BILLING_PORT`. */
  name?: string;
}

/** Returns the port that a program listens on, best source first: its script, its settings, its variables, its code, its Dockerfile. */
export function detectPort(sources: Sources, variables: readonly Variable[], hints: Hints): DetectedPort {
  const { script = '', usual, isFront = false } = hints;
  const own = findPortVariable(variables, hints);
  const found = (value: number) => ({ value, variable: own?.name });
  const told =
    portInScript(script) ??
    portInSettings(sources) ??
    own?.values.map(Number).find((port) => isPort(port)) ??
    (isFront ? undefined : (portInCode(sources) ?? portOfProgram(sources))) ??
    usual ??
    portInCode(sources) ??
    portOfProgram(sources) ??
    portInConfig(sources);
  return told === undefined ? { ...found(3000), check: 'no port is named anywhere: is it 3000?' } : found(told);
}

/** `PORT` first, and those that code reads before those that only env files name. */
function findPortVariable(variables: readonly Variable[], { isFront, name = '' }: Hints): Variable | undefined {
  const named = `${name.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_')}_PORT`;
  const patterns = [/^PORT$/, OWN_PORT, isFront ? FRONT_PORT : API_PORT];
  const rank = ({ name: variable, readIn }: Variable) => {
    const at = patterns.findIndex((pattern) => pattern.test(variable));
    if (at === -1 && variable !== named) return undefined;
    return (at === -1 ? patterns.length : at) + (readIn.length > 0 ? 0 : 10);
  };
  const ranked = variables.flatMap((variable) => {
    const place = rank(variable);
    return place === undefined ? [] : [{ variable, place }];
  });
  return ranked.sort((a, b) => a.place - b.place)[0]?.variable;
}

const IN_SCRIPT = /(?:(?<=^|\s)(?:--port|-p)[ =]|\bPORT=)(\d{2,5})\b/;

/** Returns the port that a script names: `--port 5173`, `-p 3000`, `PORT=4000`. */
export function portInScript(script: string): number | undefined {
  return toPort(script.match(IN_SCRIPT));
}

/** Returns the script with the variable `$PORT` for the port that it names; undefined when it is more than one plain command. */
export function freePort(script: string): string | undefined {
  if (/[|;&<>"'`$()]/.test(script)) return undefined;
  const freed = script
    .replace(/(?<=^|\s)PORT=\d+\s+/, '')
    .replace(IN_SCRIPT, (all, port) => all.replace(port, '$PORT'));
  return freed.replace(/^cross-env\s+(?!\S+=)/, '');
}

/** What a program calls its own port in a file of settings: at the top, or in the block of its server. */
const OWN_SETTING = /^(?:(?:server|http|app|api|web|service)\.)?(?:http_?)?port$/i;

function portInConfig({ texts }: Sources): number | undefined {
  return [...texts]
    .flatMap(([file, text]) => (CONFIG_FILES.test(file) && !isOfOtherPlace(file) ? readPlain(text) : []))
    .flatMap(([key, value]) => (OWN_SETTING.test(key) && /^\d{2,5}$/.test(value) ? [Number(value)] : []))
    .find(isPort);
}

/** What serves a built front-end in its Dockerfile says nothing of the program itself. */
const SERVES_FILES = /^(?:\S*\/)?(?:\w+-)*(?:nginx|httpd|caddy)\b/i;

function portOfProgram(sources: Sources): number | undefined {
  const stages = [...(findText(sources, /^Dockerfile$/) ?? '').matchAll(/^\s*FROM\s+(?:--\S+\s+)?(\S+)/gim)];
  return SERVES_FILES.test(stages.at(-1)?.[1] ?? '') ? undefined : portInDockerfile(sources);
}

/** Returns the first port that a Dockerfile exposes. */
export function portInDockerfile(sources: Sources): number | undefined {
  return toPort(findText(sources, /^Dockerfile$/)?.match(/^\s*EXPOSE\s+(\d{2,5})/im));
}

function portInSettings(sources: Sources): number | undefined {
  const server = /\b(?:server|devServer)\s*:\s*\{[^}]*?\bport\s*:\s*(?:[^,}\n]*?(?:\|\||\?\?)\s*)?['"]?(\d{2,5})\b/s;
  const settings = findText(sources, /^(?:vite|vue|webpack[\w.]*|astro|nuxt|rsbuild|svelte)\.config\.[cm]?[jt]s$/);
  const angular = findText(sources, /^(?:angular|project)\.json$/);
  const nuxt = /\bdevServer\s*:\s*\{[^}]*?\bport\s*:\s*(\d{2,5})/s;
  return (
    toPort(settings?.match(server)) ?? toPort(settings?.match(nuxt)) ?? toPort(angular?.match(/"port"\s*:\s*(\d{2,5})/))
  );
}

function portInCode(sources: Sources): number | undefined {
  const texts = [...sources.texts].flatMap(([file, text]) => (saysPort(file) ? [text] : []));
  for (const pattern of IN_CODE) {
    const ports = texts.flatMap((text) => [...text.matchAll(pattern)].map(toPort));
    const port = ports.find((found) => found !== undefined && !OF_OTHERS.has(found));
    if (port !== undefined) return port;
  }
  return undefined;
}

function saysPort(file: string): boolean {
  return !isEnvFile(file) && (CODE_FILES.test(file) || /(?:^|\/)(?:Procfile[\w.]*|[\w-]+\.sh)$/.test(file));
}

function toPort(match: RegExpMatchArray | null | undefined): number | undefined {
  const port = Number(match?.slice(1).find((group) => group !== undefined));
  return isPort(port) ? port : undefined;
}

function isPort(port: number): boolean {
  return port >= 10 && port <= 65535;
}

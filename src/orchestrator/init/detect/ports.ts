import type { Guess } from './project.ts';
import { CODE_FILES, ENV_FILES, findInTexts, findText, type Sources } from './sources.ts';

const PORT_VARIABLE = String.raw`(?:process\.env(?:\.PORT\b|\[['"]PORT['"]\])|Bun\.env\.PORT\b|env\.PORT\b)`;

/** How programs say which port they listen on when nobody tells them; best first. */
const IN_CODE = [
  new RegExp(String.raw`${PORT_VARIABLE}(?:\s*,\s*10)?\s*\)?\s*(?:\|\||\?\?)\s*\(?['"\`]?(\d{2,5})\b`),
  /\bENV\.fetch\(\s*['"]PORT['"]\s*(?:,\s*['"]?(\d{2,5})|\)\s*\{\s*['"]?(\d{2,5}))/,
  /\b(?:getenv|environ\.get)\(\s*['"]PORT['"]\s*,\s*['"]?(\d{2,5})/,
  /['"]PORT['"]\s*(?:,|\)\s*(?:\|\||\?\?))\s*['"]?(\d{2,5})\b/,
  /\bPORT\b[^\n]{0,80}?\bdefault(?:\(|:)\s*['"]?(\d{2,5})\b/,
  /\b(?:PORT|port)\s*=\s*['"]?(\d{2,5})\b/,
  /\blisten\(\s*(\d{2,5})\b/,
  /\blisten\(\s*\{[^}]*?\bport:\s*(\d{2,5})\b/,
  /\bListenAndServe\(\s*"[^":]*:(\d{2,5})"/,
];

const FIXED = 'it seems to listen on a port of its own and not on PORT, which only works in a container';

const READS_PORT = new RegExp(String.raw`${PORT_VARIABLE}|['"]PORT['"]|\{[^}]*\bPORT\b[^}]*\}\s*=\s*process\.env`);

/** Returns the port that a program listens on, best source first: its script, its settings, its code, its Dockerfile. */
export function detectPort(sources: Sources, script: string, usual: number | undefined): Guess<number> {
  const inScript = portInScript(script);
  if (inScript !== undefined) return { value: inScript, check: FIXED };
  const inSettings = portInSettings(sources);
  if (inSettings !== undefined) return { value: inSettings };
  const inCode = portInCode(sources);
  if (usual !== undefined && inCode === undefined) return { value: usual };
  if (inCode !== undefined) return { value: inCode, check: readsPort(sources) ? undefined : FIXED };
  const exposed = portInDockerfile(sources);
  if (exposed !== undefined) return { value: exposed };
  return { value: 3000, check: 'no port is named anywhere: is it 3000?' };
}

/** Returns the port that a script names: `--port 5173`, `-p 3000`, `PORT=4000`. */
export function portInScript(script: string): number | undefined {
  return toPort(script.match(/(?:^|\s)(?:--port|-p)[ =](\d{2,5})\b|\bPORT=(\d{2,5})\b/));
}

/** Returns the first port that a Dockerfile exposes. */
export function portInDockerfile(sources: Sources): number | undefined {
  return toPort(findText(sources, /^Dockerfile$/)?.match(/^\s*EXPOSE\s+(\d{2,5})/im));
}

function portInSettings(sources: Sources): number | undefined {
  const server = /\b(?:server|devServer)\s*:\s*\{[^}]*?\bport\s*:\s*(?:[^,}\n]*?(?:\|\||\?\?)\s*)?['"]?(\d{2,5})\b/s;
  const settings = findText(sources, /^(?:vite|vue|webpack[\w.]*|astro|nuxt|rsbuild)\.config\.[cm]?[jt]s$/);
  const angular = findText(sources, /^angular\.json$/);
  return toPort(settings?.match(server)) ?? toPort(angular?.match(/"port"\s*:\s*(\d{2,5})/));
}

function portInCode(sources: Sources): number | undefined {
  const env = toPort(findInTexts(sources, ENV_FILES, /^(?:export\s+)?PORT=['"]?(\d{2,5})/m));
  if (env !== undefined) return env;
  for (const pattern of IN_CODE) {
    const port = toPort(findInTexts(sources, CODE_FILES, pattern));
    if (port !== undefined) return port;
  }
  return undefined;
}

/** A fixed port is fine inside a container; a host process has to take the one it is told. */
function readsPort(sources: Sources): boolean {
  return (
    findInTexts(sources, CODE_FILES, READS_PORT) !== undefined ||
    findInTexts(sources, ENV_FILES, /^PORT=/m) !== undefined
  );
}

function toPort(match: RegExpMatchArray | null | undefined): number | undefined {
  const port = Number(match?.slice(1).find((group) => group !== undefined));
  return port >= 10 && port <= 65535 ? port : undefined;
}

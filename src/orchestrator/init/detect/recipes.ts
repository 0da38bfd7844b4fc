import { parse } from 'yaml';
import type { Sources } from '../../sources/sources.ts';

const MIGRATE = /^(?:(?:db|database)[-_:/]?)?(?:migrate|migrations?)(?:[-_:/]?(?:up|run|deploy|latest|apply|all|db))?$/;
const SEED = /^(?:(?:db|database)[-_:/]?)?seeds?(?:[-_:/]?(?:db|run|dev))?$/;
/** What the image of a service has not, or what a recipe runs elsewhere. */
const ELSEWHERE = /\b(?:docker|docker-compose|podman|kubectl|ssh|heroku|fly|make|just|task|read|createdb)\b/;
/** Tools written in Go, whose programs an image lacks: Go runs them by their package. */
const GO_TOOLS: Readonly<Record<string, { module: string; program: string; tags?: string }>> = {
  goose: { module: 'github.com/pressly/goose/v3', program: 'cmd/goose' },
  migrate: { module: 'github.com/golang-migrate/migrate/v4', program: 'cmd/migrate', tags: 'postgres,mysql' },
  dbmate: { module: 'github.com/amacneil/dbmate/v2', program: '' },
  atlas: { module: 'ariga.io/atlas/cmd/atlas', program: '' },
  tern: { module: 'github.com/jackc/tern/v2', program: '' },
};

/** Returns the shell lines by which a Makefile, a justfile or a Taskfile brings the database up to date and fills it. */
export function readRecipes(sources: Sources): { migrate: string | undefined; seed: string | undefined } {
  const recipes = listRecipes(sources);
  const find = (wanted: RegExp): string | undefined => {
    for (const [name, lines] of recipes) {
      const line = wanted.test(name) && lines.length > 0 ? lines.join(' && ') : undefined;
      // Variables that are left are the maker's own: a shell does not know them.
      if (line !== undefined && !ELSEWHERE.test(line) && !/\$\(|\{\{|\$[@<^*%]/.test(line))
        return runTools(sources, line);
    }
    return undefined;
  };
  return { migrate: find(MIGRATE), seed: find(SEED) };
}

function listRecipes({ texts }: Sources): [name: string, lines: string[]][] {
  return [...texts].flatMap(([file, text]) => {
    if (/^[mM]akefile$/.test(file)) return readRules(text, fillMake);
    if (/^\.?[jJ]ustfile$/.test(file)) return readRules(text, fillJust);
    return /^[tT]askfile\.ya?ml$/.test(file) ? readTasks(text) : [];
  });
}

type Fill = (line: string, values: ReadonlyMap<string, string>) => string;

/** `name: other` with the lines below it that are indented. */
function readRules(text: string, fill: Fill): [name: string, lines: string[]][] {
  const whole = text.replaceAll(/\s*\\\n\s*/g, ' ');
  const values = new Map(
    [...whole.matchAll(/^(?:export\s+)?(\w+)\s*[:?]*=\s*(.*?)\s*$/gm)].map(
      ([, name = '', value = '']) => [name, value.replace(/^(['"])(.*)\1$/, '$2')] as const,
    ),
  );
  return [...whole.matchAll(/^([\w./:-]+)[^\S\n]*:(?!=)[^\n]*\n((?:[ \t]+\S[^\n]*(?:\n|$))+)/gm)].map(
    ([, name = '', body = '']) => [name, clean(body.split('\n').map((line) => fill(line, values)))],
  );
}

/** A variable of the environment is the shell's own. */
function fillMake(line: string, values: ReadonlyMap<string, string>): string {
  const once = (text: string) =>
    text.replaceAll(/\$[({](\w+)[)}]/g, (_, name: string) => values.get(name) ?? `\${${name}}`);
  return once(once(line.replaceAll('$$', '\0')))
    .replaceAll(/\$\{(\w+)\}(?!\w)/g, '$$$1')
    .replaceAll('\0', '$');
}

function fillJust(line: string, values: ReadonlyMap<string, string>): string {
  return line.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (whole, name: string) => values.get(name) ?? whole);
}

/** `@` says that a line is not shown, `-` that it may fail. */
function clean(lines: readonly string[]): string[] {
  return lines
    .map((line) => line.trim().replace(/^[@-]+\s*/, ''))
    .filter((line) => line !== '' && !/^(?:#|echo\b)/.test(line));
}

function readTasks(text: string): [name: string, lines: string[]][] {
  const tasks: unknown = readYaml(text)?.tasks;
  if (typeof tasks !== 'object' || tasks === null) return [];
  return Object.entries(tasks).map(([name, task]) => {
    const said: unknown = typeof task === 'string' || Array.isArray(task) ? task : (task?.cmds ?? task?.cmd ?? []);
    const lines = [said]
      .flat()
      .map((one: unknown) =>
        typeof one === 'string' ? one : String((one as { cmd?: unknown } | null)?.cmd ?? '{{task}}'),
      );
    return [name, clean(lines.map((line) => String(line).replaceAll(/\{\{\s*\.([A-Z_]+)\s*\}\}/g, '$$$1')))];
  });
}

function readYaml(text: string): Record<string, unknown> | undefined {
  try {
    return parse(text, { logLevel: 'error' });
  } catch {
    return undefined;
  }
}

/** `goose up` is `go run github.com/pressly/goose/v3/cmd/goose@v3.22.1 up`, with the version that the project has. */
function runTools({ texts }: Sources, line: string): string {
  const modules = texts.get('go.mod');
  if (modules === undefined) return line;
  return line.replaceAll(
    /(^|&&\s*)((?:\w+=\S+\s+)*)(\w+)(?=\s)/g,
    (whole, start: string, variables: string, name: string) => {
      const tool = GO_TOOLS[name];
      if (!tool) return whole;
      const version = modules.match(new RegExp(`${tool.module.replaceAll('.', '\\.')} (v[\\w.+-]+)`))?.[1] ?? 'latest';
      const place = [tool.module, tool.program].filter(Boolean).join('/');
      return `${start}${variables}go run ${tool.tags ? `-tags ${tool.tags} ` : ''}${place}@${version}`;
    },
  );
}

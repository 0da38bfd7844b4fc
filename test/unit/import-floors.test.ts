import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = path.resolve(import.meta.dirname, '../../src');

/** What each room may import from. */
const FLOORS: Record<string, readonly string[]> = {
  domain: ['domain'],
  adapters: ['adapters', 'domain'],
  orchestrator: ['orchestrator', 'adapters', 'domain'],
  ui: ['ui', 'domain'],
  commands: ['commands', 'mcp', 'orchestrator', 'adapters', 'ui', 'domain', 'context.ts'],
  mcp: ['mcp', 'orchestrator', 'adapters', 'domain', 'version.ts'],
  'context.ts': ['orchestrator', 'adapters', 'ui', 'domain'],
  'once.ts': [],
  'open-stack.ts': ['orchestrator', 'adapters', 'ui', 'domain', 'context.ts', 'once.ts', 'version.ts'],
  'open-context.ts': ['open-stack.ts', 'adapters', 'ui', 'domain', 'context.ts', 'once.ts'],
  'program.ts': ['commands', 'domain', 'context.ts', 'version.ts'],
  'app.ts': ['program.ts', 'open-context.ts', 'ui', 'domain'],
  'main.ts': ['app.ts', 'adapters', 'context.ts', 'domain', 'version.ts'],
  'code-cache.ts': [],
  'version.ts': [],
};

/** The rooms of the orchestrator, from the ground up: each imports only those that stand above it here. */
const ROOMS = [
  ...[
    'core',
    'sources',
    'workloads',
    'shared',
    'data',
    'safety',
    'review',
    'runs',
    'prepare',
    'steps',
    'capacity',
    'lifecycle',
    'status',
  ],
  ...['check', 'doctor', 'change', 'plans', 'init', 'demo', 'trust.ts'],
];

/** They stand side by side. */
const APART = ['lifecycle', 'status'];

/** A room of more files is two rooms, `steps` aside, which has a file a thing. */
const ROOM_SIZE = 15;

/** Packages that have one door into the house. */
const DOORS: Record<string, RegExp> = {
  commander: /^(program\.ts|commands\/)/,
  'simple-git': /^adapters\/(git\/)?git\.ts$/,
  dockerode: /^adapters\/(docker\/)?(docker|connection)\.ts$/,
  execa: /^adapters\//,
  'get-port': /^adapters\//,
  open: /^adapters\//,
  pg: /^adapters\/postgres\//,
  '@redis/client': /^adapters\/redis\//,
  '@modelcontextprotocol/server': /^mcp\/library\.ts$/,
  '@modelcontextprotocol/server/stdio': /^mcp\/library\.ts$/,
};

/** What the domain, being pure, may take from outside. */
const PURE = new Set(['zod/mini', 'yaml', 'fastest-levenshtein', 'node:crypto', 'node:path']);

interface Import {
  file: string;
  target: string;
  typeOnly: boolean;
}

function listFiles(folder = ''): string[] {
  return readdirSync(path.join(SRC, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    return entry.isDirectory() ? listFiles(file) : entry.name.endsWith('.ts') ? [file] : [];
  });
}

function listImports(file: string): Import[] {
  const text = readFileSync(path.join(SRC, file), 'utf8');
  const found = [
    ...text.matchAll(
      /^(?:import|export)\s+(type\s)?[^'";]*?from\s+'([^']+)'|import\('([^']+)'\)|^import\s+'([^']+)'/gms,
    ),
  ];
  return found.map(([, type, plain, lazy, bare]) => ({
    file,
    target: plain ?? lazy ?? bare ?? '',
    typeOnly: type !== undefined,
  }));
}

function roomOf(file: string): string {
  return file.split(path.sep)[0] ?? file;
}

/** The room of the orchestrator that a file is in; undefined for files elsewhere. */
function orchestratorRoomOf(file: string): string | undefined {
  const [floor, room] = file.split(path.sep);
  return floor === 'orchestrator' ? room : undefined;
}

/** Returns the circles among files, types included, as the files that can reach themselves. */
function listCircles(edges: readonly (readonly [string, string])[]): string[] {
  const after = new Map<string, string[]>();
  for (const [from, to] of edges) after.set(from, [...(after.get(from) ?? []), to]);
  const reaches = (from: string, seen = new Set<string>()): Set<string> => {
    for (const to of after.get(from) ?? []) {
      if (seen.has(to)) continue;
      seen.add(to);
      reaches(to, seen);
    }
    return seen;
  };
  return [...after.keys()].filter((file) => reaches(file).has(file));
}

const imports = listFiles().flatMap(listImports);
const inside = imports.filter(({ target }) => target.startsWith('.'));
const outside = imports.filter(({ target }) => !target.startsWith('.'));

describe('the floors of the house', () => {
  it('reads every import there is', () => {
    expect(inside.length).toBeGreaterThan(100);
    expect(outside.length).toBeGreaterThan(20);
  });

  it('imports run one way', () => {
    const upward = inside.filter(({ file, target }) => {
      const to = roomOf(path.join(path.dirname(file), target));
      return !FLOORS[roomOf(file)]?.includes(to);
    });
    expect(upward.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('rooms of the orchestrator import only rooms that stand above them', () => {
    const strays = inside.filter(({ file, target }) => {
      const from = orchestratorRoomOf(file);
      const to = orchestratorRoomOf(path.join(path.dirname(file), target));
      if (from === undefined || to === undefined || from === to) return false;
      return ROOMS.indexOf(to) > ROOMS.indexOf(from) || (APART.includes(from) && APART.includes(to));
    });
    expect(strays.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('every room is in the list, and none has grown into two', () => {
    expect(readdirSync(path.join(SRC, 'orchestrator')).sort()).toEqual([...ROOMS].sort());
    const large = ROOMS.filter((room) => room !== 'steps' && !room.endsWith('.ts')).flatMap((room) => {
      const files = readdirSync(path.join(SRC, 'orchestrator', room)).filter((name) => name.endsWith('.ts'));
      return files.length > ROOM_SIZE ? [`${room}: ${files.length} files`] : [];
    });
    expect(large).toEqual([]);
  });

  it('no file imports itself by way of others', () => {
    const edges = inside.map(({ file, target }) => [file, path.join(path.dirname(file), target)] as const);
    expect(listCircles(edges)).toEqual([]);
  });

  it('each package with a door of its own is imported there alone', () => {
    const strays = outside.filter(
      ({ file, target, typeOnly }) => !typeOnly && DOORS[target] && !DOORS[target].test(file),
    );
    expect(strays.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('the domain is pure', () => {
    const impure = outside.filter(({ file, target }) => roomOf(file) === 'domain' && !PURE.has(target));
    expect(impure.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  it('runtimes are told apart by their traits: their names stand in one place', () => {
    const strays = listFiles().filter((file) => {
      if (roomOf(file) === 'adapters' || file === path.join('domain', 'runtime.ts')) return false;
      const code = readFileSync(path.join(SRC, file), 'utf8');
      // The code of an error is a word of its own.
      return /'(docker|process)'/.test(code.replaceAll(/(StackError\(\s*|code [!=]== )'process'/g, ''));
    });
    expect(strays).toEqual([]);
  });

  it('console, process.exit and process.env stay in main.ts', () => {
    const strays = listFiles().filter((file) => {
      if (file === 'main.ts') return false;
      const code = readFileSync(path.join(SRC, file), 'utf8').replaceAll(
        /\/\*[\s\S]*?\*\/|\/\/.*$|`[^`]*`|'[^'\n]*'/gm,
        '',
      );
      return /\bconsole\.|\bprocess\.(exit|env)\b/.test(code);
    });
    expect(strays).toEqual([]);
  });
});

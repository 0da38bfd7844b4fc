import type { Sources } from '../../sources/sources.ts';
import { detectElixirProject } from './elixir-project.ts';
import { detectJavaProject } from './java-project.ts';
import { slugName } from './names.ts';
import { detectNodeProject, type Surroundings } from './node-project.ts';
import { detectDockerProject, detectGoProject, detectStaticProject } from './other-projects.ts';
import { detectPhpProject } from './php-project.ts';
import type { Project } from './project.ts';
import { detectPythonProject } from './python-project.ts';
import { detectRubyProject } from './ruby-project.ts';

/** Files of a front-end and of its tools. */
const FRONT_CODE = /\.(?:[cm]?[jt]sx?|vue|svelte|astro)$/;
/** Files of servers in other languages than JavaScript. */
const SERVER_CODE = /\.(?:rb|py|go|php|java|kt|exs?)$/;

type Detect = (sources: Sources) => Project | undefined;

/** Returns what runs out of one folder: mostly one program, and two where a front-end and a server share it. */
export function detectFolder(sources: Sources, around: Surroundings): Project[] {
  const whole = detectProject(sources, around);
  if (!whole) return [];
  return splitFolder(whole, sources, {
    front: (some) => detectNodeProject(some, around),
    server: (some) => detectPhpProject(some, around) ?? detectServer(some, around),
  });
}

/** Programs in other languages, told by a file that nobody has by chance. */
function detectServer(sources: Sources, around: Surroundings): Project | undefined {
  return (
    detectRubyProject(sources, around) ??
    detectPythonProject(sources, around) ??
    detectElixirProject(sources, around) ??
    detectGoProject(sources, around) ??
    detectJavaProject(sources, around)
  );
}

function detectProject(sources: Sources, around: Surroundings): Project | undefined {
  return (
    detectPhpProject(sources, around) ??
    detectNodeProject(sources, around) ??
    detectServer(sources, around) ??
    detectDockerProject(sources, around) ??
    detectStaticProject(sources, around)
  );
}

/**
 * Returns what runs out of one folder that may hold a front-end and a server of another language: one of them, or both, each told
 * by its own code. `whole` is what the folder is taken for as a whole.
 */
function splitFolder(
  whole: Project,
  sources: Sources,
  { front, server }: { front: Detect; server: Detect },
): Project[] {
  const pages = whole.role === 'front' ? whole : drawsPages(sources) ? front(sources) : undefined;
  const other = whole === pages ? server(sources) : whole;
  if (!pages || !other) return [whole];
  const own = front(without(sources, SERVER_CODE));
  const rest = server(without(sources, FRONT_CODE)) ?? other;
  if (own?.role !== 'front') return [whole];
  // The server has the pages: this tool answers for scripts and styles, and often for nothing else.
  const variables = own.variables.filter(({ readIn }) => readIn.length > 0);
  return [rest, { ...own, variables, name: slugName(own.label, 'assets'), health: { value: undefined } }];
}

/** Returns what was read of a folder without what belongs to the programs below it, and without code of servers. */
export function withoutParts(sources: Sources, dirs: readonly string[]): Sources {
  const texts = [...without(sources, SERVER_CODE).texts].filter(
    ([file]) => !dirs.some((dir) => file.startsWith(`${dir}/`)),
  );
  return { ...sources, texts: new Map(texts) };
}

/** Laravel has a `package.json` even where it has no pages; with Inertia the pages are there. */
function drawsPages({ texts }: Sources): boolean {
  return /"inertiajs\/inertia-laravel"/.test(texts.get('composer.json') ?? '');
}

function without(sources: Sources, files: RegExp): Sources {
  return { ...sources, texts: new Map([...sources.texts].filter(([file]) => !files.test(file))) };
}

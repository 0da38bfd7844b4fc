import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type SeedCommit, seedRepo } from '../../adapters/git/seed.ts';

export interface DemoRepos {
  /** Absolute paths of the two checkouts, on `main`. */
  front: string;
  api: string;
}

/** The demo's branches with what each changes: a new look of the front-end, a new endpoint of the API. */
const BRANCHES: Record<keyof DemoRepos, SeedCommit> = {
  front: {
    branch: 'feat/ui',
    message: 'Give the page a new look',
    write: (folder) =>
      editTheme(folder, {
        title: 'The shop, new look',
        accent: '#f472b6',
        background: '#1e1b4b',
        card: '#312e81',
        text: '#e0e7ff',
      }),
  },
  api: {
    branch: 'feat/endpoint',
    message: 'Add /version',
    write: (folder) => writeFile(path.join(folder, 'endpoints.js'), VERSION_ENDPOINT),
  },
};

const VERSION_ENDPOINT = `// What this branch adds to the API: path → function that gives the answer.
export const endpoints = {
  '/version': () => ({ version: '2.0.0', node: process.version }),
};
`;

/**
 * Makes the demo's git repos `front` and `api` in a folder, each with `main` and one branch (`feat/ui`, `feat/endpoint`).
 * `templates` is the folder of the built apps; `env` is what git is run with. Throws `git`.
 */
export async function makeDemoRepos(
  folder: string,
  options: { templates: string; env: Readonly<Record<string, string | undefined>> },
): Promise<DemoRepos> {
  const repos: DemoRepos = { front: path.join(folder, 'front'), api: path.join(folder, 'api') };
  const make = async (name: keyof DemoRepos): Promise<void> => {
    await mkdir(repos[name], { recursive: true });
    const first: SeedCommit = {
      branch: 'main',
      message: `Start the ${name === 'front' ? 'front-end' : 'API'}`,
      write: (repo) => copyApp(path.join(options.templates, name), repo),
    };
    await seedRepo(repos[name], [first, BRANCHES[name]], options.env);
  };
  await Promise.all([make('front'), make('api')]);
  return repos;
}

/** npm leaves files called `.gitignore` out of a package, so the template's has no dot. */
async function copyApp(template: string, repo: string): Promise<void> {
  await cp(template, repo, { recursive: true });
  await rename(path.join(repo, 'gitignore'), path.join(repo, '.gitignore'));
}

async function editTheme(folder: string, change: Record<string, string>): Promise<void> {
  const file = path.join(folder, 'theme.json');
  const theme = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, `${JSON.stringify({ ...theme, ...change }, null, 2)}\n`);
}

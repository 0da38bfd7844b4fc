import type { Project } from './project.ts';
import { quoteForShell } from './shell-line.ts';

/**
 * Returns the setup lines of a repo. They run in the image of its first service; a project in another image would not
 * find its tools there, and gets them ready itself when it starts (`withOwnSetup`).
 */
export function planSetup(projects: readonly Project[]): string[] {
  const lines = projects.filter((project) => project.image === projects[0]?.image).flatMap(({ setup }) => setup ?? []);
  return [...new Set(lines)];
}

/** Returns a project as it is, or with its setup in front of its command where the repo's setup cannot do it. */
export function withOwnSetup(project: Project, first: Project | undefined): Project {
  const { setup, setupMakes, command, dir } = project;
  if (project.image === first?.image || !setup || !setupMakes || !command) return project;
  const top = dir === '' ? '.' : dir.split('/').fill('..').join('/');
  const once = `(cd ${top} && { test -d ${quoteForShell(setupMakes)} || { ${setup}; }; })`;
  return { ...project, command: { ...command, value: `${once} && ${command.value}` } };
}

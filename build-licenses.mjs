import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** Returns the licenses of the packages that `files`, relative to `root`, came from: one text, in the order of their names. */
export async function renderLicenses(root, files) {
  const folders = new Set(files.map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]).filter(Boolean));
  const packages = await Promise.all([...folders].map((folder) => readPackage(path.join(root, folder))));
  const sections = new Map(packages.map(({ title, text }) => [title, text]));
  const titles = [...sections.keys()].sort();
  return [
    'The files beside this one hold code of these packages, each under its own license.',
    ...titles.map((title) => `${'-'.repeat(80)}\n${title}\n\n${sections.get(title)}`),
    '',
  ].join('\n\n');
}

/** A package without a file for its license names it in package.json alone. */
async function readPackage(folder) {
  const { name, version, license, author } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'));
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|copying|notice)(\.|-|$)/i.test(file));
  const texts = await Promise.all(files.sort().map((file) => readFile(path.join(folder, file), 'utf8')));
  if (texts.length === 0 && !license) throw new Error(`${name} says nothing of its license`);
  const by = typeof author === 'object' ? author.name : author;
  return {
    title: `${name} ${version}${license ? ` (${license})` : ''}`,
    text: texts.length > 0 ? texts.map((text) => text.trim()).join('\n\n') : `${license}${by ? `, by ${by}` : ''}`,
  };
}

import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { readFileIfThere } from '../../adapters/files/files.ts';

/** Where the dev servers of front-ends are told what to pass on. */
const FILES =
  /^((vite|next|nuxt|vue|svelte|astro|remix|webpack|rsbuild|craco)\.config\.[cm]?[jt]s|proxy\.conf\.(m?js|cjs|json)|package\.json)$/;
/** In create-react-app the server reads this one. */
const SET_UP_PROXY = 'src/setupProxy.js';
const LONGEST = 200_000;

/** What the settings of a front-end's dev server say as written. */
export interface FrontConfig {
  /** Lines with an address in them that no variable can change. */
  literals: { place: string; text: string }[];
  /** Paths that it passes on to another server: `/api`. */
  proxied: string[];
}

/** Returns what the settings in a front-end's folder say; nothing for a folder without any. */
export async function readFrontConfig(folder: string): Promise<FrontConfig> {
  const names = (await ifThere(readdir(folder))) ?? [];
  const files = [...names.filter((name) => FILES.test(name)), SET_UP_PROXY];
  const read = await Promise.all(
    files.map(async (name) => {
      const text = (await readFileIfThere(path.join(folder, name)))?.slice(0, LONGEST) ?? '';
      return { literals: listLiterals(name, text), proxied: listProxied(name, text) };
    }),
  );
  return {
    literals: read.flatMap(({ literals }) => literals),
    proxied: [...new Set(read.flatMap((one) => one.proxied))],
  };
}

/** What stands behind a variable is what it says without one, and a comment says nothing. */
function listLiterals(name: string, text: string): FrontConfig['literals'] {
  return joinTargets(fillConstants(text))
    .split('\n')
    .flatMap((line, index) => {
      if (!/https?:\/\/|:\d{2,5}/.test(line) || /\benv\b|loadEnv|^\s*(\/\/|\*)/.test(line)) return [];
      // Of a package.json this is what a dev server reads; scripts name addresses too.
      if (name === 'package.json' && !/^\s*"(proxy|target)"\s*:/.test(line)) return [];
      return [{ place: `${name}:${index + 1}`, text: line.replaceAll('`', "'") }];
    });
}

const CONSTANT =
  /^\s*(?:export\s+)?(?:const|let|var)\s+(\w+)\s*(?::\s*\w+\s*)?=\s*(?:(\d{2,5})|(['"`])([\w.:/-]+)\3)\s*;?\s*$/gm;

/** Writes what a name was given as plain text in the places of the name: in a template, behind a plus, as a host or port. */
function fillConstants(text: string): string {
  const values = new Map(
    [...text.matchAll(CONSTANT)].map(([, name = '', number, , word]) => [name, number ?? word ?? '']),
  );
  return text
    .replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => values.get(name) ?? whole)
    .replaceAll(/['"`]\s*\+\s*(\w+)\b(?:\s*\+\s*['"`])?/g, (whole, name: string) => {
      const value = values.get(name);
      return value === undefined ? whole : `${value}${keepLines(whole)}`;
    })
    .replaceAll(/\b(host|hostname|port):\s*(\w+)\b/g, (whole, key: string, name: string) => {
      const value = values.get(name);
      return value === undefined ? whole : `${key}: '${value}'`;
    })
    .replaceAll(/([{,]\s*)(host|hostname|port)(?=\s*[,}])/g, (whole, before: string, name: string) => {
      const value = values.get(name);
      return value === undefined ? whole : `${before}${name}: '${value}'`;
    });
}

/** Writes a target that is given in parts as an address, and keeps the lines. */
function joinTargets(text: string): string {
  return text.replaceAll(/\btarget:\s*\{([^{}]*)\}/g, (whole, parts: string) => {
    const host = /\bhost(?:name)?:\s*['"`]([\w.-]+)/.exec(parts)?.[1];
    const port = /\bport:\s*['"`]?(\d{2,5})/.exec(parts)?.[1];
    return host && port ? `target: 'http://${host}:${port}'${keepLines(whole)}` : whole;
  });
}

/** What stands in the place of a text has as many lines as that, so that the places below it are told right. */
function keepLines(text: string): string {
  return text.replaceAll(/[^\n]/g, '');
}

/** A key may be an expression: `^/api/.*` is asked at `/api`. What it leads to is an address, settings or a function. */
const PROXY_KEY =
  /['"`]\^?((?:\/[\w-]+(?:\.[\w-]+)*(?=[/'"`$]|\.[*+]))+)[^'"`\n]*['"`]\]?\s*:\s*(?:[{'"`(]|\w+\(|\w+\s*=>)/g;
const REWRITE = /source:\s*['"](\/[\w./-]*?)\/?(:\w+\*|\(\.\*\))?['"]/g;

function listProxied(name: string, text: string): string[] {
  if (name === 'package.json' || !/prox(y|ies)|rewrites/i.test(`${name}${text}`)) return [];
  return [PROXY_KEY, REWRITE]
    .flatMap((pattern) => [...text.matchAll(pattern)].map(([, at = '']) => at))
    .filter(Boolean);
}

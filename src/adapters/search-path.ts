import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { ifReadableNow } from './files/file-errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Where package managers and engines put programs on macOS: an editor or agent that was started from the Dock has a PATH
 * without them. Homebrew (both machines), MacPorts, Docker Desktop, OrbStack, Rancher Desktop; `docker` finds its
 * `docker-credential-*` there as well.
 */
function listUsual(home: string | undefined): string[] {
  return [
    ...(home ? ['.docker/bin', '.orbstack/bin', '.rd/bin'].map((folder) => path.join(home, folder)) : []),
    ...['/opt/homebrew/bin', '/opt/homebrew/sbin', '/usr/local/bin', '/opt/local/bin', '/opt/local/sbin'],
    '/Applications/Docker.app/Contents/Resources/bin',
    '/Applications/OrbStack.app/Contents/MacOS/xbin',
  ];
}

/**
 * Returns the `PATH` for services: the person's, and on macOS the usual folders that are there after it, in an object that is
 * laid over an environment.
 */
export function searchPath({ PATH, HOME }: Env, platform: NodeJS.Platform = process.platform): { PATH?: string } {
  const own = PATH === undefined ? [] : PATH.split(path.delimiter);
  const usual = platform === 'darwin' ? listUsual(HOME) : [];
  const more = usual.filter((folder) => !own.includes(folder) && existsSync(folder));
  return PATH === undefined && more.length === 0 ? {} : { PATH: [...own, ...more].join(path.delimiter) };
}

/**
 * Does the same for programs that stack starts for itself. Folders that are named from the current folder are left out: a
 * checkout may hold a program called `git`.
 */
export function ownPath(env: Env, platform?: NodeJS.Platform): { PATH?: string } {
  const { PATH } = searchPath(env, platform);
  if (PATH === undefined) return {};
  return { PATH: listFolders(PATH).join(path.delimiter) };
}

/** Returns the folders of a `PATH` in which stack looks for a program of its own. */
export function listFolders(searched: string | undefined): string[] {
  return (searched ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
}

/**
 * Where packages that keep off the PATH have a folder each, with `bin` below: Debian's, Red Hat's, Homebrew's (`opt/libpq`,
 * `opt/postgresql@16`, `opt/mysql-client`), MacPorts' (`lib/postgresql16`), the installers' of EDB, Oracle and Postgres.app.
 */
const PACKAGES = [
  ...['/usr/lib/postgresql', '/usr', '/opt/homebrew/opt', '/usr/local/opt', '/opt/local/lib'],
  ...['/Library/PostgreSQL', '/Applications/Postgres.app/Contents/Versions', '/usr/local'],
];

/** Returns the `bin` folders of packages of a name that keep off the PATH, the newest of each place first. */
export function listPackageFolders(names: RegExp): string[] {
  return PACKAGES.flatMap((top) => {
    const found = (ifReadableNow(() => readdirSync(top)) ?? []).filter((name) => names.test(name));
    const folders = found.sort((one, other) => versionOf(other) - versionOf(one));
    return folders.map((name) => path.join(top, name, 'bin')).filter((folder) => existsSync(folder));
  });
}

function versionOf(name: string): number {
  return Number(/\d+(\.\d+)?/.exec(name)?.[0] ?? 0);
}

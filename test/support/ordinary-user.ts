import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Runs this very run of tests once more as an ordinary user, where it is root's, and ends with its exit code. On a Mac nobody is root, and
 * PostgreSQL refuses root. In a user namespace (user_namespaces(7)) files and processes of root are that user's. Where there is
 * none to be had the run goes on as root, and says so.
 */
export function becomeOrdinaryUser(): void {
  // Other tools read the configuration too.
  const isRunner = /\bvitest(\.mjs)?$/.test(process.argv[1] ?? '');
  if (process.getuid?.() !== 0 || !isRunner) return;
  const inside = ['--user', `--map-user=${findUser()}`, `--map-group=${findUser()}`];
  if (spawnSync('unshare', [...inside, 'true']).status !== 0) {
    console.warn('\n!!! No user namespace can be made here: what needs PostgreSQL as on a Mac fails\n');
    return;
  }
  const argv = [...inside, process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.exit(spawnSync('unshare', argv, { stdio: 'inherit' }).status ?? 1);
}

/** PostgreSQL runs for no user without an entry in passwd. 65534 is who everybody is that the namespace does not know. */
function findUser(): number {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => Number(line.split(':')[2]));
  return users.find((uid) => uid > 0 && uid !== 65_534) ?? 0;
}

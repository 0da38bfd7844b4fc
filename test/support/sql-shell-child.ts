/** A program that opens the small psql on the database of an address: `URL`. */
import { runSqlShell } from '../../src/commands/common/sql-shell.ts';
import { withStatements } from '../../src/orchestrator/lifecycle/database.ts';

const [address = ''] = process.argv.slice(2);
const { host, pathname, username } = new URL(address);
const found = {
  server: { login: { url: address, where: host, user: username } },
  database: pathname.slice(1),
} as Parameters<typeof withStatements>[0];
const { stdin, stdout, stderr } = process;
process.exitCode = await withStatements(
  found,
  (shell) => runSqlShell(shell, [], { stdin, stdout, stderr }),
  new AbortController().signal,
);

import { hasPrograms, hostPrograms, type MysqlLogin, type MysqlPrograms } from '../../../adapters/mysql/programs.ts';
import type { StackConfig } from '../../../domain/config/config.ts';
import { StackError } from '../../../domain/errors.ts';
import { FROM_HOST } from '../../../domain/runtime.ts';
import { resolveShared, sharedAddress } from '../../../domain/shared.ts';
import { findSharedContainer } from '../../core/network.ts';
import type { Stack } from '../../core/stack.ts';
import { ifRecorded, type Recorded } from '../database-kind.ts';
import type { SharedLeases } from '../own-kind.ts';

/** The shared service by its name in stack.yml. */
export const MYSQL = 'mysql';

const USUAL_PORT = 3306;

/** The shared MySQL, or MariaDB, as stack itself reaches it. */
export interface MysqlServer {
  /** Host and port, for people. */
  where: string;
  /** The baseline's database. */
  baseline: string;
  /** The client and the dump program: those in its container, else those of this machine. Throws `database` when there are none. */
  programs(): Promise<MysqlPrograms>;
}

/**
 * Returns the shared MySQL. Without a config it is the one that the lease tells of, with the default login. Throws `config`
 * when there is none.
 */
export function openMysql(stack: Stack, config: StackConfig | undefined, leases: SharedLeases): MysqlServer {
  const settings = resolveShared(MYSQL, config?.shared.services[MYSQL] ?? {}, stack.values);
  const lease = leases[MYSQL];
  const address = sharedAddress(FROM_HOST, MYSQL, settings, lease);
  const { database, user = '', password = '' } = settings;
  if (!address || !database) {
    throw new StackError('config', 'this stack has no MySQL that a ticket could have a database in', {
      hint: 'add `mysql: { database: … }` to `shared:` in stack.yml; a `url:` must name its database too',
    });
  }
  // To these programs `localhost` is a socket.
  const host = address.host === 'localhost' ? '127.0.0.1' : address.host.replace(/^\[(.*)\]$/, '$1');
  const login = { host, port: address.port ?? USUAL_PORT, user, password };
  return {
    where: `${address.host}:${login.port}`,
    baseline: database,
    async programs() {
      if (settings.url === undefined && lease?.provider === 'compose') {
        const inside = { ...login, host: '127.0.0.1', port: lease.container ?? USUAL_PORT };
        const found = await programsInContainer(stack, inside);
        if (found) return found;
      }
      if (hasPrograms(stack.env)) return hostPrograms(stack.env, login);
      throw new StackError('database', 'neither mariadb nor mysql with its dump program is on this machine', {
        hint: 'install the client programs of MariaDB or MySQL, e.g. `apt-get install mariadb-client` or `brew install mysql-client`',
      });
    },
  };
}

/** The images of MySQL and MariaDB bring the programs of their own version. */
async function programsInContainer(stack: Stack, login: MysqlLogin): Promise<MysqlPrograms | undefined> {
  const container = await findSharedContainer(stack, MYSQL);
  const { runtime } = await stack.docker();
  return container && { login, run: (argv, options) => runtime.exec(container, argv, options) };
}

/** Returns the server a recorded ticket's database is on, as `ifRecorded` has it. */
export async function openRecorded(asked: Recorded): Promise<MysqlServer | undefined> {
  return ifRecorded(MYSQL, asked, (config) => openMysql(asked.stack, config, asked.shared));
}

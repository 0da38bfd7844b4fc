import type { ComposePort } from '../../../domain/compose/ports.ts';
import type { PlannedServer } from './stack-plan.ts';
import type { Variable } from './variables.ts';

const ADDRESS = /^(?:([a-z][\w+.-]*):\/\/)?(?:([^/@\s$]*)@)?([\w.-]+):(\d+)(\/[^\s$]*)?$/i;
const LOCAL = /^(?:localhost|127\.0\.0\.1|host\.docker\.internal)$/;
const MAIL = /(?:^|_)(?:MAIL|MAILER|SMTP|EMAIL)(?:_\w+)*$/;

/** Returns what a variable gets that leads to another server of a compose file; undefined when it means none. */
export function wireServer(
  { name, values }: Pick<Variable, 'name' | 'values'>,
  servers: readonly PlannedServer[],
): string | undefined {
  const others = servers.filter(({ found }) => found.kind === undefined);
  for (const value of values) {
    const wired = wireValue(name, value, others);
    if (wired !== undefined) return wired;
  }
  return undefined;
}

function wireValue(name: string, value: string, servers: readonly PlannedServer[]): string | undefined {
  const [, scheme, login, host = '', port, rest = ''] = ADDRESS.exec(value) ?? [];
  if (port !== undefined) {
    const meant = servers.flatMap((server) => findPort(server, host, Number(port)) ?? [])[0];
    if (!meant) return undefined;
    const given = Object.values(servers.find((one) => one.name === meant.server)?.found.environment ?? {});
    // The server has the login from the same file.
    const who = login?.split(':').every((part) => given.includes(part)) ? `${login}@` : '';
    return `${scheme === undefined ? '' : `${scheme}://`}${who}\${${meant.server}.host}:\${${meant.key}}${rest}`;
  }
  if (/^\d+$/.test(value)) {
    if (!/_PORT$/.test(name)) return undefined;
    const meant = servers.flatMap((server) => findPort(server, undefined, Number(value)) ?? [])[0];
    return meant && `\${${meant.key}}`;
  }
  if (!/_(?:HOST|HOSTNAME|SERVER|ENDPOINT)$/.test(name)) return undefined;
  const words = name.replace(/_(?:HOST|HOSTNAME|SERVER|ENDPOINT)$/, '');
  const server = servers.find(
    (one) =>
      value === one.found.name ||
      (LOCAL.test(value) && (isCalled(one, words) || (one.scheme === 'smtp' && MAIL.test(words)))),
  );
  return server && `\${${server.name}.host}`;
}

/** The port of a server that an address leads to, as `stack.yml` names it. */
function findPort(
  { name, found, ports }: PlannedServer,
  host: string | undefined,
  port: number,
): { server: string; key: string } | undefined {
  const isInside = host === found.name;
  if (host !== undefined && !isInside && !LOCAL.test(host)) return undefined;
  const fits = ({ host: published, container }: ComposePort): boolean =>
    host === undefined ? published === port || container === port : (isInside ? container : published) === port;
  const inside = found.ports.find(fits);
  if (!inside) return undefined;
  const key = Object.entries(ports).find(([, container]) => container === inside.container)?.[0];
  return { server: name, key: key === undefined ? `${name}.port` : `${name}.port.${key}` };
}

function isCalled({ found }: PlannedServer, words: string): boolean {
  const name = found.name.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_');
  return words === name || words.startsWith(`${name}_`) || words.endsWith(`_${name}`);
}

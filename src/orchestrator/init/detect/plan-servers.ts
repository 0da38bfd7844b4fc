import type { ComposeServer } from './compose-server.ts';
import { slugName, takeName } from './names.ts';
import { findKind, imageName } from './server-kinds.ts';
import type { PlannedServer } from './stack-plan.ts';
import type { Variable } from './variables.ts';
import { wireServer } from './wire-servers.ts';

interface Readers {
  /** Names of others. */
  taken: readonly string[];
  variables?: readonly Variable[];
  /** Where the product's own programs listen. */
  ports?: readonly number[];
}

/**
 * Returns the servers of a compose file as shared services, but for those that nobody reaches. One whose image is not known is a
 * server where a variable leads to it.
 */
export function planServers(
  servers: readonly ComposeServer[],
  { taken, variables = [], ports = [] }: Readers,
): PlannedServer[] {
  const names = new Set(taken);
  return [...servers, ...listUnstarted(servers, variables)].flatMap((found): PlannedServer[] => {
    if (found.kind) return [{ name: found.kind, found, scheme: undefined, ports: {} }];
    const draft = planServer(found);
    if (Object.keys(draft.ports).length === 0) return [];
    const isOwn = found.ports.some(({ host }) => host !== undefined && ports.includes(host));
    if (!found.known && (isOwn || !variables.some((variable) => wireServer(variable, [draft])))) return [];
    const name = takeName(names, found.name, slugName(`${found.name}-server`, 'server'));
    return [{ ...draft, name, ports: Object.keys(draft.ports).length > 1 ? draft.ports : {} }];
  });
}

const MONGO = {
  ...{ name: 'mongodb', kind: undefined, image: 'mongo:7', known: true },
  ...{ user: undefined, password: undefined, database: undefined },
  ...{ ports: [{ container: 27017 }], environment: {}, settings: {}, data: ['/data/db'] },
} satisfies ComposeServer;

/** A MongoDB that programs ask for and no compose file starts; one that the developer's own env file names is there. */
function listUnstarted(servers: readonly ComposeServer[], variables: readonly Variable[]): ComposeServer[] {
  const isThere = servers.some(({ image }) => findKind(image) === findKind(MONGO.image));
  const asks = ({ name, values, readIn, isSet }: Variable) =>
    readIn.length > 0 &&
    !isSet &&
    (values.some((value) => value.startsWith('mongodb')) || findKind(MONGO.image)?.words.test(name.split('_')[0]!)) &&
    wireServer({ name, values }, [planServer(MONGO)])?.startsWith('mongodb://');
  return !isThere && variables.some(asks) ? [MONGO] : [];
}

function planServer(found: ComposeServer): PlannedServer {
  const kind = findKind(found.image);
  const name = (port: number) => nameOf(found, port) ?? `p${port}`;
  const usual = kind?.ports.map(([, its]) => its) ?? [];
  // The one that programs talk to comes first.
  const rank = (port: number) => {
    const at = usual.indexOf(name(port));
    return isForPeople(name(port)) ? 1000 : at === -1 ? 100 : at;
  };
  const inside = [...new Set(found.ports.map(({ container }) => container))].sort((a, b) => rank(a) - rank(b));
  const named: Record<string, number> = {};
  for (const port of inside) named[name(port) in named ? `p${port}` : name(port)] = port;
  const scheme = kind?.scheme;
  return { name: found.name, found, scheme, ports: named };
}

function isForPeople(name: string): boolean {
  return name === 'web' || name === 'console';
}

/** The settings may move a port: `minio server --address :9002 --console-address :9001`. */
function nameOf({ image, settings }: ComposeServer, port: number): string | undefined {
  const line = [settings.entrypoint, settings.command].flat().join(' ');
  const told = (flag: string) => new RegExp(`${flag}[ =]["']?[\\w.]*:(\\d+)`).exec(line)?.[1] === String(port);
  if (imageName(image) === 'minio') {
    if (told('--console-address')) return 'console';
    if (told(' --address')) return 'api';
  }
  return findKind(image)?.ports.find(([usual]) => usual === port)?.[1];
}

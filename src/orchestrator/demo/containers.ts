import path from 'node:path';
import { parse } from 'yaml';
import { loadConfig } from '../../adapters/config-file.ts';
import { findCompose } from '../../adapters/docker/compose.ts';
import { connectEngine, type DockerEngine } from '../../adapters/docker/docker.ts';
import { readFileIfThere } from '../../adapters/files/files.ts';
import { readImage } from '../../domain/compose/image.ts';
import { throwIfAborted, tolerate } from '../../domain/errors.ts';
import { COMPOSE_FILE } from '../init/render-config.ts';

interface Surroundings {
  packageRoot: string;
  env: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
}

/** A registry that is there says so in less; a tour whose first step may hang is none. */
const REGISTRY_MS = 2000;

/** Says why the demo in a root cannot run in containers here; undefined where it can. Throws `interrupted`. */
export async function explainNoContainers(
  root: string,
  { packageRoot, env, signal }: Surroundings,
): Promise<string | undefined> {
  const engine = await connectEngine({ env, signal });
  const check = await engine.runtime.check();
  if (!check.ok) return check.reason;
  if (!(await findCompose({ ...env, ...engine.env }))) return 'neither `docker compose` nor `docker-compose` is here';
  const images = await listImages(root, packageRoot, env);
  const deadline = AbortSignal.timeout(REGISTRY_MS);
  const reasons = await Promise.all(images.map((image) => explainMissing(engine, image, { signal, deadline })));
  const missing = images.flatMap((image, index) => (reasons[index] === undefined ? [] : [image]));
  if (missing.length === 0) return undefined;
  const are = missing.length > 1 ? 'are' : 'is';
  return `${missing.join(', ')} ${are} not here and cannot be pulled (${reasons.find((one) => one !== undefined)})`;
}

async function explainMissing(
  engine: DockerEngine,
  image: string,
  { signal, deadline }: { signal: AbortSignal; deadline: AbortSignal },
): Promise<string | undefined> {
  const reason = await tolerate(
    engine.explainMissing(image, AbortSignal.any([signal, deadline])).then((why) => ({ why })),
    'interrupted',
    'engine',
  );
  throwIfAborted(signal);
  return reason ? reason.why : `its registry is silent for ${REGISTRY_MS / 1000} s`;
}

/** The images of the services of stack.yml, and of all that the compose file has. */
async function listImages(root: string, packageRoot: string, env: Surroundings['env']): Promise<string[]> {
  const { config, values } = await loadConfig(root, env);
  const shared = parse((await readFileIfThere(path.join(packageRoot, COMPOSE_FILE))) ?? '');
  const images = [
    ...Object.values(config.services).map(({ image }) => image),
    ...Object.values<Record<string, unknown>>(shared.services).map((service) => readImage(service, values)),
  ];
  return [...new Set(images.filter((image) => image !== undefined))];
}

import { cannotPull } from '../../adapters/docker/image.ts';
import { readImage } from '../../domain/compose/image.ts';
import { listVariables } from '../../domain/compose/interpolate.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { StackError } from '../../domain/errors.ts';
import { BASELINE, type InstanceRecord } from '../../domain/instance.ts';
import { HOST_RUNTIME } from '../../domain/runtime.ts';
import { sharedVariable } from '../../domain/shared.ts';
import { requireConfig, type Work } from '../core/work.ts';
import { EMBEDDABLE } from './plan.ts';
import { findComposeFile } from './ports.ts';
import { listSharedVariables } from './settings.ts';

/** What a command is about that an engine failed. */
interface Failed {
  config: StackConfig;
  record: Pick<InstanceRecord, 'ticket' | 'phase'>;
}

/** Returns an error about the engine with the ways on in its hint: `--runtime process` where that helps, and `other`. */
export function tellWaysOn(error: StackError, failed: Failed, other?: string): StackError {
  const ways = [canDoWithout(failed) ? '`--runtime process` does without' : undefined, other];
  const hint = [error.hint, ...ways].filter((part) => part !== undefined).join('; ');
  const { code, message, lines, details } = error;
  return new StackError(code, message, { hint, lines, details, cause: error });
}

/** True where the same command can go on with `--runtime process`, provided that nothing has been made in the engine before. */
function canDoWithout({ config, record }: Failed): boolean {
  // A ticket that is there stays with the runtime that it has.
  const isNew = record.phase === 'creating' || record.ticket === BASELINE;
  const services = Object.values(config.services);
  const shared = Object.entries(config.shared.services);
  return (
    isNew &&
    config.runtime !== HOST_RUNTIME &&
    services.every(({ runtime, command }) => runtime === config.runtime && command !== undefined) &&
    shared.every(([name, { url, provider }]) => url !== undefined || (EMBEDDABLE.has(name) && provider !== 'compose'))
  );
}

/**
 * Returns the error for a compose that failed for want of images, which names them and the ways on; undefined where it failed
 * for another reason. Throws `engine`.
 */
export async function explainUnpulled(
  work: Work,
  names: readonly string[],
  error: unknown,
): Promise<StackError | undefined> {
  if (!(error instanceof StackError && error.lines.some((line) => /\bPulling\b/.test(line)))) return undefined;
  const { stack, shared, record } = work;
  const config = await requireConfig(work);
  const { services } = await stack.readCompose(await findComposeFile(stack, config));
  const variables = await listSharedVariables(stack, config, shared);
  const docker = await stack.docker();
  const images: string[] = [];
  const settable: string[] = [];
  for (const name of names) {
    const image = readImage(services[name], (variable) => variables[variable] ?? stack.values(variable));
    if (image === undefined || (await docker.hasImage(image))) continue;
    images.push(image);
    const variable = sharedVariable(name, 'image');
    if (listVariables(String(services[name]?.image)).includes(variable)) settable.push(variable);
  }
  if (images.length === 0) return undefined;
  const reason = error.message.replace(/^`[^`]*` failed: /, '');
  const other = settable.length > 1 ? `${settable.join(' and ')} name others` : `${settable[0]} names another`;
  return tellWaysOn(cannotPull(images, reason, error), { config, record }, settable.length > 0 ? other : undefined);
}

import path from 'node:path';
import { LABELS } from '../../domain/names.ts';
import type { Step } from '../../domain/step.ts';
import { buildSpec, fillFor, requireDedicated, requireService } from '../spec.ts';
import { requireConfig, type Work, wiringOf } from '../work.ts';

/** The image of one containerised service: pulled, or built from the Dockerfile in the worktree. */
export function imageStep(work: Work, service: string): Step {
  const own = requireService(work.record, service);
  const tag = own.builtImage;
  return {
    id: `image ${service}`,
    subject: service,
    title: tag === undefined ? 'image' : 'image built from its Dockerfile',
    after: tag === undefined ? [] : [`worktree ${own.repo}`, `copy ${own.repo}`],
    async inspect() {
      const docker = await work.stack.docker();
      if (tag !== undefined && work.rebuild) return 'different';
      const { image } = await buildSpec(work, service);
      return image === undefined || (await docker.hasImage(image)) ? 'present' : 'absent';
    },
    async apply({ signal, note }) {
      const docker = await work.stack.docker();
      if (tag !== undefined) return buildFor(work, service, tag, note, signal);
      const { image } = await buildSpec(work, service);
      if (image !== undefined) await docker.ensureImage(image, note, signal);
    },
    goesAlong: tag === undefined,
    async revert() {
      // A pulled image is the machine's, shared by everybody; a built one is this instance's alone.
      if (tag !== undefined) await (await work.stack.docker()).removeImage(tag);
    },
  };
}

async function buildFor(
  work: Work,
  service: string,
  tag: string,
  note: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const config = await requireConfig(work);
  const wiring = await wiringOf(work);
  const settings = config.services[service];
  const repo = requireDedicated(work.record, requireService(work.record, service).repo);
  if (!settings?.build) return;
  const { context, dockerfile, target, args } = settings.build;
  const fill = (text: string): string => fillFor(wiring, service, text);
  const docker = await work.stack.docker();
  await docker.buildImage(
    {
      tag,
      context: path.join(repo.worktree, settings.dir, context),
      dockerfile,
      ...(target === undefined ? {} : { target }),
      args: Object.fromEntries(Object.entries(args).map(([key, text]) => [key, fill(text)])),
      labels: { [LABELS.root]: work.stack.rootId, [LABELS.ticket]: work.record.ticket, [LABELS.service]: service },
    },
    note,
    signal,
  );
}

import path from 'node:path';
import { isUnpulled } from '../../adapters/docker/image.ts';
import { BASELINE, requireDedicated, requireService } from '../../domain/instance.ts';
import { LABELS } from '../../domain/names.ts';
import type { Step, StepState } from '../../domain/step.ts';
import { requireConfig, type Work } from '../core/work.ts';
import { tellWaysOn } from '../shared/ways-on.ts';
import { buildSource, buildSpec } from '../workloads/spec.ts';

/** The image of one containerised service: pulled, or built from the Dockerfile in the worktree. */
export function imageStep(work: Work, service: string): Step {
  const own = requireService(work.record, service);
  const tag = own.builtImage;
  const isFromWorktree = tag !== undefined && work.record.ticket !== BASELINE;
  const tellOthers = async (error: unknown): Promise<never> => {
    if (!isUnpulled(error)) throw error;
    throw tellWaysOn(error, { ...work, config: await requireConfig(work) }, `\`image:\` of ${service} names another`);
  };
  return {
    id: { kind: 'image', of: service },
    subject: service,
    title: tag === undefined ? 'image' : 'image built from its Dockerfile',
    after: isFromWorktree
      ? [
          { kind: 'worktree', of: own.repo },
          { kind: 'copy', of: own.repo },
        ]
      : [],
    async inspect() {
      const docker = await work.stack.docker();
      if (tag !== undefined) return inspectBuilt(work, service, tag);
      const { image } = await buildSpec(work, service);
      return image === undefined || (await docker.hasImage(image)) ? 'present' : 'absent';
    },
    async apply({ signal, note }) {
      const docker = await work.stack.docker();
      if (tag !== undefined) return buildFor(work, service, tag, note, signal);
      const { image } = await buildSpec(work, service);
      if (image !== undefined) await docker.ensureImage(image, note, signal).catch(tellOthers);
    },
    ownedByOther: tag === undefined,
    async revert() {
      // A pulled image is the machine's, shared by everybody; a built one is this instance's alone.
      if (tag !== undefined) await (await work.stack.docker()).removeImage(tag, work.stack.rootId);
    },
  };
}

async function inspectBuilt(work: Work, service: string, tag: string): Promise<StepState> {
  if (work.rebuild) return { different: 'a rebuild was asked for' };
  const labels = await (await work.stack.docker()).readImageLabels(tag);
  if (!labels) return 'absent';
  // What it was built with may have moved: an address in `args:` leads elsewhere once a repo was added.
  const source = await buildSource(work, service);
  return source === undefined || labels[LABELS.build] === source.hash
    ? 'present'
    : { different: 'changed: what it is built from' };
}

async function buildFor(
  work: Work,
  service: string,
  tag: string,
  note: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const config = await requireConfig(work);
  const settings = config.services[service];
  const repo = requireDedicated(work.record, requireService(work.record, service).repo);
  const source = await buildSource(work, service);
  if (!settings || !source) return;
  const { context, dockerfile, target, args, hash } = source;
  const docker = await work.stack.docker();
  await docker.buildImage(
    {
      tag,
      context: path.join(repo.worktree, settings.dir, context),
      dockerfile,
      ...(target === undefined ? {} : { target }),
      args,
      labels: {
        [LABELS.root]: work.stack.rootId,
        [LABELS.ticket]: work.record.ticket,
        [LABELS.service]: service,
        [LABELS.build]: hash,
      },
    },
    note,
    signal,
  );
}

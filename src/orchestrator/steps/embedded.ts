import type { ServerSettings } from '../../adapters/servers/host-server.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { BASELINE } from '../../domain/instance.ts';
import { resolveShared } from '../../domain/shared.ts';
import type { Step } from '../../domain/step.ts';
import { startOnLease } from '../core/leases.ts';
import { requireConfig, type Work } from '../core/work.ts';
import { moveSharedLease } from '../shared/plan.ts';

/** A shared service without an engine: a server of this machine, with its data under `.stack/shared/`. */
export function embeddedStep(work: Work, name: string): Step {
  return {
    id: { kind: 'embedded', of: name },
    subject: 'shared',
    title: `${name} on this machine`,
    after: [],
    async inspect() {
      const server = await work.stack.hostServer(name);
      const { state, port } = await server.status();
      if (state === 'stopped') return 'absent';
      if (state !== 'running') return { different: `it was ${state}` };
      if (port !== work.shared[name]?.port) return { different: `it ran on port ${port}` };
      // Other settings than it runs with are for `up`: a ticket's command leaves alone what all others use.
      if (work.record.ticket !== BASELINE) return 'present';
      const isServing = await server.isServing(settingsOf(work, await requireConfig(work), name));
      return isServing ? 'present' : { different: 'changed: settings' };
    },
    async apply(progress) {
      const config = await requireConfig(work);
      const server = await work.stack.hostServer(name);
      await startOnLease(
        progress,
        () => server.start(settingsOf(work, config, name), progress.signal, progress.note),
        (taken) => moveSharedLease(work, config, taken),
      );
    },
    async revert() {
      await (await work.stack.hostServer(name)).stop();
    },
  };
}

function settingsOf(work: Work, config: StackConfig, name: string): ServerSettings {
  const { user, password, database } = resolveShared(name, config.shared.services[name] ?? {}, work.stack.values);
  return { port: work.shared[name]?.port ?? 0, user, password, database };
}

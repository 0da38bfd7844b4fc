import type { ServerSettings } from '../../adapters/servers/host-server.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { throwIfAborted } from '../../domain/errors.ts';
import { BASELINE } from '../../domain/instance.ts';
import { resolveShared } from '../../domain/shared.ts';
import type { Step } from '../../domain/step.ts';
import { takenPort } from '../core/leases.ts';
import { requireConfig, type Work } from '../core/work.ts';
import { moveSharedLease } from '../shared/plan.ts';
import { embeddedId } from './ids.ts';

const LEASE_TRIES = 5;

/** A shared service without an engine: a server of this machine, with its data under `.stack/shared/`. */
export function embeddedStep(work: Work, name: string): Step {
  return {
    id: embeddedId(name),
    subject: 'shared',
    title: `${name} on this machine`,
    after: [],
    async inspect() {
      const server = await work.stack.hostServer(name);
      const { state, port } = await server.status();
      if (state === 'stopped') return 'absent';
      if (state !== 'running' || port !== work.shared[name]?.port) return 'different';
      // Other settings than it runs with are for `up`: a ticket's command leaves alone what all others use.
      if (work.record.ticket !== BASELINE) return 'present';
      return (await server.isServing(settingsOf(work, await requireConfig(work), name))) ? 'present' : 'different';
    },
    async apply({ signal, note }) {
      const config = await requireConfig(work);
      const server = await work.stack.hostServer(name);
      for (let tries = 1; ; tries++) {
        throwIfAborted(signal);
        try {
          return await server.start(settingsOf(work, config, name), signal);
        } catch (error) {
          const taken = takenPort(error);
          if (taken === undefined || tries > LEASE_TRIES) throw error;
          note(`port ${taken} is taken`);
          await moveSharedLease(work, config, taken);
        }
      }
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

import { StackError } from '../domain/errors.ts';
import type { Address } from '../orchestrator/status/address.ts';
import { splitTicketAndServices } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

export const open: Verb<object, Address> = {
  name: 'open',
  summary: 'open a ticket in the browser, and print its address',
  args: '[ticket] [service]',
  flags: [],
  jsonHelp: 'print one JSON document; open nothing',
  examples: [
    'stack open feat-02',
    'stack open feat-02 api',
    'stack open baseline api',
    'cd tickets/feat-02 && stack open',
  ],
  completes: { tickets: true, services: true },
  async run(context, { args }) {
    const [{ findAddress }, found, stack] = await Promise.all([
      import('../orchestrator/status/address.ts'),
      splitTicketAndServices(context, args),
      context.stack(),
    ]);
    const [service, ...others] = found.services;
    if (others.length > 0) throw new StackError('usage', `one service at a time, not ${found.services.join(', ')}`);
    const address = await findAddress(stack, found, service);
    const { ticket, instance, status } = address;
    if (instance !== ticket)
      context.emit({ type: 'info', text: `${ticket} borrows ${address.service}: this is the baseline’s` });
    if (context.options.json) return address;
    if (status !== 'running') {
      throw new StackError('process', `${address.service} of ${instance} does not run: it is ${status}`, {
        hint: ticket === instance && ticket !== 'baseline' ? `stack start ${ticket}` : 'stack up',
        details: address,
      });
    }
    const { hasScreen, openBrowser } = await import('../adapters/browser.ts');
    if (hasScreen(context.host.env) && (await openBrowser(address.url))) return address;
    context.emit({ type: 'info', text: 'there is no browser to open it in' });
    return address;
  },
  render: ({ url }) => url,
};

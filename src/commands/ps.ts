import type { Context } from '../context.ts';
import { StackError } from '../domain/errors.ts';
import { RUNTIMES } from '../domain/runtime.ts';
import { renderSuggestion } from '../domain/suggest.ts';
import type { InstanceStatus, InstanceView, StackView } from '../domain/view.ts';
import { renderInstances } from './common/instance-table.ts';
import { pauseIdleTickets } from './common/pause-idle.ts';
import { listValues, type RenderOptions, type Verb } from './common/verb.ts';

interface Options {
  filter?: string[];
  format?: string;
  wide?: boolean;
}

interface Listing {
  view: StackView;
  /** What is shown instead of the table. */
  lines: string[] | undefined;
  isFiltered: boolean;
  wide: boolean;
}

export const ps: Verb<Options, Listing> = {
  name: 'ps',
  aliases: ['ls', 'list'],
  summary: 'list the tickets: addresses, bases, status',
  args: '',
  quietHelp: 'print names only, one a line',
  flags: [
    ['--filter <key=value...>', 'only tickets with this status or ticket=NAME (`*` for any letters)'],
    ['--format <template>', "a line a ticket, from its JSON: '{{ticket}} {{repos.api.url}}'"],
    ['--wide', 'shorten nothing to fit the terminal'],
  ],
  examples: [
    'stack ps',
    'stack ps -q',
    'stack ps --filter status=stopped,broken',
    "stack ps --format '{{ticket}} {{services.api.ports.http}}'",
    'stack ps --json',
  ],
  completes: {},
  async run(context, { options }) {
    const [fits, write] = await Promise.all([readFilter(options.filter), readFormat(options.format, context)]);
    const { observeStack } = await import('../orchestrator/status/view.ts');
    await pauseIdleTickets(context);
    // Git is asked about each worktree only for who reads the answer.
    const { host, options: common } = context;
    const marks = common.json || (host.stdout.isTTY === true && !write);
    const view = await observeStack(await context.stack(), { marks });
    const { name, why } = view.runtime;
    // Containers are what people expect; that there are none is worth a line until a ticket runs so.
    const isKnown = view.instances.some(({ services }) => Object.values(services).some((one) => one.runtime === name));
    if (!RUNTIMES[name].images && why !== 'asked for' && !isKnown)
      context.emit({ type: 'info', text: `services run as processes: ${why}` });
    const instances = view.instances.filter(fits);
    const isFiltered = instances.length < view.instances.length;
    const lines = write && instances.map(write);
    return { view: { ...view, instances }, lines, isFiltered, wide: options.wide === true };
  },
  render: renderListing,
  toJson: ({ view }) => view,
};

const KEYS: Record<string, (instance: InstanceView) => string> = {
  status: ({ status }) => status,
  ticket: ({ ticket }) => ticket,
};

const STATUSES: readonly InstanceStatus[] = [
  'running',
  'partial',
  'paused',
  'stopped',
  'creating',
  'broken',
  'unknown',
];

/** One key with several values takes any of them; several keys must all fit. Throws `usage`. */
async function readFilter(given: readonly string[] | undefined): Promise<(instance: InstanceView) => boolean> {
  const { default: picomatch } = await import('picomatch');
  const wanted = new Map<string, string[]>();
  let key = '';
  for (const word of listValues(given)) {
    const [, named, value] = /^(\w+)=(.*)$/s.exec(word) ?? [undefined, key, word];
    key = named;
    if (!Object.hasOwn(KEYS, key) || value === '') {
      const hint = 'e.g. --filter status=stopped, --filter ticket=feat-*';
      throw new StackError(
        'usage',
        `--filter knows no ${JSON.stringify(word)}${renderSuggestion(key, Object.keys(KEYS))}`,
        { hint },
      );
    }
    if (key === 'status' && !(STATUSES as readonly string[]).includes(value)) {
      const message = `no ticket is ever ${JSON.stringify(value)}${renderSuggestion(value, STATUSES)}`;
      throw new StackError('usage', message, { hint: `--filter status= takes ${STATUSES.join(', ')}` });
    }
    // A ticket's name has no slash, however it was typed.
    wanted.set(key, [...(wanted.get(key) ?? []), value.replaceAll('/', '-')]);
  }
  const tests = [...wanted].map(([name, values]) => ({ read: KEYS[name]!, fits: picomatch(values) }));
  return (instance) => tests.every(({ read, fits }) => fits(read(instance)));
}

/** Parts of a ticket's JSON. */
const FIELDS = [
  'ticket',
  'status',
  'createdAt',
  'folder',
  'problems',
  'repos',
  'services',
  'own',
  'agents',
] as const satisfies (keyof InstanceView)[];

/** Returns what writes a ticket by a template, or its name where nothing else may be told. Throws `usage`. */
async function readFormat(
  format: string | undefined,
  context: Context,
): Promise<((instance: InstanceView) => string) | undefined> {
  if (format === undefined) return context.options.quiet ? ({ ticket }) => ticket : undefined;
  const { default: mustache } = await import('mustache');
  const template = readAsGo(format);
  const names = parseNames(template, mustache.parse);
  const unknown = names.find((name) => !(FIELDS as readonly string[]).includes(name));
  if (unknown !== undefined) {
    const message = `--format: a ticket has no ${JSON.stringify(unknown)}${renderSuggestion(unknown, FIELDS)}`;
    throw new StackError('usage', message, { hint: `it has ${FIELDS.join(', ')}; \`stack ps --json\` shows them` });
  }
  // A shell reads it, no browser.
  return (instance) => mustache.render(template, instance, {}, { escape: String });
}

/** Fingers that know docker type `{{.ticket}}\\t{{.status}}`. */
function readAsGo(format: string): string {
  return format.replaceAll(/\{\{([#^/&{]?)\s*\.(?=\w)/g, '{{$1').replaceAll(String.raw`\t`, '\t');
}

/** The first parts of the names that stand in a template, outside of its sections. */
function parseNames(format: string, parse: (template: string) => unknown[][]): string[] {
  try {
    const tags = parse(format).filter(([type]) => type !== 'text' && type !== '!');
    return tags.map(([, name]) => String(name).split('.')[0] ?? '');
  } catch (error) {
    throw new StackError('usage', `--format: ${(error as Error).message}`, {
      hint: "e.g. --format '{{ticket}} {{status}}'",
    });
  }
}

function renderListing(
  { view, lines, isFiltered, wide }: Listing,
  { color, columns }: RenderOptions,
): string | Promise<string> {
  if (lines) return lines.join('\n');
  if (view.instances.length > 0) return renderInstances(view, { color, columns: wide ? undefined : columns });
  const none = isFiltered ? 'no ticket is like that' : 'no tickets yet: `stack create TICKET` makes one';
  return [none, ...view.problems.map((text) => `! ${text}`)].join('\n');
}

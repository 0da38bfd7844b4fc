import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FoundRoot } from './adapters/config-file.ts';
import { lookForSettingsOf } from './adapters/git/pipes.ts';
import { lookForTools } from './adapters/process/ask-tool.ts';
import { ownPath } from './adapters/search-path.ts';
import type { Context, GlobalOptions, Host } from './context.ts';
import { StackError } from './domain/errors.ts';
import type { Emit } from './domain/events.ts';
import { once } from './once.ts';
import { makeStack } from './open-stack.ts';
import { askChoice, askPerson, canAsk } from './ui/ask.ts';

/** Returns the context of one command. */
export function createContext(
  host: Host,
  options: GlobalOptions,
  signal: AbortSignal,
  argv: readonly string[],
): Context {
  const packageRoot = findPackageRoot();
  lookForSettingsOf(host.env);
  const reporter = once(async () => {
    const { createReporter } = await import('./ui/reporter.ts');
    const mode = options.quiet || options.json ? 'silent' : 'human';
    const isTty = host.stderr.isTTY === true && host.env.TERM !== 'dumb';
    const columns = Number(host.env.STACK_COLUMNS) || undefined;
    return createReporter({ mode, stream: host.stderr, isTty, columns, color: hasColor(host, host.stderr) });
  });
  // Events may come before the reporter is loaded; they wait in line for it.
  const emit: Emit = (event) => void reporter().then((loaded) => loaded.emit(event));
  lookForTools({ searchPath: ownPath(host.env).PATH, warn: (text) => emit({ type: 'warning', text }) });
  const findPlace = once(async () => {
    if (options.root !== undefined) return place();
    const { findRoot } = await import('./adapters/config-file.ts');
    const found = await findRoot(host.cwd);
    return found && requireOwn(found, host);
  });
  const place = once(async () => {
    const { requireRoot, requireRootAt } = await import('./adapters/config-file.ts');
    const { root } = options;
    return requireOwn(root === undefined ? await requireRoot(host.cwd) : await requireRootAt(root), host);
  });
  const ask: Context['ask'] = async (question, all = [question]) => {
    if (options.yes) return true;
    // Narration and question share the terminal.
    if (canAsk(host)) (await reporter()).clear();
    return askPerson(host, question, { all, signal });
  };
  const choose: Context['choose'] = async (question, choices) => {
    if (options.yes || !canAsk(host)) return 0;
    (await reporter()).clear();
    return askChoice(host, question, { choices, signal });
  };
  const confirm: Context['confirm'] = async (question) => {
    if (!(await ask(question))) throw new StackError('confirm', 'nothing was changed');
  };
  return {
    host,
    options,
    packageRoot,
    signal,
    emit,
    color: hasColor(host, host.stdout),
    errorColor: hasColor(host, host.stderr),
    reporter,
    endNarration: async (how) => (reporter.made ? (await reporter()).end(how) : undefined),
    place,
    findPlace,
    stack: once(async () =>
      makeStack({ host, options, packageRoot, signal, emit, argv, ask: confirm, root: (await place()).root }),
    ),
    confirm,
    ask,
    choose,
  };
}

async function requireOwn(place: FoundRoot, host: Host): Promise<FoundRoot> {
  const [{ requireOwnPlace }, { openTrustStore }] = await Promise.all([
    import('./adapters/files/ownership.ts'),
    import('./adapters/trust-store.ts'),
  ]);
  return requireOwnPlace(place, host.env, openTrustStore(host.env));
}

function hasColor(host: Host, stream: NodeJS.WriteStream): boolean {
  if (host.env.NO_COLOR) return false;
  if (host.env.FORCE_COLOR && host.env.FORCE_COLOR !== '0') return true;
  return stream.isTTY === true && host.env.TERM !== 'dumb';
}

/** The nearest folder above with a package.json: the build moves code between files, so none knows its own depth. */
function findPackageRoot(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json')) && folder !== path.dirname(folder))
    folder = path.dirname(folder);
  return folder;
}

import path from 'node:path';
import type { Context } from '../context.ts';
import { quoteForShell } from '../domain/shell.ts';
import type { LeftOut } from '../orchestrator/init/detect/find-repos.ts';
import type { PlannedRepo, PlannedService, StackPlan } from '../orchestrator/init/detect/stack-plan.ts';
import type { InitOptions as InitStackOptions } from '../orchestrator/init/init.ts';
import { cleanText } from '../ui/safe-text.ts';
import type { RenderOptions, Verb } from './common/verb.ts';

export interface InitOptions {
  force?: boolean;
  dryRun?: boolean;
}

/** One thing that `init` took from the files it read. */
interface InitGuess {
  service: string;
  repo: string;
  /** `./front`, or `./shop/apps/web`. */
  folder: string;
  /** `front-end, Vite`. */
  kind: string;
  command: string | null;
  /** Where it listens inside its container; null for what listens nowhere. */
  port: number | null;
  /** `GET /health`, or `port`; null for what listens nowhere. */
  ready: string | null;
}

export interface InitResult {
  stack: string;
  root: string;
  /** The root, relative to where we are: '' for here. */
  folder: string;
  dryRun: boolean;
  /** Names of the files written; with `dryRun` those that would be. */
  written: string[];
  guesses: InitGuess[];
  /** What a person should look at in `stack.yml`; `subject` is a repo, a service, or `shared`. */
  checks: { subject: string; text: string }[];
  leftOut: LeftOut[];
  /** Lines for the root's own `.gitignore`; empty outside of a git repo. */
  ignore: string[];
  /** Text of `stack.yml`. */
  config: string;
}

export const init: Verb<InitOptions, InitResult> = {
  name: 'init',
  summary: 'write stack.yml for the git repos in this folder',
  args: '',
  flags: [
    ['--force', 'overwrite stack.yml and docker-compose.base.yml; keep them as *.old'],
    ['--dry-run', 'print what stack.yml would be; write nothing'],
  ],
  examples: ['stack init', 'stack init --dry-run', 'stack init --force'],
  completes: {},
  async run(context, { options }) {
    const root = context.options.root ?? (await chooseRoot(context));
    const result = await run({ root, packageRoot: context.packageRoot }, options, {
      agree: (next) => agree(context, root, next),
      choose: async ({ text, choices }) =>
        choices[
          await context.choose(
            text,
            choices.map(({ label }) => label),
          )
        ]!.value,
    });
    return { ...result, folder: path.relative(context.host.cwd, root) };
  },
  render,
};

/** Returns the folder for `stack.yml`: that of the whole product where we are in one repo of it, once a person says so. */
async function chooseRoot(context: Context): Promise<string> {
  const { cwd } = context.host;
  const [{ findProduct }, { canAsk }] = await Promise.all([
    import('../orchestrator/init/detect/find-product.ts'),
    import('../ui/ask.ts'),
  ]);
  if (!context.options.yes && !canAsk(context.host)) return cwd;
  // Nobody looks at a yes that is given beforehand: what lies further up may be anything.
  const product = await findProduct(cwd, context.options.yes ? 1 : 2);
  if (!product) return cwd;
  const { folder, repos } = product;
  const which =
    repos.length > 1 ? `for its ${repos.length} repos, ${repos.join(', ')}` : 'for the repo that this is in';
  return (await context.ask(`Write stack.yml in ${folder}, ${which}?`)) ? folder : cwd;
}

/** Asks on a terminal before `stack.yml` is replaced. Throws `exists` where tickets use what it would lose, `confirm` after a no. */
async function agree(context: Context, root: string, next: StackPlan): Promise<void> {
  const [stack, { requireKept }, { canAsk }] = await Promise.all([
    context.stack(),
    import('../orchestrator/init/init.ts'),
    import('../ui/ask.ts'),
  ]);
  if (stack.root === root) requireKept(next, await stack.store.read());
  if (canAsk(context.host)) await context.confirm('Replace stack.yml? What it says now stays in stack.yml.old.');
}

/** Writes a `stack.yml` for the repos of a folder. Throws `exists`, `not-found`, `git`, `files`. */
export async function run(
  where: { root: string; packageRoot: string },
  options: InitOptions,
  asks: Pick<InitStackOptions, 'agree' | 'choose'> = {},
): Promise<InitResult> {
  const { force = false, dryRun = false } = options;
  const { initStack } = await import('../orchestrator/init/init.ts');
  const { plan, text, written, ignore } = await initStack({ ...where, force, dryRun, ...asks });
  const paths = new Map(plan.repos.map((repo) => [repo.name, repo.path]));
  return {
    stack: plan.name,
    root: where.root,
    folder: '',
    dryRun,
    written,
    guesses: plan.services.map((service) => describeService(service, paths.get(service.repo) ?? '.')),
    checks: [...listSharedChecks(plan.shared.sure), ...[...plan.repos, ...plan.services].flatMap(listChecks)],
    leftOut: plan.leftOut,
    ignore,
    config: text,
  };
}

/** Returns what was written, what was guessed and what to do next, for a person. */
export async function render(result: InitResult, options: RenderOptions): Promise<string> {
  if (result.dryRun) return result.config.trimEnd();
  const { checks, leftOut, ignore, written } = result;
  return [
    written.map((file) => `wrote ${path.join(result.folder, file)}`).join('\n'),
    ...(result.guesses.length > 0 ? [await renderGuesses(result.guesses, options)] : []),
    ...renderBlock(
      'check in stack.yml',
      checks.map(({ subject, text }) => `${subject}: ${text}`),
    ),
    ...renderBlock(
      'left out',
      leftOut.map(({ path, reason }) => `${path}: ${reason}`),
    ),
    ...renderBlock('add to .gitignore', ignore),
    `next: ${result.folder === '' ? '' : `\`cd ${quoteForShell(result.folder)}\`, `}look through stack.yml, then \`stack doctor\`, then \`stack create TICKET\``,
  ].join('\n\n');
}

async function renderGuesses(guesses: readonly InitGuess[], options: RenderOptions): Promise<string> {
  const { renderTable } = await import('../ui/table.ts');
  const rows = guesses.map(({ service, folder, kind, command, port, ready }) => [
    ...[service, folder, kind, command ?? '(as its image does)', port === null ? '-' : String(port), ready ?? '-'],
  ]);
  return renderTable(['Service', 'Folder', 'Looks like', 'Starts with', 'Port', 'Ready'], rows, options);
}

function renderBlock(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [[`${title}:`, ...lines.map((line) => `  ${cleanText(line)}`)].join('\n')];
}

function describeService({ name, repo, role, project }: PlannedService, path: string): InitGuess {
  const { dir, label, command, port, health, worker } = project;
  const roles = { front: 'front-end, ', api: 'API, ', other: '' };
  return {
    service: name,
    repo,
    folder: dir === '' ? path : path === '.' ? `./${dir}` : `${path}/${dir}`,
    kind: `${roles[role]}${label}`,
    command: command?.value ?? null,
    port: worker === undefined ? port.value : null,
    ready: worker !== undefined ? null : health.value === undefined ? 'port' : `GET ${health.value}`,
  };
}

function listSharedChecks(sure: boolean): InitResult['checks'] {
  if (sure) return [];
  return [{ subject: 'shared', text: 'nothing tells whether Postgres and Redis are used, so both are there' }];
}

function listChecks({ name, checks }: PlannedRepo | PlannedService): InitResult['checks'] {
  return checks.map((text) => ({ subject: name, text }));
}

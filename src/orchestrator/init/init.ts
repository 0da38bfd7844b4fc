import { rm } from 'node:fs/promises';
import path from 'node:path';
import { CONFIG_FILE, LOCAL_CONFIG_FILE } from '../../adapters/config-file.ts';
import { ifReadable } from '../../adapters/files/file-errors.ts';
import { isThere, readFileIfThere, replaceFile } from '../../adapters/files/files.ts';
import { bestEffort, StackError } from '../../domain/errors.ts';
import type { StackState } from '../../domain/instance.ts';
import { STATE_FOLDER } from '../../domain/layout.ts';
import { listNotIgnored } from './detect/checkouts.ts';
import { type Detection, detectStack } from './detect/detect-stack.ts';
import { planConfig } from './detect/plan-config.ts';
import type { Answers, StackPlan } from './detect/stack-plan.ts';
import { listQuestions, type Question } from './questions.ts';
import { renderCompose } from './render-compose.ts';
import { COMPOSE_FILE, renderConfig } from './render-config.ts';

const READABLE = 0o644;

export interface InitOptions {
  /** Absolute path of the folder that is to hold `stack.yml`. */
  root: string;
  /** Folder of the package: the shipped compose file is there. */
  packageRoot: string;
  /** Replaces files that are there, and keeps what they were beside them. */
  force: boolean;
  /** Writes nothing. */
  dryRun: boolean;
  /** Called before a `stack.yml` is replaced, with what the new one has; throws to leave it. */
  agree?: ((next: StackPlan) => Promise<void>) | undefined;
  /** Answers a question with the value of one of its choices; without it the first ones are taken. */
  choose?: ((question: Question) => Promise<string>) | undefined;
}

export interface InitOutcome {
  plan: StackPlan;
  /** Text of `stack.yml`. */
  text: string;
  /** Files written, relative to the root; with `dryRun` those that would be. */
  written: string[];
  /** Lines for the root's own `.gitignore`. */
  ignore: string[];
}

interface NewFile {
  name: string;
  text: string;
}

/**
 * Writes `stack.yml` and the shared services' compose file for the repos of a folder. Throws `exists` (before anything
 * is written), `not-found` when there is no repo, `git`, `files`; nothing is half-made then.
 */
export async function initStack({
  root,
  packageRoot,
  force,
  dryRun,
  agree,
  choose,
}: InitOptions): Promise<InitOutcome> {
  const shipped = await readFileIfThere(path.join(packageRoot, COMPOSE_FILE));
  if (shipped === undefined) throw new StackError('internal', `${COMPOSE_FILE} is missing in ${packageRoot}`);
  const there = await ifReadable(readFileIfThere(path.join(root, COMPOSE_FILE)));
  const detection = await detectStack(root);
  const draft = planConfig(detection);
  const text = renderCompose(shipped, draft.shared.servers);
  const isOurs = there === undefined || there === shipped || there === text;
  if (!force && !dryRun) await refuseExisting(root, [CONFIG_FILE, ...(isOurs ? [] : [COMPOSE_FILE])]);
  if (agree && !dryRun && (await isThere(path.join(root, CONFIG_FILE)))) await agree(draft);
  const answers = choose && (await askAll(detection, choose));
  const plan = planConfig(detection, answers);
  const compose = there === text ? [] : [{ name: COMPOSE_FILE, text }];
  const files = [...compose, { name: CONFIG_FILE, text: renderConfig(plan) }];
  const ignore = await listNotIgnored(root, [`${STATE_FOLDER}/`, LOCAL_CONFIG_FILE]);
  if (dryRun) return toOutcome(plan, files, ignore);
  await writeAll(root, files);
  return toOutcome(plan, files, ignore);
}

async function askAll(detection: Detection, choose: NonNullable<InitOptions['choose']>): Promise<Answers> {
  const answers: Answers = {};
  for (const question of listQuestions(detection)) answers[question.key] = await choose(question);
  return answers;
}

function toOutcome(plan: StackPlan, files: readonly NewFile[], ignore: string[]): InitOutcome {
  return { plan, text: files.at(-1)?.text ?? '', written: files.map(({ name }) => name).reverse(), ignore };
}

/** Throws `exists` where tickets, or the baseline that they borrow from, have repos or services that a new `stack.yml` lacks. */
export function requireKept(next: StackPlan, { instances, baseline }: StackState): void {
  const tickets = Object.values(instances);
  const records = tickets.length > 0 && baseline ? [...tickets, baseline] : tickets;
  const listLost = (kind: 'repos' | 'services'): string[] => {
    const names = new Set(next[kind].map(({ name }) => name));
    return [...new Set(records.flatMap((record) => Object.keys(record[kind])))].filter((name) => !names.has(name));
  };
  const lost = [...new Set([...listLost('repos'), ...listLost('services')])];
  if (lost.length === 0) return;
  throw new StackError(
    'exists',
    `the new stack.yml would not have ${lost.join(', ')}, which tickets use: ${tickets.map(({ ticket }) => ticket).join(', ')}`,
    {
      hint: 'destroy them first, or take what you need from `stack init --dry-run`',
      details: { lost },
    },
  );
}

async function refuseExisting(root: string, names: readonly string[]): Promise<void> {
  const there: string[] = [];
  for (const name of names) if (await isThere(path.join(root, name))) there.push(name);
  if (there.length === 0) return;
  throw new StackError('exists', `${there.join(' and ')} ${there.length > 1 ? 'are' : 'is'} there already`, {
    hint: 'use --force to overwrite it, or --dry-run to see what would be written',
    details: { files: there.map((name) => path.join(root, name)) },
  });
}

/** All or none: what was written before a failure becomes what it was. What a file held is kept beside it, as `stack.yml.old`. */
async function writeAll(root: string, files: readonly NewFile[]): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  const write = async (file: string, text: string) => {
    const before = await readFileIfThere(file);
    await replaceFile(file, text, { mode: READABLE });
    undo.unshift(() =>
      before === undefined ? rm(file, { force: true }) : replaceFile(file, before, { mode: READABLE }),
    );
  };
  try {
    for (const { name, text } of files) {
      const file = path.join(root, name);
      const before = await readFileIfThere(file);
      if (before !== undefined && before !== text) await write(`${file}.old`, before);
      await write(file, text);
    }
  } catch (error) {
    for (const revert of undo) await bestEffort(revert());
    throw error;
  }
}

import { StackError } from '../errors.ts';
import { quoteForShell } from '../shell.ts';
import { fillTemplate } from '../template.ts';
import { isWithin } from '../within.ts';
import type { AgentCommand, AgentPreset, AgentSituation } from './preset.ts';

/** Linux takes 128 kB in one argument (`MAX_ARG_STRLEN`), whatever there is room for in all of them. */
const LONGEST_ARGUMENT = 100_000;

type Lookup = (name: string) => string | undefined;
type Words = readonly string[] | null | undefined;

/**
 * Returns how an agent is started. Throws `usage` where the preset cannot do what is asked, `config` for a name in it that has no
 * value here.
 */
export function planAgentCommand(preset: AgentPreset, situation: AgentSituation): AgentCommand {
  requireWays(preset, situation);
  const cwd = (preset.folder === 'repo' ? situation.repos[0]?.path : undefined) ?? situation.folder;
  const look = lookIn(situation);
  const fill = (words: Words): string[] => (words ?? []).map((word) => fillTemplate(word, look));
  const { headless, resume, repos } = situation;
  const mode = headless ? preset.headless : undefined;
  const again = resume && pickResume(preset, resume);
  // What is below the folder that it stands in, it sees; some refuse to be told of that.
  const others = repos.filter((repo) => !isWithin(repo.path, cwd));
  const prompt = planPrompt(preset, situation);
  return {
    argv: [
      ...fill([preset.program]),
      ...fill(mode?.command),
      ...fill(again?.command),
      ...fill(preset.args),
      ...fill(mode?.args),
      ...fill(again?.args),
      ...others.flatMap((repo) => tellOfRepo(preset.each_repo, repo, look)),
      ...prompt.words,
    ],
    cwd,
    // Some look at PWD and not at where they are.
    env: { ...fillAll(preset.env, look), ...fillAll(mode?.env, look), STACK_RUN_DIR: situation.runDir, PWD: cwd },
    ...(prompt.stdin && { stdin: 'prompt' }),
    files: [...planFiles(preset, look), ...prompt.files],
  };
}

function requireWays(preset: AgentPreset, { headless, resume }: AgentSituation): void {
  if (headless && !preset.headless) {
    throw new StackError('usage', `${preset.title} does not work without a terminal`, {
      hint: 'leave out what asks for that, or pick another agent',
    });
  }
  if (resume && !pickResume(preset, resume)) {
    throw new StackError('usage', `${preset.title} cannot go on with a session that has ended`, {
      hint: 'start it again without `--resume`; what it has written is in the ticket’s folder',
    });
  }
}

function pickResume({ resume }: AgentPreset, wanted: { session?: string }) {
  return (wanted.session === undefined ? undefined : resume?.session) ?? resume?.last ?? undefined;
}

function tellOfRepo(words: Words, repo: { name: string; path: string }, look: Lookup): string[] {
  const own: Record<string, string> = { path: repo.path, name: repo.name };
  return (words ?? []).map((word) => fillTemplate(word, (name) => own[name] ?? look(name)));
}

/** `${hook}` is for a shell line, `${hook.json}` for the begin of a list of words; `${run.url}` fits into JSON as it is. */
function lookIn({ folder, runDir, repos, hook, prompt, promptFile, resume }: AgentSituation): Lookup {
  const values: Record<string, string | undefined> = {
    ticket: folder,
    run: runDir,
    'run.url': `file://${runDir.split('/').map(encodeURIComponent).join('/')}`,
    repo: repos[0]?.path,
    hook: `/bin/sh ${quoteForShell(hook)}`,
    'hook.json': `"/bin/sh", ${JSON.stringify(hook)}`,
    prompt,
    prompt_file: promptFile,
    session: resume?.session,
  };
  return (name) => values[name];
}

function fillAll(values: Record<string, string> | null | undefined, look: Lookup): Record<string, string> {
  return Object.fromEntries(Object.entries(values ?? {}).map(([name, value]) => [name, fillTemplate(value, look)]));
}

interface PromptPlan {
  words: string[];
  stdin: boolean;
  files: AgentCommand['files'];
}

/** A prompt that no argument can hold is in a file, and the argument says which. */
function planPrompt(preset: AgentPreset, situation: AgentSituation): PromptPlan {
  const { prompt, headless, runDir } = situation;
  if (prompt === undefined) return { words: [], stdin: false, files: [] };
  const way = (headless ? preset.headless?.prompt : undefined) ?? preset.prompt ?? { by: 'argument' };
  const words = way.args ?? (way.by === 'argument' ? ['${prompt}'] : []);
  const isLong = way.by === 'argument' && Buffer.byteLength(prompt) > LONGEST_ARGUMENT;
  const file = situation.promptFile ?? `${runDir}/prompt.md`;
  const look = lookIn({
    ...situation,
    promptFile: file,
    prompt: isLong ? `Your task is in the file ${file}: read all of it, then do what it says.` : prompt,
  });
  const isWritten = situation.promptFile === undefined && (isLong || way.by === 'file');
  return {
    words: words.map((word) => fillTemplate(word, look)),
    stdin: way.by === 'stdin',
    files: isWritten ? [{ path: file, content: prompt, mode: 0o600 }] : [],
  };
}

function planFiles(preset: AgentPreset, look: Lookup): AgentCommand['files'] {
  return (preset.files ?? []).map(({ path, text, json }) => ({
    path: fillTemplate(path, look),
    content: json ? `${JSON.stringify(fillDeep(json, look), undefined, 2)}\n` : fillTemplate(text ?? '', look),
    mode: 0o600,
  }));
}

function fillDeep(value: unknown, look: Lookup): unknown {
  if (typeof value === 'string') return fillTemplate(value, look);
  if (Array.isArray(value)) return value.map((one) => fillDeep(one, look));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fillDeep(one, look)]));
}

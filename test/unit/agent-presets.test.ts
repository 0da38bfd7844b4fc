import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { StackError } from '../../src/domain/errors.ts';
import { planAgentCommand } from '../../src/domain/runs/agent-command.ts';
import { parsePreset } from '../../src/domain/runs/parse-preset.ts';
import type { AgentSituation } from '../../src/domain/runs/preset.ts';
import { loadAgentPreset, requireAgent } from '../../src/orchestrator/runs/preset.ts';

const packageRoot = path.resolve(import.meta.dirname, '../..');
const names = readdirSync(path.join(packageRoot, 'templates/agents')).flatMap((file) =>
  file.endsWith('.yml') ? [file.slice(0, -4)] : [],
);
const places = { packageRoot, env: { PATH: process.env.PATH, HOME: '/nowhere' } };

const situation: AgentSituation = {
  folder: '/w/tickets/feat 01',
  repos: ['front', 'api'].map((name) => ({ name, path: `/w/tickets/feat 01/${name}` })),
  runDir: '/w/.stack/runs/7',
  headless: false,
  hook: '/opt/stack/hook.sh',
};

function errorOf(run: () => unknown): StackError {
  try {
    run();
  } catch (error) {
    if (error instanceof StackError) return error;
  }
  throw new Error('it was not refused');
}

it.each(names)('plans how %s is started', async (name) => {
  const preset = await loadAgentPreset(name, places);
  const shown = (more: Partial<AgentSituation>): unknown => {
    if (more.headless && !preset.headless) return 'needs a terminal';
    if (more.resume && !preset.resume) return 'cannot resume';
    const { argv, cwd, stdin } = planAgentCommand(preset, { ...situation, ...more });
    return [...argv, `(in ${cwd}${stdin ? ', prompt on stdin' : ''})`];
  };
  const prompt = 'Add "x"\nto $HOME';
  const { env, files } = planAgentCommand(preset, situation);
  expect({
    plain: shown({}),
    prompt: shown({ prompt }),
    headless: shown({ headless: true, prompt, promptFile: '/w/.stack/runs/7/prompt' }),
    last: shown({ resume: {}, prompt }),
    session: shown({ resume: { session: 'a1' } }),
    headlessSession: shown({ headless: true, resume: { session: 'a1' }, prompt, promptFile: '/p' }),
    env,
    files,
  }).toMatchSnapshot();
});

describe('a prompt that no argument can hold', () => {
  const prompt = 'ü'.repeat(500_000);

  it('is in a file, and the argument says which', async () => {
    const plan = planAgentCommand(await loadAgentPreset('claude', places), { ...situation, prompt });
    expect(plan.files.at(-1)).toEqual({ path: '/w/.stack/runs/7/prompt.md', content: prompt, mode: 0o600 });
    expect(plan.argv.at(-1)).toContain('/w/.stack/runs/7/prompt.md');
    expect(plan.stdin).toBeUndefined();
  });

  it('is in the file that is there already', async () => {
    const plan = planAgentCommand(await loadAgentPreset('codex', places), { ...situation, prompt, promptFile: '/p' });
    expect(plan.files).toEqual([]);
    expect(plan.argv.at(-1)).toContain('/p');
  });

  it('goes to standard input where the agent reads that', async () => {
    const plan = planAgentCommand(await loadAgentPreset('claude', places), { ...situation, prompt, headless: true });
    expect(plan.stdin).toBe('prompt');
    expect(plan.argv.join(' ')).not.toContain('ü');
  });
});

it('says what an agent cannot do', async () => {
  const shell = await loadAgentPreset('shell', places);
  expect(errorOf(() => planAgentCommand(shell, { ...situation, headless: true }))).toMatchObject({
    code: 'usage',
    message: 'A shell does not work without a terminal',
  });
  expect(errorOf(() => planAgentCommand(shell, { ...situation, resume: {} })).code).toBe('usage');
});

describe('a preset that is wrong', () => {
  const refused = (text: string): string =>
    errorOf(() => parsePreset('x', [{ path: 'x.yml', text: `title: X\nprogram: x\n${text}` }])).message;

  it('is told of by file, line and key', () => {
    expect(refused('promt: {}')).toBe('x.yml:3:1: unknown key `promt`; did you mean `prompt`?');
    expect(refused('prompt: { by: mail }')).toBe(
      'x.yml:3:15: prompt.by: must be `argument`, `stdin` or `file`, found "mail"',
    );
    expect(refused('events: { Stop: { state: idle } }')).toMatch(
      /^x\.yml:3:26: events\.Stop\.state: must be `starting`/,
    );
    expect(refused('args: ["${tiket}"]')).toBe(
      'x.yml:3:8: args[0]: `${tiket}` is not known here; did you mean `ticket`?',
    );
    expect(refused('args: ["${prompt}"]')).toMatch(/is not known here/);
    expect(refused('screen: [{ match: "(", state: waiting }]')).toMatch(/must be a regular expression/);
    expect(refused('args: [1]')).toMatch(/^x\.yml:3:8: args\[0\]: must be a text/);
  });

  it('writes nothing outside the run’s folder and the ticket’s', () => {
    for (const place of ['/etc/x', '${repo}/x', '${run}/../x', '${run}', 'x']) {
      expect(refused(`files: [{ path: "${place}", text: x }]`)).toMatch(/must begin with/);
    }
  });
});

describe('the person’s own folder', () => {
  const home = mkdtempSync(path.join(tmpdir(), 'stack-presets-'));
  const own = { packageRoot, env: { PATH: process.env.PATH, XDG_CONFIG_HOME: home } };
  const write = (name: string, text: string): void => {
    mkdirSync(path.join(home, 'stack/agents'), { recursive: true });
    writeFileSync(path.join(home, 'stack/agents', `${name}.yml`), text);
  };

  it('lies over what is shipped, and holds others', async () => {
    write('claude', 'args: [--model, best]\n');
    write('mine', 'title: Mine\nprogram: sh\n');
    const claude = await loadAgentPreset('claude', own);
    expect([claude.args, claude.program]).toEqual([['--model', 'best'], 'claude']);
    expect((await requireAgent('mine', own)).name).toBe('mine');
  });

  it('is named where a file in it is wrong', async () => {
    write('bad', 'title: Bad\n');
    const error = await loadAgentPreset('bad', own).catch((one: unknown) => one);
    expect(String(error)).toContain(path.join(home, 'stack/agents/bad.yml'));
  });
});

it('lists what there is for a name that is not known', async () => {
  const error = await loadAgentPreset('clade', places).catch((one: unknown) => one);
  expect(error).toMatchObject({ code: 'not-found', message: 'no agent is called `clade`; did you mean `claude`?' });
  expect((error as StackError).lines.map((line) => line.split(' ')[0])).toEqual(names.toSorted());
  expect((error as StackError).lines).toContain('shell');
});

it('says how an agent is installed that is not', async () => {
  const nowhere = { ...places, env: { ...places.env, PATH: '/nowhere' } };
  await expect(requireAgent('codex', nowhere)).rejects.toMatchObject({
    code: 'process',
    hint: 'install it: `npm install -g @openai/codex`',
  });
});

it('keeps a name within the folders of presets', async () => {
  for (const name of ['../claude', '', '.', 'a/b']) {
    await expect(loadAgentPreset(name, places)).rejects.toMatchObject({ code: 'not-found' });
  }
});

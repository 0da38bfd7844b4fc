import { existsSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PlanTicketView, PlanView } from '../../src/orchestrator/plans/view.ts';
import { addScriptedAgent, hasTmux, withoutTmux } from '../support/agents.ts';
import { expectRefusal } from '../support/refusal.ts';
import { BIN, listProcesses, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const IMPLEMENT = '{ name: implement, agent: scripted }';
const REVIEW = '{ name: review, agent: scripted, reviews: implement, prompt: "do: review front mended\\ndo: exit 0" }';
const FIX =
  '{ name: fix, agent: scripted, fixes: review, prompt: "do: add front mended\\ndo: commit front Mend\\ndo: exit 0" }';
const STAGES = `[${IMPLEMENT}, ${REVIEW}, ${FIX}]`;

/** With a terminal of their own, and without. */
const WAYS = [...(hasTmux ? ['in tmux'] : []), 'without tmux'];

describe('a plan of several tickets', () => {
  let shop: Shop;
  beforeAll(() => {
    shop = makeShop({ env: { STACK_BIN: BIN } });
    shop.configure((text) => text.replaceAll(/, to: \d+/g, ''));
    addScriptedAgent(shop);
  });
  afterEach(async () => {
    await shop.stack(['plan', 'stop']);
    const names = Object.keys(shop.state()?.instances ?? {});
    if (names.length > 0)
      expect(await shop.stack(['destroy', '--force', '--yes', ...names])).toMatchObject({ code: 0 });
    for (const left of ['.stack/plans', '.stack/queue.json', 'go'])
      rmSync(shop.at(left), { recursive: true, force: true });
    expect(shop.git('front', 'worktree', 'list').split('\n')).toHaveLength(1);
  });
  afterAll(() => shop.dispose());

  const status = async (): Promise<PlanView> => JSON.parse((await shop.stack(['plan', 'status', '--json'])).stdout);
  const ticket = async (name: string): Promise<PlanTicketView> =>
    (await status()).tickets.find((one) => one.ticket === name)!;
  const plan = (text: string): void => shop.write('plan.yml', text);
  const task = (text: string): string => `"do: add front ${text}\\ndo: commit front ${text}"`;

  it.each(WAYS)(
    'goes through implement, review, fix and the queue, and through a kill in the middle, %s',
    async (way) => {
      const env: Record<string, string> = way === 'in tmux' ? {} : { PATH: withoutTmux(shop) };
      plan(`name: three
verify: cat front/*.txt
merge: true
stages: ${STAGES}
tickets:
  feat-01: { prompt: ${task('one')} }
  feat-02: { prompt: "do: until ${shop.at('go')}\\ndo: add front two\\ndo: commit front two" }
  feat-03: { after: [feat-01], prompt: ${task('mended')} }
`);
      const begun = shop.start(['plan', 'plan.yml', '--no-start'], { env });
      await until('feat-02 is at work', async () => (await ticket('feat-02')).run?.state === 'working');
      begun.kill('SIGKILL');
      await begun.ended;
      expect(await status()).toMatchObject({ plan: 'three', going: false });
      shop.write('go', '');
      const { stdout } = await shop.stack(['plan', 'resume', '--json'], { env });
      const { tickets, journal } = JSON.parse(stdout) as PlanView;
      expect(tickets).toMatchObject([
        { ticket: 'feat-01', state: 'merged', stage: 'review', attempt: 2 },
        { ticket: 'feat-02', state: 'merged', stage: 'review', attempt: 2 },
        { ticket: 'feat-03', state: 'merged', stage: 'review', attempt: 1, after: ['feat-01'] },
      ]);
      for (const name of ['feat-01', 'feat-02', 'feat-03']) {
        const own = journal
          .filter((event) => event.ticket === name)
          .map(({ event, stage }) => [event, stage].join(' '));
        const sent = name === 'feat-03' ? [] : ['begin fix', 'end fix', 'begin review', 'end review'];
        expect(own.filter((line) => /^(begin|end) /.test(line))).toEqual([
          'begin implement',
          'end implement',
          'begin review',
          'end review',
          ...sent,
        ]);
        expect(shop.git('front', 'show', `main:${name}.txt`)).toContain('mended');
      }
      const [found] = journal.filter(({ findings = [] }) => findings.length > 0);
      expect(found?.findings).toMatchObject([{ severity: 'major', repo: 'front', text: 'mended is missing' }]);
      expect(listProcesses(shop.root)).toEqual([]);
      shop.git('front', 'reset', '--quiet', '--hard', 'main~3');
    },
  );

  it('lets a reviewer have the commits and what the author leaves, and nothing of the author’s', async () => {
    const dumps = [shop.at('author.json'), shop.at('reviewer.json')];
    const review = `do: dump ${dumps[1]}\\ndo: find []\\ndo: exit 0`;
    plan(`stages: [{ name: implement, agent: scripted }, { name: review, agent: scripted, reviews: implement, prompt: "${review}" }]
tickets:
  feat-01: { prompt: "do: dump ${dumps[0]}\\ndo: add front one\\ndo: commit front One\\ndo: stack note left it simple" }
`);
    expect(await shop.stack(['plan', 'plan.yml', '--no-start'])).toMatchObject({ code: 0 });
    const [author, reviewer] = dumps.map((file) => JSON.parse(readFileSync(file, 'utf8')));
    expect(author.env).toMatchObject({ STACK_TICKET: 'feat-01', PORT: expect.anything() });
    expect(reviewer.env).not.toHaveProperty('STACK_TICKET');
    expect(reviewer.env).not.toHaveProperty('PORT');
    expect(reviewer.env.STACK_RUN_DIR).not.toBe(author.env.STACK_RUN_DIR);
    expect(reviewer.cwd).not.toContain('tickets');
    expect(reviewer.script).toMatch(/\$STACK_FINDINGS[\s\S]*do: add front one/);
    expect(readFileSync(`${reviewer.cwd}/HANDOVER.md`, 'utf8')).toMatch(/git -C front diff[\s\S]*left it simple/);
    expect(existsSync(`${reviewer.cwd}/front`)).toBe(false);
  });

  it('lets nothing pass that is not committed', async () => {
    plan(`tickets:
  feat-01: { prompt: "do: add front one", stages: [${IMPLEMENT}, { name: review, agent: scripted, reviews: implement, prompt: "do: find []\\ndo: exit 0" }] }
  feat-02: { prompt: "do: add front two", stages: [${IMPLEMENT}] }
`);
    expect(await shop.stack(['plan', 'plan.yml', '--no-start'])).toMatchObject({ code: 1 });
    for (const name of ['feat-01', 'feat-02']) {
      expect(await ticket(name)).toMatchObject({
        state: 'failed',
        reason: `work is not committed: front: ${name}.txt`,
        hint: expect.stringMatching(new RegExp(`stack commit ${name} -a -m .*stack plan retry ${name}`)),
      });
      shop.git(`tickets/${name}/front`, 'add', '.');
      expect(await shop.stack(['commit', name, '-a', '-m', 'Add it'])).toMatchObject({ code: 0 });
    }
    expect(await shop.stack(['plan', 'retry'])).toMatchObject({ code: 0 });
    const { journal, tickets } = await status();
    expect(tickets).toMatchObject([{ state: 'done' }, { state: 'done' }]);
    const begun = journal.flatMap(({ event, stage }) => (event === 'begin' ? [stage] : []));
    expect(begun.sort()).toEqual(['implement', 'implement', 'review']);
  });

  it('takes what is stopped out of the queue, and merges it once it goes on', async () => {
    plan(`merge: true
verify: "touch ${shop.at('go')}; sleep 1000"
tickets: { feat-01: { prompt: ${task('one')}, stages: [${IMPLEMENT}] } }
`);
    const queue = async () => JSON.parse((await shop.stack(['queue', 'list', '--json'])).stdout).queue;
    const begun = shop.start(['plan', 'plan.yml', '--no-start']);
    await until('it is verified', () => existsSync(shop.at('go')));
    const before = readFileSync(shop.at('.stack/plans/plan/plan.json'), 'utf8');
    shop.write('plan.yml', readFileSync(shop.at('plan.yml'), 'utf8').replace('merge: true', 'merge: false'));
    for (const words of [['plan.yml'], ['resume']])
      expect(await shop.stack(['plan', ...words])).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/another command goes on with the plan plan.*\nhint: `stack plan status`/),
      });
    expect(readFileSync(shop.at('.stack/plans/plan/plan.json'), 'utf8')).toBe(before);
    expect(await shop.stack(['plan', 'stop', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await queue()).toEqual([]);
    expect(await begun.ended).toMatchObject({ code: 4 });
    expect(await ticket('feat-01')).toMatchObject({ state: 'waiting', reason: 'it was stopped' });
    expect(shop.git('front', 'ls-tree', '--name-only', 'main')).not.toContain('feat-01.txt');
    expect(await shop.stack(['merge', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['plan', 'resume'])).toMatchObject({ code: 0 });
    expect(await ticket('feat-01')).toMatchObject({ state: 'merged' });
    shop.git('front', 'reset', '--quiet', '--hard', 'main~1');
  });

  it('tells of a ticket that was destroyed at work, and leaves nothing of its reviews', async () => {
    const review = `{ name: review, agent: scripted, reviews: implement, prompt: "do: until ${shop.at('go')}" }`;
    plan(`name: gone\ntickets: { feat-01: { prompt: ${task('one')}, stages: [${IMPLEMENT}, ${review}] } }`);
    const begun = shop.start(['plan', 'plan.yml', '--no-start']);
    await until('it is reviewed', async () => (await ticket('feat-01')).run?.name === 'review-1');
    expect(await shop.stack(['destroy', 'feat-01', '--force', '--yes'])).toMatchObject({ code: 0 });
    expect(await begun.ended).toMatchObject({ code: 1 });
    const [{ state, reason }] = (await status()).tickets as [PlanTicketView];
    expect({ state, reason }).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/^feat-01 was destroyed/),
    });
    expect((await status()).journal.some(({ event, stage }) => event === 'end' && stage === 'review')).toBe(false);
    expect(existsSync(shop.at('.stack/plans/gone/reviews/feat-01'))).toBe(false);
  });

  it('has its tickets’ names for itself until it is through with them', async () => {
    const stages = `stages: [{ name: test, run: "test -e ${shop.at('go')}" }]`;
    plan(`name: one\ntickets: { feat-01: { ${stages} }, feat-02: { after: [feat-01], ${stages} } }`);
    expect(await shop.stack(['plan', 'plan.yml', '--no-start'])).toMatchObject({ code: 1 });
    plan(`name: two\ntickets: { feat-02: { ${stages} } }`);
    await expectRefusal(shop, ['plan', 'plan.yml'], {
      code: 'exists',
      message: /^feat-02 is a ticket of the plan one, which is not through with it$/,
      hint: /stack plan stop --plan one feat-02/,
    });
    expect(existsSync(shop.at('.stack/plans/two/plan.json'))).toBe(false);
  });

  it('stops where a review finds the same twice, and waits for a person with what was found', async () => {
    const found = '[{\\"severity\\":\\"major\\",\\"repo\\":\\"front\\",\\"text\\":\\"too slow\\"}]';
    plan(`tickets:
  feat-01:
    prompt: ${task('one')}
    stages:
      - ${IMPLEMENT}
      - { name: review, agent: scripted, reviews: implement, retries: 5, prompt: "do: find ${found}\\ndo: exit 0" }
      - approve
`);
    const end = await shop.stack(['plan', 'plan.yml', '--no-start']);
    expect(end.code).toBe(4);
    expect(end.stdout).toMatch(
      /^! feat-01: the review has found the same twice: 1 finding; `stack plan retry feat-01`/m,
    );
    expect(end.stdout).toMatch(/^ +major front: too slow$/m);
    expect(await ticket('feat-01')).toMatchObject({ state: 'waiting', stage: 'review', attempt: 2 });
    const passed = await shop.stack(['plan', 'resume', 'feat-01']);
    expect(passed).toMatchObject({ code: 4, stdout: expect.stringMatching(/it waits for you to approve it/) });
    expect(await shop.stack(['plan', 'resume', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await ticket('feat-01')).toMatchObject({ state: 'done' });
    await expectRefusal(shop, ['plan', 'retry', 'feat-01'], {
      code: 'usage',
      message: /^feat-01 is done: there is nothing to retry$/,
      hint: /plan status/,
    });
  });

  it('is stopped and goes on, tries again what has failed, and adds up what agents cost', async () => {
    const cost = 'do: event turn {\\"usd\\":0.5,\\"input\\":10,\\"output\\":2}';
    plan(`max: 1
tickets:
  feat-01: { agent: scripted, prompt: "${cost}\\ndo: until ${shop.at('go')}" }
  feat-02: { stages: [{ name: test, run: "test -e ${shop.at('go')}" }] }
`);
    const begun = shop.start(['plan', 'plan.yml', '--no-start']);
    await until('feat-01 is at work', async () => (await ticket('feat-01')).run?.state === 'working');
    await expectRefusal(shop, ['destroy', 'feat-01'], { code: 'conflict', message: /in somebody’s way/, hint: /./ });
    expect(await shop.stack(['plan', 'stop', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await begun.ended).toMatchObject({ code: 1 });
    const stopped = await status();
    expect(stopped.tickets).toMatchObject([
      { ticket: 'feat-01', state: 'waiting', reason: 'it was stopped', run: null },
      { ticket: 'feat-02', state: 'failed', reason: 'test-1: it ended with exit code 1' },
    ]);
    shop.write('go', '');
    await shop.stack(['plan', 'resume']);
    expect(await ticket('feat-01')).toMatchObject({
      state: 'done',
      attempt: 2,
      cost: { usd: 1, input: 20, output: 4 },
    });
    expect(await shop.stack(['plan', 'retry', '-d'])).toMatchObject({ code: 0 });
    await until('feat-02 is done', async () => (await ticket('feat-02')).state === 'done');
  });

  it('is refused in one line where it cannot be right', async () => {
    const refuse = (text: string, message: RegExp, hint: RegExp | undefined) => {
      plan(text);
      return expectRefusal(shop, ['plan', 'plan.yml'], { code: 'config', message, hint });
    };
    await refuse(
      'agent: scripted\ntickets: { a: { prompt: x, after: [b] }, b: { prompt: x, after: [a] } }',
      ...[/^plan\.yml:2:.*they would wait for each other: a after b after a$/, undefined],
    );
    await refuse('tickets: { a: { agent: scripted } }', /^plan\.yml:1:.* a has no task/, /prompt_file/);
    await refuse('tickets: { a: { prompt: x, agnet: scripted } }', /unknown key `agnet`/, /agent/);
    await expectRefusal(shop, ['plan', 'sttus'], {
      code: 'usage',
      message: /there is no file .*sttus/,
      hint: /plan --help/,
    });
    await expectRefusal(shop, ['plan', 'status'], { code: 'not-found', message: /^there is no plan$/, hint: /FILE/ });
  });

  it.each([
    ['agent: scriptd', /^plan\.yml:3:.*no agent is called `scriptd`; did you mean `scripted`/, /NAME\.yml/],
    ['from: { apii: main }', /^plan\.yml:3:.*from\.apii: stack\.yml has no repo "apii"$/, /did you mean api/],
    ['with: [apii]', /^plan\.yml:3:.*with\[0\]: stack\.yml has no repo "apii"$/, /did you mean api/],
    ['touches: ["frnt/**"]', /^plan\.yml:3:.*touches\[0\]: stack\.yml has no repo "frnt"$/, /did you mean front/],
    ['own: [pg]', /^plan\.yml:3:.*own\[0\]: a ticket can have its own .*postgres/, /told apart/],
  ])('is refused for what it names and nobody knows, before anything is made: %s', async (line, message, hint) => {
    plan(`tickets:\n  a: { prompt: x, agent: scripted }\n  b: { agent: scripted, prompt: x, ${line} }\n`);
    if (line.startsWith('agent')) plan(`tickets:\n  a: { prompt: x, agent: scripted }\n  b: { prompt: x, ${line} }\n`);
    await expectRefusal(shop, ['plan', 'plan.yml'], { code: 'config', message, hint });
    await expectRefusal(shop, ['plan', 'check', 'plan.yml'], { code: 'config', message, hint });
  });

  it('is refused for a document that is not there, before anything is made', async () => {
    plan('context:\n  - stack.yml\n  - docs/none.md\nagent: scripted\ntickets: { a: { prompt: x } }');
    for (const args of [
      ['plan', 'plan.yml'],
      ['plan', 'check', 'plan.yml'],
    ])
      await expectRefusal(shop, args, {
        ...{ code: 'config', message: /^plan\.yml:3:5: context: there is no file .*docs\/none\.md$/, hint: /path/ },
      });
  });

  it('is asked about with all that agents are told', async () => {
    const stages = '[{ name: implement, agent: scripted, prompt: be quick }]';
    plan(`name: told\ncontext: [docs/x.md]\ntickets: { a: { prompt: do the task, stages: ${stages} } }`);
    shop.write('docs/x.md', 'harmless\n');
    shop.git('.', 'init', '--quiet');
    shop.git('.', 'add', 'docs/x.md');
    const ask = async (): Promise<string> => {
      const refused = await shop.stack(['plan', 'plan.yml']);
      expect(refused.code).toBe(4);
      return refused.stderr;
    };
    const asked = await ask();
    expect(asked).toMatch(/docs\/x\.md came with git/);
    for (const line of ['a implement: scripted: be quick', 'a implement: scripted: do the task', 'context: docs/x.md'])
      expect(asked).toContain(line);
    rmSync(shop.at('.git'), { recursive: true });
  });

  it('is asked about where it came with git', async () => {
    plan('name: foreign\ntickets: { a: { stages: [{ name: t, run: touch hacked }] } }');
    shop.git('.', 'init', '--quiet');
    shop.git('.', 'add', 'plan.yml');
    const refused = await shop.stack(['plan', 'plan.yml']);
    expect(refused).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/plan\.yml came with git[\s\S]*a t: touch hacked/),
    });
    expect(shop.state()?.instances ?? {}).toEqual({});
    rmSync(shop.at('.git'), { recursive: true });
  });
});

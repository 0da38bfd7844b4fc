import { describe, expect, it } from 'vitest';
import type { StackError } from '../../src/domain/errors.ts';
import { parseFigures } from '../../src/domain/plans/figures.ts';
import { areSame, type Finding, parseFindings } from '../../src/domain/plans/findings.ts';
import { type PlanEvent, parseJournal } from '../../src/domain/plans/journal.ts';
import { listStartable } from '../../src/domain/plans/order.ts';
import { parsePlan } from '../../src/domain/plans/parse-plan.ts';
import { readStanding } from '../../src/domain/plans/standing.ts';
import { judgeTogether } from '../../src/domain/plans/together.ts';
import { findOverlaps, mayMeet } from '../../src/domain/plans/touches.ts';

const parse = (text: string) => parsePlan({ path: 'tasks.yml', text });
const fails = (text: string): string => {
  try {
    parse(text);
    return '';
  } catch (error) {
    return [(error as StackError).message, ...(error as StackError).lines].join('\n');
  }
};
const event = (word: string, more: Partial<PlanEvent> = {}): PlanEvent => ({
  ...{ at: '2026-01-01T00:00:00.000Z', ticket: 'a', ...more },
  event: word as PlanEvent['event'],
});
const found = (text: string): Finding => ({ severity: 'major', repo: 'api', path: 'a.ts', line: 1, text });

describe('the file of a plan', () => {
  it('stands for tickets with their stages', () => {
    const plan = parse('{ agent: x, stages: [implement, review, fix, approve], tickets: { feat/a: { prompt: do } } }');
    expect(plan).toMatchObject({
      name: 'tasks',
      max: 3,
      tickets: [{ ticket: 'feat-a', argument: 'feat/a', merge: false }],
    });
    expect(plan.tickets[0]?.stages).toEqual([
      { name: 'implement', agent: 'x', retries: 2 },
      { name: 'review', agent: 'x', reviews: 'implement', retries: 2 },
      { name: 'fix', agent: 'x', fixes: 'review', retries: 2 },
      { name: 'approve', retries: 2 },
    ]);
    expect(parse('{ agent: x, tickets: { a: { prompt: do } } }').tickets[0]?.stages).toMatchObject([
      { name: 'implement' },
    ]);
  });

  it.each([
    ['', /the plan is empty|tickets/],
    ['{ agent: x, tickets: {} }', /a plan has a ticket at least/],
    ['{ tickets: { a: { prompt: x } } }', /tasks\.yml:1:\d+: .*nobody works in the stage implement/],
    ['{ agent: x, tickets: { a: {} } }', /a has no task/],
    ['{ agent: x, tickets: { a: { prompt: x, prompt_file: y } } }', /exclude each other/],
    ['{ agent: x, tickets: { a: { prompt: x, after: [b] } } }', /the plan has no ticket b/],
    ['{ agent: x, tickets: { a: { prompt: x, after: [b] }, b: { prompt: x, after: [a] } } }', /a after b after a/],
    ['{ agent: x, tickets: { a: { prompt: x, after: [a] } } }', /a after a/],
    ['{ agent: x, tickets: { A: { prompt: x }, a: { prompt: x } } }', /one name to a disk/],
    ['{ agent: x, tickets: { "a b": { prompt: x } } }', /not a ticket name/],
    ['{ agent: x, max: 0, tickets: { a: { prompt: x } } }', /max.* a number from 1 to 64/],
    ['{ agent: x, stages: [review], tickets: { a: { prompt: x } } }', /review has no stage before it/],
    ['{ agent: x, stages: [implement, implement], tickets: { a: { prompt: x } } }', /two stages are called implement/],
    [
      '{ agent: x, stages: [implement, fix], tickets: { a: { prompt: x } } }',
      /fixes what implement finds, which is no review/,
    ],
    [
      '{ agent: x, stages: [implement, { name: r, reviews: implemen }], tickets: { a: { prompt: x } } }',
      /r is about implemen,.*implement/,
    ],
    ['{ stages: [{ name: t, run: a, agent: b }], tickets: { a: {} } }', /`run` and `agent`/],
    [
      '{ agent: x, tickets: { a: { prompt: x, touchs: [a] } } }',
      /unknown key `touchs`, did you mean touches|unknown key `touchs`/,
    ],
  ])('is refused where it cannot be right: %s', (text, message) => {
    expect(fails(text)).toMatch(message);
  });
});

describe('how far a ticket of a plan is', () => {
  const { tickets } = parse('{ agent: x, stages: [implement, review, fix, approve], tickets: { a: { prompt: do } } }');
  const [ticket] = tickets;
  const standing = (...events: PlanEvent[]) => readStanding(ticket!, events);
  const made = [event('create'), event('created', { madeAt: 'now' })];
  const stage = (name: string, attempt = 1, more: Partial<PlanEvent> = {}): PlanEvent[] => [
    event('begin', { stage: name, attempt }),
    event('end', { stage: name, attempt, outcome: 'done', ...more }),
  ];
  const reviewed = (attempt: number, ...findings: Finding[]) => stage('review', attempt, { findings });

  it('follows from its events alone', () => {
    expect(standing()).toMatchObject({ state: 'blocked', stage: null, next: { do: 'create' } });
    expect(standing(event('create'))).toMatchObject({ state: 'running', next: { do: 'create' } });
    expect(standing(...made)).toMatchObject({
      madeAt: 'now',
      next: { do: 'begin', attempt: 1, stage: { name: 'implement' } },
    });
    expect(standing(...made, event('begin', { stage: 'implement', attempt: 1 }))).toMatchObject({
      next: { do: 'watch' },
    });
    expect(standing(...made, ...stage('implement'))).toMatchObject({
      next: { do: 'begin', stage: { name: 'review' } },
    });
    const passed = [...made, ...stage('implement'), ...reviewed(1)];
    expect(standing(...passed)).toMatchObject({ state: 'waiting', stage: 'approve', next: { why: 'approve' } });
    const ended = [...passed, event('pass', { stage: 'approve' })];
    expect(standing(...ended)).toMatchObject({ state: 'running', isThrough: false, next: { do: 'finish' } });
    expect(standing(...ended, event('done'))).toMatchObject({ state: 'done', isThrough: true, next: { why: 'end' } });
  });

  it('is through once the queue has it, and is not while it cannot be handed on', () => {
    const ended = [...made, ...stage('implement'), ...reviewed(1), event('pass', { stage: 'approve' })];
    const failed = [...ended, event('fail', { stage: 'approve', reason: 'nothing to merge' })];
    expect(standing(...failed)).toMatchObject({ state: 'failed', isThrough: false });
    const again = [...failed, event('retry', { stage: 'approve' })];
    expect(standing(...again)).toMatchObject({ isThrough: false, next: { do: 'finish' } });
    const queued = [...again, event('queue')];
    expect(standing(...queued)).toMatchObject({ state: 'queued', isThrough: true, next: { do: 'merge' } });
    const out = [...queued, event('out'), event('stop'), event('out')];
    expect(standing(...out)).toMatchObject({ state: 'waiting', next: { why: 'stopped' } });
    expect(standing(...out, event('merged'))).toMatchObject({ state: 'merged', next: { why: 'end' } });
    expect(standing(...queued, event('retry'), event('fail'))).toMatchObject({ isThrough: false });
  });

  it('goes back with what a review has found, as often as it may', () => {
    const sent = [...made, ...stage('implement'), ...reviewed(1, found('one'))];
    expect(standing(...sent)).toMatchObject({
      next: { do: 'begin', stage: { name: 'fix' } },
      findings: [{ text: 'one' }],
    });
    const again = [...sent, ...stage('fix'), ...reviewed(2, found('two')), ...stage('fix', 2)];
    expect(standing(...again)).toMatchObject({ next: { do: 'begin', attempt: 3, stage: { name: 'review' } } });
    const over = [...again, ...reviewed(3, found('three'))];
    expect(standing(...over)).toMatchObject({
      state: 'waiting',
      reason: '1 finding after 2 ways back',
      next: { why: 'findings' },
    });
    expect(standing(...over, event('retry', { stage: 'review' }))).toMatchObject({
      next: { stage: { name: 'fix' }, attempt: 3 },
    });
    expect(standing(...over, event('pass', { stage: 'review' }))).toMatchObject({ stage: 'approve' });
  });

  it('waits where a review finds the same twice, whatever the line and the order', () => {
    const one = [found('x'), { ...found('y'), line: 4 }];
    const other = [{ ...found('y'), line: 9 }, found('x ')];
    const same = [...made, ...stage('implement'), ...reviewed(1, ...one), ...stage('fix'), ...reviewed(2, ...other)];
    expect(standing(...same)).toMatchObject({
      state: 'waiting',
      reason: 'the review has found the same twice: 2 findings',
    });
    expect(areSame(one, [found('x')])).toBe(false);
  });

  it('is not sent back by what is minor', () => {
    const minor = [...made, ...stage('implement'), ...reviewed(1, { severity: 'minor', text: 'name' })];
    expect(standing(...minor)).toMatchObject({ stage: 'approve', findings: [{ text: 'name' }] });
  });

  it('stays stopped, whatever its driver writes yet, and begins that stage once more', () => {
    const stopped = [
      ...made,
      event('begin', { stage: 'implement', attempt: 1 }),
      event('stop', { reason: 'it was stopped' }),
    ];
    const late = [...stopped, event('end', { stage: 'implement', attempt: 1, outcome: 'failed' })];
    expect(standing(...late)).toMatchObject({ state: 'waiting', next: { why: 'stopped' } });
    const gone = [...late, event('go', { stage: 'implement' })];
    expect(standing(...gone)).toMatchObject({ next: { do: 'begin', attempt: 2 } });
    const later = [...gone, event('end', { stage: 'implement', attempt: 1, outcome: 'failed' })];
    expect(standing(...later)).toMatchObject({ state: 'running', next: { do: 'begin', attempt: 2 } });
    const early = [event('create'), event('stop'), event('created', { madeAt: 'now' }), event('go')];
    expect(standing(...early)).toMatchObject({ next: { do: 'begin', stage: { name: 'implement' } } });
    expect(standing(event('create'), event('stop'), event('go'))).toMatchObject({ next: { do: 'create' } });
  });

  it('is blocked while there is no room, and goes on where it was', () => {
    const begun = [...made, event('begin', { stage: 'implement', attempt: 1 })];
    const full = event('room', { reason: '2 agents live', hint: 'wait' });
    expect(standing(...begun, full)).toMatchObject({
      ...{ state: 'blocked', reason: '2 agents live', hint: 'wait' },
      next: { do: 'watch', attempt: 1 },
    });
    expect(standing(...begun, full, event('room'))).toMatchObject({ state: 'running', next: { do: 'watch' } });
    expect(standing(event('create'), full)).toMatchObject({ state: 'blocked', next: { do: 'create' } });
  });

  it('is read from lines, of which one that was cut off is none', () => {
    const [one, two] = [event('create'), event('created', { madeAt: 'now' })].map((line) => JSON.stringify(line));
    expect(parseJournal(`${one}\n${two?.slice(0, 20)}\n${two}\n`)).toHaveLength(2);
  });
});

describe('the order of a plan', () => {
  it('starts what may start, at most so many, what was begun first', () => {
    const plan = parse(
      '{ agent: x, max: 2, tickets: { a: { prompt: x, after: [b] }, b: { prompt: x }, c: { prompt: x }, d: { prompt: x } } }',
    );
    const startable = (events: PlanEvent[], busy: string[] = []) =>
      listStartable(plan, new Map(plan.tickets.map((one) => [one.ticket, readStanding(one, events)])), new Set(busy));
    expect(startable([])).toEqual(['b', 'c']);
    expect(startable([event('create', { ticket: 'd' }), event('created', { ticket: 'd' })])).toEqual(['d', 'b']);
    expect(startable([], ['b'])).toEqual(['c']);
    const done = ['create', 'created'].map((word) => event(word, { ticket: 'b' }));
    const end = event('end', { ticket: 'b', stage: 'implement', outcome: 'done' });
    expect(startable([...done, end])).toEqual(['b', 'c']);
    expect(startable([...done, end, event('done', { ticket: 'b' })])).toEqual(['a', 'c']);
  });

  it('knows which tickets touch the same', () => {
    const plan = parse(
      '{ agent: x, tickets: { a: { prompt: x, touches: ["api/src/**"] }, b: { prompt: x, touches: [api/src/b.ts] }, c: { prompt: x, after: [a], touches: [api/] } } }',
    );
    expect(findOverlaps(plan).map(({ tickets }) => tickets)).toEqual([
      ['a', 'b'],
      ['b', 'c'],
    ]);
  });

  it('is looked through for them once a ticket, however many ways lead from one to another', () => {
    const all = [0, 1, 2, 3];
    const lines = Array.from({ length: 20 }, (_, layer) =>
      all.map((one) => {
        const after = layer === 0 ? [] : all.map((other) => `t${layer - 1}-${other}`);
        return `t${layer}-${one}: { prompt: x, touches: [api/a.ts], after: [${after.join(', ')}] }`;
      }),
    );
    const plan = parse(`{ agent: x, tickets: { ${lines.flat().join(', ')} } }`);
    // The four of a layer are side by side: six pairs.
    expect(findOverlaps(plan)).toHaveLength(20 * 6);
  });

  it.each([
    ['api/**', 'api/src/a.ts', true],
    ['api/*.ts', 'api/a.*', true],
    ['api/*.ts', 'api/*.js', false],
    ['**/a.ts', 'front/**', true],
    ['front/**', 'api/**', false],
    ['api/src/', 'api/src/x/y', true],
    ['api/{a,b}.ts', 'api/c.ts', true],
    ['api/?.ts', 'api/ab.ts', false],
  ])('compares %s and %s', (one, other, meets) => {
    expect([mayMeet(one, other), mayMeet(other, one)]).toEqual([meets, meets]);
  });

  it('knows what usually changes together', () => {
    const is = (name: string) => (file: string) => file === name;
    const commits = [['a', 'b'], ['a', 'b', 'c'], ['a'], ['c']];
    expect(judgeTogether(commits, is('a'), is('b'))).toEqual({ one: 3, other: 2, both: 2, usual: true });
    expect(judgeTogether(commits, is('a'), is('c'))).toMatchObject({ both: 1, usual: false });
  });
});

describe('findings', () => {
  it.each([
    ['nonsense', /not a list/],
    ['{}', /not a list/],
    ['[{ "severity": "bad", "text": "x" }]', /finding 1 is none: `severity`/],
    ['[{ "severity": "major", "text": "" }]', /`text`/],
  ])('that are none are told: %s', (text, message) => {
    expect(parseFindings(text)).toMatchObject({ problem: expect.stringMatching(message) });
  });

  it('may leave out where they are', () => {
    expect(parseFindings('[{ "severity": "minor", "text": "x", "line": null, "more": 1 }]')).toEqual([
      { severity: 'minor', text: 'x' },
    ]);
  });
});

describe('figures', () => {
  it('are lines of a name and a number, and the last object in JSON', () => {
    const lines = ['building 3 files', 'bundle: 120 kB', 'tests = 42', '{"passed":40,"name":"x"}', 'done'];
    expect(parseFigures(lines)).toEqual({ passed: '40', bundle: '120 kB', tests: '42' });
  });
});

import { describe, expect, it } from 'vitest';
import {
  judgeRun,
  parseEvents,
  type RunFacts,
  readNote,
  renderEvent,
  type Sign,
  sumCosts,
} from '../../../src/domain/runs/state.ts';

const MINUTE = 60_000;
const START = 1_000_000_000_000;

function judge(facts: Partial<RunFacts>) {
  const base = { startedAt: START, now: START + MINUTE, life: 'alive', signs: [], quietAfter: 5 * MINUTE } as const;
  return judgeRun({ ...base, ...facts });
}

const hook = (seconds: number, more: Partial<Sign>): Sign => ({ at: START + seconds * 1000, source: 'hook', ...more });
const note = (seconds: number, more: Partial<Sign>): Sign => ({ at: START + seconds * 1000, source: 'note', ...more });

describe('what an agent does', () => {
  it('tells silence, waiting, a task in the background and done apart', () => {
    const now = START + 20 * MINUTE;
    const works = hook(1, { state: 'working' });
    expect(judge({ now, signs: [works] })).toMatchObject({ state: 'quiet', since: START + 1000 });
    expect(judge({ now, signs: [works], printedAt: now - MINUTE })).toMatchObject({
      state: 'working',
      since: START + 1000,
    });
    expect(judge({ now, signs: [works, hook(2, { state: 'waiting', text: 'which table?' })] })).toEqual({
      ...{ state: 'waiting', since: START + 2000, source: 'hook', text: 'which table?' },
    });
    const soon = START + MINUTE;
    const behind = hook(2, { state: 'done', background: 1 });
    expect(judge({ now: soon, signs: [works, behind] })).toMatchObject({
      state: 'working',
      text: '1 in the background',
    });
    expect(judge({ now, signs: [works, behind, hook(90, { state: 'done', background: 0 })] })).toMatchObject({
      ...{ state: 'done', since: START + 90_000 },
    });
  });

  it('never takes what is printed for the end of a wait, and silence without any sign for nothing', () => {
    const now = START + 20 * MINUTE;
    expect(judge({ now, signs: [note(1, { state: 'waiting' })], printedAt: now })).toMatchObject({ state: 'waiting' });
    expect(judge({ now })).toMatchObject({ state: 'working', since: START, source: 'system' });
    expect(judge({ now, printedAt: START })).toMatchObject({ state: 'quiet', since: START, source: 'output' });
  });

  it('takes a question on the screen for one, and nothing there for an end', () => {
    const signs = [hook(1, { state: 'working' })];
    const printedAt = START + 5000;
    const shown = { state: 'waiting', text: 'trust' } as const;
    expect(judge({ signs, printedAt, shown })).toMatchObject({
      state: 'waiting',
      since: printedAt,
      source: 'output',
      text: 'trust',
    });
    expect(judge({ signs: [hook(1, { state: 'done' })], printedAt, shown })).toMatchObject({ state: 'done' });
  });

  it('waits with the question that it noted, also once its hooks tell of the end of the turn', () => {
    const asked = [
      hook(1, { state: 'working' }),
      note(2, { state: 'waiting', text: 'which table?' }),
      hook(3, { state: 'working' }),
      hook(4, { state: 'done', text: 'I have asked.' }),
    ];
    expect(judge({ signs: asked })).toMatchObject({ state: 'waiting', source: 'note', text: 'which table?' });
    const answered = [...asked, hook(5, { state: 'working' }), hook(6, { state: 'done' })];
    expect(judge({ signs: answered })).toMatchObject({ state: 'done', since: START + 6000 });
  });

  it('takes later output for the next task of one that tells the end of a turn alone', () => {
    const signs = [hook(1, { state: 'done', text: 'all green' }), hook(20, { state: 'done' })];
    const printed = (seconds: number, endsAlone: boolean) =>
      judge({ now: START + MINUTE, signs, printedAt: START + seconds * 1000, endsAlone });
    expect(printed(21, true)).toMatchObject({ state: 'done', since: START + 20_000, source: 'hook' });
    expect(printed(50, true)).toMatchObject({ state: 'working', since: START + 50_000, source: 'output' });
    expect(printed(50, false)).toMatchObject({ state: 'done' });
    const noted = [note(1, { state: 'done' })];
    expect(judge({ signs: noted, printedAt: START + 50_000, endsAlone: true })).toMatchObject({ state: 'done' });
  });

  it('waits for the first word where it was begun without a task, and does not start for ever', () => {
    const signs = [hook(1, { state: 'starting' })];
    expect(judge({ signs, isIdle: true })).toMatchObject({ state: 'waiting', since: START + 1000 });
    expect(judge({ signs })).toMatchObject({ state: 'starting' });
    expect(judge({ signs, now: START + 20 * MINUTE })).toMatchObject({ state: 'quiet' });
    const shown = { state: 'waiting', text: 'trust' } as const;
    expect(judge({ signs, printedAt: START + 5000, shown })).toMatchObject({ state: 'waiting', text: 'trust' });
  });

  it('says how it ended, whatever it said before', () => {
    const signs = [note(1, { state: 'waiting', text: 'well?' })];
    const end = { at: START + 9000, code: 3 };
    expect(judge({ life: 'gone', signs, end })).toEqual({
      state: 'exited',
      since: end.at,
      source: 'exit code',
      text: 'well?',
    });
    expect(judge({ life: 'gone', signs, end: { ...end, code: null } })).toMatchObject({
      state: 'exited',
      source: 'system',
    });
    expect(judge({ life: 'unknown', signs })).toMatchObject({ state: 'unknown', source: 'tmux' });
    expect(judge({ life: 'coming' })).toMatchObject({ state: 'starting' });
  });
});

describe('events', () => {
  it('are read back as they were written, and what is no event is left out', () => {
    const event = { name: 'note', at: 1_700_000_000.5, payload: '{"status":"done","text":"a\\nb"}' };
    expect(parseEvents(`${renderEvent(event)}garbage\n17 x\n1700000001 Stop {"a":1}\n1700000002 Half {"a`)).toEqual([
      event,
      { name: 'Stop', at: 1_700_000_001, payload: '{"a":1}' },
    ]);
    expect(readNote(event)).toEqual({ state: 'done', text: 'a\nb', background: 0 });
    expect(readNote({ ...event, payload: '{"status":"exited","text":7}' })).toEqual({});
    expect(readNote({ ...event, name: 'Stop' })).toBeUndefined();
  });

  it('keep a payload with every other end of a line in it', () => {
    const event = { name: 'Stop', at: 1_700_000_000, payload: '{"text":"a\u2028b\u2029c\rd"}' };
    expect(parseEvents(renderEvent(event))).toEqual([event]);
  });

  it('add up what turns cost', () => {
    expect(sumCosts([{}])).toBeUndefined();
    expect(
      sumCosts([{ cost: { of: 'turn', usd: 1, input: 10 } }, { cost: { of: 'turn', input: 5, output: 2 } }]),
    ).toEqual({
      ...{ usd: 1, input: 15, output: 2 },
    });
    expect(sumCosts([{ cost: { of: 'turn', usd: 1 } }, { cost: { of: 'run', usd: 3 } }])).toEqual({
      usd: 3,
      input: null,
      output: null,
    });
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { StackEvent } from '../../../src/domain/events.ts';
import { createReporter, type ReporterOptions } from '../../../src/ui/reporter.ts';
import { createFakeTerminal } from './fake-terminal.ts';

const FRONT = { id: 'worktree front', subject: 'front', title: 'worktree from feat/ui' };
const API = { id: 'setup api', subject: 'api', title: 'setup: npm ci' };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open(options: Partial<ReporterOptions> = {}, columns?: number) {
  const terminal = createFakeTerminal(columns);
  const reporter = createReporter({ mode: 'human', stream: terminal.stream, isTty: false, color: false, ...options });
  return { ...terminal, ...reporter };
}

async function openTerminal(columns?: number) {
  // The first import is slow; the fake clock must not wait for it.
  await import('../../../src/ui/live.ts');
  return open({ isTty: true }, columns);
}

const started = (step: typeof FRONT): StackEvent => ({ type: 'step-started', ...step });
const done = (step: typeof FRONT, ms = 310, outcome: 'made' | 'kept' | 'undone' = 'made'): StackEvent => ({
  type: 'step-done',
  ...step,
  outcome,
  ms,
});

describe('without a terminal', () => {
  it('prints one line a finished step, subjects in a column', () => {
    const { emit, end, raw } = open();
    emit(started(FRONT));
    emit(started(API));
    emit({ type: 'step-note', id: API.id, text: 'added 12 packages' });
    emit(done(FRONT));
    emit(done(API, 64_000));
    end();
    expect(raw()).toBe('✓ front  worktree from feat/ui  0.31s\n✓ api    setup: npm ci  1m 04s\n');
  });

  it('says what failed, what is undone, why something is changed and what is worth a warning', () => {
    const { emit, end, raw } = open();
    emit(done(FRONT));
    emit({ type: 'step-failed', ...API, message: 'npm ci ended with 1', ms: 2100 });
    emit({ type: 'unwinding' });
    emit(done(FRONT, 20, 'undone'));
    emit({ type: 'step-done', ...API, outcome: 'changed', reason: 'changed: env', ms: 10 });
    emit({ type: 'warning', text: 'origin cannot be reached' });
    emit({ type: 'info', text: 'no Redis in stack.yml' });
    end();
    expect(raw().split('\n')).toEqual([
      '✓ front  worktree from feat/ui  0.31s',
      '✗ api    setup: npm ci: npm ci ended with 1  2.10s',
      'undoing what was begun',
      '- front  worktree from feat/ui  0.02s',
      '✓ api    setup: npm ci (changed: env)  0.01s',
      '! origin cannot be reached',
      'no Redis in stack.yml',
      '',
    ]);
  });

  it.each(['human', 'silent'] as const)('says a warning once, however often it is true (%s)', (mode) => {
    const { emit, raw } = open({ mode });
    for (const text of ['its `image:` is not used', 'a port is taken', 'its `image:` is not used'])
      emit({ type: 'warning', text });
    expect(raw()).toBe('! its `image:` is not used\n! a port is taken\n');
  });

  it('leaves out what was there before, beside steps that did something', () => {
    const { emit, end, raw } = open();
    emit(done(API, 1, 'kept'));
    emit(done(FRONT));
    end();
    expect(raw()).toBe('✓ front  worktree from feat/ui  0.31s\n');
  });

  it('says nothing of that where the command failed', () => {
    const { emit, end, raw } = open();
    emit(done(API, 1, 'kept'));
    end({ failed: true });
    end();
    expect(raw()).toBe('');
  });

  it('says once that there was nothing to do when everything was there before', () => {
    const { emit, end, raw } = open();
    emit(done(API, 1, 'kept'));
    emit(done(FRONT, 1, 'kept'));
    end();
    end();
    expect(raw()).toBe('✓ nothing to do: everything is as it should be\n');
  });

  it('prints nothing when there were no steps', () => {
    const { end, raw } = open();
    end();
    expect(raw()).toBe('');
  });

  it('gives signs of life of a long step, with its last note, less and less often', () => {
    const { emit, end, raw } = open();
    emit(started(API));
    vi.advanceTimersByTime(4_000);
    expect(raw()).toBe('');
    vi.advanceTimersByTime(2_000);
    emit({ type: 'step-note', id: API.id, text: 'fetching 3/9' });
    vi.advanceTimersByTime(24_000);
    emit(done(API, 30_000));
    end();
    expect(raw().split('\n')).toEqual([
      '… api  still: setup: npm ci  5s',
      '… api  still: setup: npm ci (fetching 3/9)  10s',
      '… api  still: setup: npm ci (fetching 3/9)  20s',
      '✓ api  setup: npm ci  30.0s',
      '',
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not cut lines, since nobody folds a file, unless it is told a width', () => {
    const { emit, raw } = open({});
    emit(done({ ...FRONT, title: 'x'.repeat(100) }));
    expect(raw()).toBe(`✓ front  ${'x'.repeat(100)}  0.31s\n`);
    const told = open({ columns: 20 });
    told.emit(done({ ...FRONT, title: 'x'.repeat(100) }));
    expect(told.raw()).toBe('✓ front  xxx…  0.31s\n');
  });
});

describe('on a terminal', () => {
  it('redraws the running steps below the finished ones', async () => {
    const { emit, end, screen } = await openTerminal();
    emit(started(FRONT));
    emit(started(API));
    await vi.dynamicImportSettled();
    emit({ type: 'step-note', id: API.id, text: 'fetching 3/9' });
    vi.advanceTimersByTime(2_000);
    expect(screen()).toEqual(['⠋ front  worktree from feat/ui  2s', '⠋ api    setup: npm ci  2s  fetching 3/9']);
    emit(done(FRONT));
    vi.advanceTimersByTime(100);
    expect(screen()).toEqual(['✓ front  worktree from feat/ui  0.31s', '⠙ api    setup: npm ci  2s  fetching 3/9']);
    emit(done(API, 2_500));
    end();
    expect(screen()).toEqual(['✓ front  worktree from feat/ui  0.31s', '✓ api    setup: npm ci  2.50s']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('cuts every line to the width, and keeps the time', async () => {
    const { emit, screen } = await openTerminal(40);
    emit(started(API));
    await vi.dynamicImportSettled();
    emit({ type: 'step-note', id: API.id, text: 'a long note of what npm is doing right now' });
    emit(done({ ...FRONT, title: 'worktree at tickets/feat-02/front from feat/ui' }));
    expect(screen()).toEqual(['✓ front  worktree at tickets/fe…  0.31s', '⠋ api    setup: npm ci  0s  a long not…']);
    expect(Math.max(...screen().map((line) => line.length))).toBeLessThan(40);
  });

  it('gives the bottom of the terminal away until the next event', async () => {
    const { emit, clear, screen } = await openTerminal();
    emit(started(API));
    await vi.dynamicImportSettled();
    clear();
    vi.advanceTimersByTime(1_000);
    expect(screen()).toEqual([]);
    emit({ type: 'info', text: 'going on' });
    expect(screen()).toEqual(['going on', '⠋ api  setup: npm ci  1s']);
  });

  it('keeps its columns: what steps are about is known before they run', async () => {
    const { emit, raw } = open({ isTty: true }, 80);
    emit({ type: 'steps-planned', subjects: ['front', 'api (baseline)'] });
    emit(done(FRONT));
    emit(done({ ...API, subject: 'api (baseline)' }));
    expect(raw().split('\n').slice(0, 2)).toEqual([
      '✓ front           worktree from feat/ui  0.31s',
      '✓ api (baseline)  setup: npm ci  0.31s',
    ]);
  });

  it('gives the name of a ticket a quarter of the line at most', () => {
    const { emit, raw } = open({ isTty: true }, 81);
    emit(done({ ...FRONT, subject: 'feat-a-very-long-name-of-a-ticket' }));
    expect(raw()).toBe('✓ feat-a-very-long-na…  worktree from feat/ui  0.31s\n');
  });

  it('wraps what it is told between words', () => {
    const { emit, raw } = open({ isTty: true }, 31);
    emit({ type: 'warning', text: 'origin cannot be reached, so its branches are as of the last fetch' });
    expect(raw()).toBe('! origin cannot be reached, so\n  its branches are as of the\n  last fetch\n');
  });

  it('leaves no line behind when the terminal is made narrower and folds what it shows', async () => {
    const { emit, stream, raw } = await openTerminal(80);
    emit(started({ ...FRONT, title: 'x'.repeat(60) }));
    emit(started(API));
    await vi.dynamicImportSettled();
    vi.advanceTimersByTime(100);
    const before = raw().length;
    stream.columns = 40;
    vi.advanceTimersByTime(100);
    const drawn = raw().slice(before);
    expect(drawn.startsWith('\u001b[3A\u001b[1G\u001b[0J')).toBe(true);
    expect(drawn).toContain('x…  0s');
  });

  it('takes 80 columns where the terminal says it has none', async () => {
    const { emit, screen } = await openTerminal(0);
    emit(started(API));
    await vi.dynamicImportSettled();
    emit(done(FRONT));
    expect(screen()).toEqual(['✓ front  worktree from feat/ui  0.31s', '⠋ api    setup: npm ci  0s']);
  });

  it('leaves nothing behind when it ends in the middle of a step', async () => {
    const { emit, end, screen } = await openTerminal();
    emit(started(API));
    await vi.dynamicImportSettled();
    expect(screen()).toHaveLength(1);
    end();
    vi.advanceTimersByTime(1_000);
    expect(screen()).toEqual([]);
  });

  it('paints marks and times when it may', async () => {
    const { emit, raw } = open({ isTty: true, color: true });
    emit(done(FRONT));
    expect(raw()).toBe('\u001b[32m✓\u001b[39m front  worktree from feat/ui  \u001b[2m0.31s\u001b[22m\n');
  });
});

describe('texts from outside', () => {
  it('cannot steer the terminal', () => {
    const { emit, raw } = open({ isTty: true });
    emit(done({ ...FRONT, title: 'worktree from \u001b]0;owned\u0007\u001b[2Jfeat\r\n\u202eui\u009b1m' }));
    expect(raw()).toBe('✓ front  worktree from feat ?ui  0.31s\n');
  });
});

describe('quiet and json', () => {
  const events: StackEvent[] = [
    started(FRONT),
    { type: 'step-note', id: FRONT.id, text: 'note' },
    { type: 'info', text: 'info' },
    { type: 'step-failed', ...FRONT, message: 'no', ms: 1 },
    { type: 'unwinding' },
  ];

  it('silent narrates nothing', () => {
    const { emit, clear, end, raw } = open({ mode: 'silent', isTty: true });
    for (const event of events) emit(event);
    clear();
    end();
    expect(raw()).toBe('');
  });

  it('silent still warns on stderr', () => {
    const silent = open({ mode: 'silent' });
    silent.emit({ type: 'warning', text: 'careful' });
    expect(silent.raw()).toBe('! careful\n');
  });
});

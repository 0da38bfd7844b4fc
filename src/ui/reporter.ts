import stringWidth from 'string-width';
import type { Emit, StackEvent } from '../domain/events.ts';
import type { LiveArea } from './live.ts';
import { type RunningStep, renderEndedStep, renderLongStep, renderRunningStep, type Widths } from './narrate.ts';
import { cleanText } from './safe-text.ts';
import { createStyle, type Style } from './style.ts';
import { wrapText } from './wrap.ts';

export interface ReporterOptions {
  /** `silent` says only warnings. */
  mode: 'human' | 'silent';
  /** stderr: stdout belongs to the answer. */
  stream: NodeJS.WritableStream & { columns?: number };
  isTty: boolean;
  color: boolean;
  /** The width where the stream does not tell it (or says 0); a terminal has 80 without it, and what is none any. */
  columns?: number | undefined;
}

export interface Reporter {
  emit: Emit;
  /** Takes away what is being redrawn, until the next event: for a question, or for output of others. */
  clear(): void;
  /** Ends the narration: nothing is redrawn any more. Says so when every step found its work done, and the command did not fail. */
  end(how?: { failed: boolean }): void;
}

const TICK_MS = 100;
/** Where nothing is redrawn, a step that runs longer says so, then less and less often. */
const FIRST_SIGN_MS = 5_000;
const MOST_SILENCE_MS = 60_000;

/** The column of subjects has so many columns at most, and no more than a quarter of the terminal's. */
const MOST_SUBJECT = 30;

interface Narration {
  options: ReporterOptions;
  style: Style;
  running: Map<string, RunningStep & { nextSign: number }>;
  subjectWidth: number;
  live: LiveArea | undefined;
  /** True while the bottom of the terminal belongs to somebody else. */
  hidden: boolean;
  kept: number;
  /** Steps that did something. */
  others: number;
  timer: NodeJS.Timeout | undefined;
  ended: boolean;
}

/**
 * Returns what tells a person how the work goes: a line a finished step, and on a terminal the running ones redrawn below. A
 * warning is said once in a command, however many instances it is true of.
 */
export function createReporter(options: ReporterOptions): Reporter {
  const reporter = options.mode === 'human' ? createNarrator(options) : createSilentReporter(options);
  const warned = new Set<string>();
  return {
    ...reporter,
    emit(event) {
      if (event.type === 'warning') {
        if (warned.has(event.text)) return;
        warned.add(event.text);
      }
      reporter.emit(event);
    },
  };
}

function createNarrator(options: ReporterOptions): Reporter {
  const narration: Narration = {
    options,
    style: createStyle(options.color),
    running: new Map(),
    subjectWidth: 0,
    live: undefined,
    hidden: false,
    kept: 0,
    others: 0,
    timer: undefined,
    ended: false,
  };
  return {
    emit: (event) => narrate(narration, event),
    clear() {
      narration.hidden = true;
      narration.live?.draw([]);
    },
    end: (how) => endNarration(narration, how),
  };
}

function createSilentReporter({ stream, color }: ReporterOptions): Reporter {
  const style = createStyle(color);
  return {
    emit(event) {
      if (event.type === 'warning') stream.write(`${renderWarning(event.text, style)}\n`);
    },
    clear() {},
    end() {},
  };
}

function narrate(narration: Narration, event: StackEvent): void {
  const { running, style } = narration;
  narration.hidden = false;
  switch (event.type) {
    case 'steps-planned':
      for (const subject of event.subjects) widenSubject(narration, subject);
      return;
    case 'step-started':
      startStep(narration, event);
      return;
    case 'step-note': {
      const step = running.get(event.id);
      if (step) step.note = event.text;
      redraw(narration);
      return;
    }
    case 'step-done':
    case 'step-failed':
      endStep(narration, event);
      return;
    case 'unwinding':
      running.clear();
      write(narration, style.warn('undoing what was begun'));
      return;
    case 'info':
      write(narration, wrapText(cleanText(event.text), widthsOf(narration).columns, 0));
      return;
    case 'warning':
      write(narration, renderWarning(event.text, style, widthsOf(narration).columns));
      return;
    default:
      event satisfies never;
  }
}

function renderWarning(text: string, style: Style, columns?: number): string {
  return `${style.warn('!')} ${wrapText(cleanText(text), columns, 2)}`;
}

function startStep(narration: Narration, event: Extract<StackEvent, { type: 'step-started' }>): void {
  const { id, subject, title } = event;
  const startedAt = performance.now();
  narration.running.set(id, { subject, title, note: '', startedAt, nextSign: FIRST_SIGN_MS });
  widenSubject(narration, subject);
  if (narration.options.isTty) loadLive(narration);
  narration.timer ??= setInterval(() => tick(narration), narration.options.isTty ? TICK_MS : 1_000).unref();
  redraw(narration);
}

function endStep(narration: Narration, event: Extract<StackEvent, { type: 'step-done' | 'step-failed' }>): void {
  narration.running.delete(event.id);
  if (narration.running.size === 0) stopTimer(narration);
  widenSubject(narration, event.subject);
  if (event.type === 'step-done' && event.outcome === 'kept') {
    narration.kept += 1;
    redraw(narration);
    return;
  }
  narration.others += 1;
  write(narration, renderEndedStep(event, widthsOf(narration), narration.style));
}

function endNarration(narration: Narration, { failed } = { failed: false }): void {
  if (narration.ended) return;
  narration.ended = true;
  stopTimer(narration);
  narration.running.clear();
  narration.live?.draw([]);
  if (failed || narration.kept === 0 || narration.others > 0) return;
  const { style } = narration;
  narration.options.stream.write(`${style.good('✓')} ${style.dim('nothing to do: everything is as it should be')}\n`);
}

/** log-update takes 100 ms to import: only where a step really runs on a terminal, and beside it. */
function loadLive(narration: Narration): void {
  if (narration.live) return;
  import('./live.ts').then(
    ({ createLiveArea }) => {
      narration.live ??= createLiveArea(narration.options.stream, narration.options.columns);
      redraw(narration);
    },
    // Without it steps still get their line when they are done.
    () => undefined,
  );
}

function tick(narration: Narration): void {
  if (narration.options.isTty) redraw(narration);
  else giveSigns(narration);
}

function giveSigns(narration: Narration): void {
  const now = performance.now();
  for (const step of narration.running.values()) {
    const elapsed = now - step.startedAt;
    if (elapsed < step.nextSign) continue;
    step.nextSign = elapsed + Math.min(elapsed, MOST_SILENCE_MS);
    write(narration, renderLongStep(step, now, widthsOf(narration), narration.style));
  }
}

function redraw(narration: Narration): void {
  if (!narration.hidden && !narration.ended) narration.live?.draw(renderArea(narration));
}

function write(narration: Narration, line: string): void {
  if (narration.live) narration.live.writeAbove([line], narration.ended ? [] : renderArea(narration));
  else narration.options.stream.write(`${line}\n`);
}

function renderArea(narration: Narration): string[] {
  const now = performance.now();
  const widths = widthsOf(narration);
  return [...narration.running.values()].map((step) => renderRunningStep(step, now, widths, narration.style));
}

function widthsOf({ options, subjectWidth }: Narration): Widths {
  // A full last column makes some terminals wrap: leave it free.
  const columns = options.isTty
    ? (options.stream.columns || options.columns || 80) - 1
    : (options.columns ?? Number.POSITIVE_INFINITY);
  return { columns, subject: Math.min(subjectWidth, Math.floor(columns / 4)) };
}

function widenSubject(narration: Narration, subject: string): void {
  narration.subjectWidth = Math.max(narration.subjectWidth, Math.min(stringWidth(cleanText(subject)), MOST_SUBJECT));
}

function stopTimer(narration: Narration): void {
  clearInterval(narration.timer);
  narration.timer = undefined;
}

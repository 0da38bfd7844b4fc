import stringWidth from 'string-width';
import type { StackEvent } from '../domain/events.ts';
import { titleWithReason } from '../domain/step.ts';
import { formatDuration } from './duration.ts';
import { cutText, padText } from './fit.ts';
import { cleanText } from './safe-text.ts';
import type { Style } from './style.ts';

/** A step that runs now. Times in milliseconds of one steady clock. */
export interface RunningStep {
  subject: string;
  title: string;
  note: string;
  startedAt: number;
}

/** How wide things are: of the terminal (Infinity where there is none), and of the column of repos and services. */
export interface Widths {
  columns: number;
  subject: number;
}

type EndedStep = Extract<StackEvent, { type: 'step-done' | 'step-failed' }>;

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** Returns the line that stays for a step that ended: `✓ front  worktree from feat/ui  0.31s`. */
export function renderEndedStep(event: EndedStep, widths: Widths, style: Style): string {
  const failed = event.type === 'step-failed';
  const text = failed ? `${event.title}: ${event.message}` : titleWithReason(event.title, event.reason);
  return layOut({
    mark: failed ? style.bad('✗') : event.outcome === 'undone' ? style.dim('-') : style.good('✓'),
    subject: event.subject,
    text,
    paint: failed ? style.bad : (plain) => plain,
    after: style.dim(formatDuration(event.ms)),
    afterWidth: formatDuration(event.ms).length,
    widths,
  });
}

/** Returns the line of a step that runs: `⠋ api    image node:22-alpine  3s  pulling 12/40 MB`. */
export function renderRunningStep(step: RunningStep, now: number, widths: Widths, style: Style): string {
  const time = formatElapsed(now - step.startedAt);
  const room = widths.columns - usedBy(widths) - stringWidth(cleanText(step.title)) - time.length - 4;
  const note = cutText(cleanText(step.note), Math.max(0, room));
  return layOut({
    mark: style.warn(FRAMES[Math.floor((now - step.startedAt) / 100) % FRAMES.length]!),
    subject: step.subject,
    text: step.title,
    paint: (plain) => plain,
    after: style.dim(note === '' ? time : `${time}  ${note}`),
    afterWidth: stringWidth(note === '' ? time : `${time}  ${note}`),
    widths,
  });
}

/** Returns the sign of life of a long step where nothing can be redrawn: `… api    setup: npm ci  20s`. */
export function renderLongStep(step: RunningStep, now: number, widths: Widths, style: Style): string {
  const time = formatElapsed(now - step.startedAt);
  const note = cleanText(step.note);
  return layOut({
    mark: style.dim('…'),
    subject: step.subject,
    text: note === '' ? `still: ${step.title}` : `still: ${step.title} (${note})`,
    paint: (plain) => plain,
    after: style.dim(time),
    afterWidth: time.length,
    widths,
  });
}

interface Line {
  /** One column wide, painted. */
  mark: string;
  subject: string;
  text: string;
  paint: (text: string) => string;
  /** Painted and clean. */
  after: string;
  afterWidth: number;
  widths: Widths;
}

function layOut({ mark, subject, text, paint, after, afterWidth, widths }: Line): string {
  const room = widths.columns - usedBy(widths) - afterWidth - 2;
  const head = widths.subject === 0 ? '' : `${padText(cutText(cleanText(subject), widths.subject), widths.subject)}  `;
  return `${mark} ${head}${paint(cutText(cleanText(text), Math.max(1, room)))}  ${after}`;
}

/** Columns before the text: mark, space, subject, two spaces. */
function usedBy(widths: Widths): number {
  return widths.subject === 0 ? 2 : widths.subject + 4;
}

/** Whole seconds: tenths that run look busier than they are. */
function formatElapsed(ms: number): string {
  return ms < 60_000 ? `${Math.floor(ms / 1000)}s` : formatDuration(ms);
}

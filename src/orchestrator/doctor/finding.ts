import { messageOf, StackError } from '../../domain/errors.ts';

/** One line of doctor: all is well, or what to do. */
export interface Finding {
  subject: string;
  ok: boolean;
  text: string;
  hint?: string;
  /** What `doctor --fix` would do about it. */
  fix?: Fix;
}

/** Something that doctor repairs when a person says so. */
export interface Fix {
  /** Says all that would be done, and ends in a question mark. */
  question: string;
  /** Returns what was done. Throws what kept it from being done. */
  run(): Promise<string>;
}

/** Returns the finding of something that is wrong and that doctor can repair. */
export function offer(subject: string, text: string, question: string, run: Fix['run']): Finding {
  return { subject, ok: false, text, hint: '`stack doctor --fix` asks about it', fix: { question, run } };
}

/** What became of a fix. */
export interface Repair {
  subject: string;
  question: string;
  ok: boolean;
  /** What was done; or why it was not. */
  text: string;
}

/** Returns the finding that a check comes to: its words, or those of the error it throws. */
export async function report(subject: string, check: () => Promise<string>): Promise<Finding> {
  try {
    return { subject, ok: true, text: await check() };
  } catch (error) {
    const hint = error instanceof StackError ? error.hint : undefined;
    return { subject, ok: false, text: messageOf(error), ...(hint !== undefined && { hint }) };
  }
}

/** Returns `1 ticket`, `3 tickets`. */
export function count(items: readonly unknown[], noun: string): string {
  return `${items.length} ${noun}${items.length === 1 ? '' : 's'}`;
}

/**
 * Repairs what can be repaired, asking about each thing once, and looks again until nothing new comes up: when the state is back
 * there is more to see. Returns what was done, and how things are then. `ask` is told all that is about to be asked.
 */
export async function repairAll(
  look: () => Promise<Finding[]>,
  ask: (question: string, all: readonly string[]) => Promise<boolean>,
  tell: (text: string) => void,
): Promise<{ mended: Repair[]; findings: Finding[] }> {
  const mended: Repair[] = [];
  const asked = new Set<string>();
  for (;;) {
    const findings = await look();
    const open = findings.flatMap(({ subject, fix }) => (fix && !asked.has(fix.question) ? [{ subject, fix }] : []));
    if (open.length === 0) return { mended, findings };
    const all = open.map(({ fix }) => fix.question);
    for (const { subject, fix } of open) {
      asked.add(fix.question);
      if (!(await ask(fix.question, all))) continue;
      const { ok, text, hint } = await report(subject, fix.run);
      tell(`${subject}: ${text}`);
      mended.push({ subject, question: fix.question, ok, text: hint === undefined ? text : `${text}; ${hint}` });
    }
  }
}

/** Everything the engine tells while it works. Reporters in `ui/` switch over `type` and nothing else. */
export type StackEvent =
  /** Steps are about to run; what they are about, so that lines can be laid out. */
  | { type: 'steps-planned'; subjects: readonly string[] }
  /** A step begins; a line of its own on a terminal, redrawn until it is done. */
  | { type: 'step-started'; id: string; subject: string; title: string }
  /** What goes on inside a step: `pulling 12/40 MB`. */
  | { type: 'step-note'; id: string; text: string }
  /** A step ended well. `kept`: there was nothing to do. */
  | {
      type: 'step-done';
      id: string;
      subject: string;
      title: string;
      outcome: 'made' | 'changed' | 'kept' | 'undone';
      /** Why it was changed. */
      reason?: string;
      ms: number;
    }
  | { type: 'step-failed'; id: string; subject: string; title: string; message: string; ms: number }
  /** Unwinding begins, after a failure or Ctrl-C. */
  | { type: 'unwinding' }
  | { type: 'info'; text: string }
  | { type: 'warning'; text: string };

/** Takes events; the engine is handed one and knows nothing of terminals. */
export type Emit = (event: StackEvent) => void;

import pc from 'picocolors';

/** Turns a text into the same text in some colour, or leaves it as it is. */
export type Paint = (text: string) => string;

/** The colours by what they mean, so that every part of the program agrees. */
export interface Style {
  good: Paint;
  bad: Paint;
  warn: Paint;
  /** Less important: times, notes, headings. */
  dim: Paint;
  strong: Paint;
  /** Colours that only tell things apart, for log prefixes. Never red: that one means trouble. */
  distinct: readonly Paint[];
}

/** Returns the colours, or plain text everywhere when `color` is false (NO_COLOR, no terminal). */
export function createStyle(color: boolean): Style {
  const colors = pc.createColors(color);
  return {
    good: colors.green,
    bad: colors.red,
    warn: colors.yellow,
    dim: colors.dim,
    strong: colors.bold,
    distinct: [colors.cyan, colors.magenta, colors.yellow, colors.green, colors.blue, colors.cyanBright],
  };
}

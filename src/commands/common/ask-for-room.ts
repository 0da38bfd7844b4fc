import type { Context } from '../../context.ts';
import { canAsk } from '../../ui/ask.ts';

/** Returns what asks a person to make room for a ticket; undefined where nobody is there, and `--yes` does not answer. */
export function askForRoom({ ask, host, options }: Context): ((question: string) => Promise<boolean>) | undefined {
  return options.yes || canAsk(host) ? (question) => ask(question) : undefined;
}

import { randomBytes, randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import { StackError } from '../domain/errors.ts';
import { quoteForShell } from '../domain/shell.ts';
import { acceptedContent, createRequestStateCodec, inputRequired, type ServerContext } from './library.ts';

interface Asked {
  id: string;
  /** The command line that was asked about. */
  line: string;
}

const yes = z.object({ confirm: z.literal(true) });

/** Asks the person at the client, and knows what they have said yes to. */
export interface Consent {
  /** For the server: refuses a state that this process has not made. */
  verify: ReturnType<typeof createRequestStateCodec<Asked>>['verify'];
  /** Undefined where nobody has been asked about this command line; counts once. Throws `confirm` for a no. */
  take(context: ServerContext, line: readonly string[]): true | undefined;
  /** Returns what makes the client ask. Throws `confirm` where it cannot. */
  ask(context: ServerContext, question: string, line: readonly string[]): Promise<ReturnType<typeof inputRequired>>;
}

/**
 * Returns who asks for one connection. What comes back is the client's word: the state is signed with a key of this process, is about
 * one command line, and counts once.
 */
export function openConsent(canAsk: (context: ServerContext) => boolean): Consent {
  const codec = createRequestStateCodec<Asked>({ key: randomBytes(32) });
  const open = new Set<string>();
  return {
    verify: codec.verify,
    take(context, line) {
      const asked = context.mcpReq.requestState<Asked>();
      const answers = context.mcpReq.inputResponses;
      if (asked === undefined || answers?.confirm === undefined) return undefined;
      if (!open.delete(asked.id) || asked.line !== JSON.stringify(line)) return undefined;
      if (acceptedContent(answers, 'confirm', yes as never) === undefined)
        throw new StackError('confirm', 'the person did not say yes; nothing was changed');
      return true;
    },
    async ask(context, question, line) {
      if (!canAsk(context)) {
        throw new StackError('confirm', `${question} A person must say so, and this client cannot ask`, {
          hint: `a person can do it in a terminal: stack ${line.map(quoteForShell).join(' ')}`,
        });
      }
      const asked = { id: randomUUID(), line: JSON.stringify(line) };
      open.add(asked.id);
      const confirm = inputRequired.elicit({
        message: question,
        requestedSchema: {
          type: 'object',
          properties: { confirm: { type: 'boolean', title: 'Yes', description: question, default: false } },
          required: ['confirm'],
        },
      });
      return inputRequired({ inputRequests: { confirm }, requestState: await codec.mint(asked, context) });
    },
  };
}

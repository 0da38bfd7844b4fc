import { StackError } from './errors.ts';
import { BASELINE } from './instance.ts';

const MAX_LENGTH = 50;

declare const isTicket: unique symbol;

/** A ticket's name as the state, folders and labels have it: a word as typed, with `/` turned to `-`. */
export type Ticket = string & { readonly [isTicket]: true };

export interface TicketName {
  ticket: Ticket;
  /** The argument as typed. */
  argument: string;
}

/**
 * Reads a ticket's name as typed. Throws `usage` for a name that is empty, too long, begins with a hyphen, or holds
 * anything a branch, folder or container name cannot.
 */
export function parseTicketName(argument: string): TicketName {
  const refuse = (why: string): never => {
    throw new StackError('usage', `${JSON.stringify(argument)} is not a ticket name: ${why}`, {
      hint: 'use letters, digits, `-`, `_` and `/`, e.g. `feat-02` or `feat/login`',
    });
  };
  if (argument.trim() === '') refuse('it is empty');
  if (argument.length > MAX_LENGTH) refuse(`it has ${argument.length} characters, ${MAX_LENGTH} are allowed`);
  if (argument.startsWith('-')) refuse('it begins with `-`');
  if (!/^[A-Za-z0-9._/-]+$/.test(argument))
    refuse('it has characters other than letters, digits, `.`, `-`, `_` and `/`');
  if (!/^[A-Za-z0-9].*[A-Za-z0-9]$|^[A-Za-z0-9]$/.test(argument))
    refuse('it must begin and end with a letter or digit');
  if (argument.includes('..')) refuse('it has `..`');
  if (argument.split('/').some((part) => !/^[A-Za-z0-9]/.test(part) || part.endsWith('.lock'))) {
    refuse('a part between slashes is empty, or one that git allows in no branch');
  }
  const ticket = ticketOf(argument);
  if (foldTicket(ticket) === BASELINE) refuse(`\`${BASELINE}\` is the name of the main checkouts’ own environment`);
  return { ticket, argument };
}

/** Returns the ticket that a typed word stands for; whether it is a good name for a new one, `parseTicketName` tells. */
export function ticketOf(argument: string): Ticket {
  return argument.replaceAll('/', '-') as Ticket;
}

const NAME_OF_ISSUE = 40;

/** Returns a name for a ticket that is made for an issue: `123-show-prices`, or `issue-123` where its title has no word for one. */
export function nameForIssue(number: number, title: string): string {
  const plain = title.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
  const words = plain.split(/[^a-z0-9]+/).filter((word) => word !== '');
  let name = String(number);
  for (const word of words) {
    if (name.length + 1 + word.length > NAME_OF_ISSUE) break;
    name += `-${word}`;
  }
  return name === String(number) ? `issue-${number}` : name;
}

/** Returns the form used in host and image names. Two tickets with the same fold would share those, or a folder on a case-blind disk. */
export function foldTicket(ticket: string): string {
  return ticket.toLowerCase().replaceAll(/[._/]/g, '-');
}

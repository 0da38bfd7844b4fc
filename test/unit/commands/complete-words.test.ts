import { describe, expect, it } from 'vitest';
import { type CompletionVerb, completeWords } from '../../../src/commands/completion/words.ts';

const flag = (name: string, takesValue = false) => ({ flag: name, description: `about ${name}`, takesValue });

const verbs: CompletionVerb[] = [
  {
    name: 'create',
    description: 'Make a ticket',
    takesTicket: false,
    flags: [flag('--from-REPO', true), flag('--on-REPO', true), flag('--with', true), flag('--runtime', true)],
  },
  { name: 'destroy', description: 'Unmake it', takesTicket: true, flags: [flag('--force'), flag('--keep-branch')] },
  { name: 'logs', description: 'Show logs', takesTicket: true, takesService: true, flags: [flag('-f')] },
  { name: 'stop', description: 'Stop', takesTicket: true, takesSeveral: true, takesService: true, flags: [] },
  { name: 'add', description: 'Add a repo', takesTicket: true, takesRepo: true, flags: [flag('--from', true)] },
  { name: 'completion', description: 'Shells', takesTicket: false, choices: ['bash', 'zsh'], flags: [] },
];

function complete(...words: string[]): string[] {
  const tickets = ['feat-01', 'feat-02'];
  return completeWords({ words, verbs, tickets, repos: ['front', 'api'], services: ['front', 'api', 'worker'] });
}

/** Without the descriptions. */
function words(...typed: string[]): string[] {
  return complete(...typed).map((candidate) => candidate.split('\t')[0]!);
}

describe('completeWords', () => {
  it('offers the verbs with what they do', () => {
    expect(complete('d')).toEqual(['destroy\tUnmake it']);
    expect(words()).toEqual(['create', 'destroy', 'logs', 'stop', 'add', 'completion']);
    expect(words('--quiet', 'cr')).toEqual(['create']);
  });

  it('knows nothing about verbs that are none', () => {
    expect(words('nope', '')).toEqual([]);
  });

  it('makes a flag for every repo, with its value right behind it', () => {
    expect(complete('create', 'feat-03', '--from')).toEqual([
      '--from-front=\tabout --from-front',
      '--from-api=\tabout --from-api',
    ]);
  });

  it('offers a flag without a value once', () => {
    expect(words('destroy', 'feat-01', '--force', '--')).toEqual(['--keep-branch']);
    expect(words('create', '--with', 'api', '--w')).toEqual(['--with']);
  });

  it('offers tickets that are not named yet', () => {
    expect(words('destroy', 'feat-01', '')).toEqual(['feat-02']);
    expect(words('destroy', '--force', 'feat')).toEqual(['feat-01', 'feat-02']);
  });

  it('offers services after a ticket or in place of one', () => {
    expect(words('logs', 'feat-01', '')).toEqual(['front', 'api', 'worker']);
    expect(words('logs', '')).toEqual(['feat-01', 'feat-02', 'front', 'api', 'worker']);
    expect(words('logs', 'feat-01', 'api', '')).toEqual(['front', 'worker']);
    expect(words('stop', 'feat-01', '')).toEqual(['feat-02', 'front', 'api', 'worker']);
  });

  it('offers repos after a ticket to the verb that wants one', () => {
    expect(words('add', '')).toEqual(['feat-01', 'feat-02']);
    expect(words('add', 'feat-01', '')).toEqual(['front', 'api']);
  });

  it('offers the values it knows, in either form and in comma lists', () => {
    expect(words('create', 'x', '--with', '')).toEqual(['front', 'api']);
    expect(words('create', 'x', '--with=f')).toEqual(['--with=front']);
    expect(words('create', 'x', '--with', 'front,')).toEqual(['front,api']);
    expect(words('create', 'x', '--runtime', 'd')).toEqual(['docker']);
  });

  it('leaves free values to the person', () => {
    expect(words('create', 'x', '--from-front', 'fe')).toEqual([]);
    expect(words('create', 'x', '--from-front=fe')).toEqual([]);
    expect(words('create', 'x', '--nope=')).toEqual([]);
  });

  it('leaves what is behind -- to the other program', () => {
    expect(words('logs', 'feat-01', '--', '')).toEqual([]);
  });

  it('offers fixed words', () => {
    expect(words('completion', '')).toEqual(['bash', 'zsh']);
  });
});

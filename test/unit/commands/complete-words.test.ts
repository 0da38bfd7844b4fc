import { describe, expect, it } from 'vitest';
import type { Names } from '../../../src/commands/completion/names.ts';
import { type CompletionVerb, completeWords } from '../../../src/commands/completion/words.ts';

const flag = (name: string, takesValue = false) => ({ flag: name, description: `about ${name}`, takesValue });

const verbs: CompletionVerb[] = [
  {
    name: 'create',
    description: 'Make a ticket',
    takesTicket: false,
    flags: ['--from-REPO', '--on-REPO', '--with', '--own', '--runtime'].map((name) => flag(name, true)),
  },
  { name: 'destroy', description: 'Unmake it', takesTicket: true, flags: [flag('--force'), flag('--keep-branch')] },
  { name: 'logs', description: 'Show logs', takesTicket: true, takesService: true, flags: [flag('-f')] },
  { name: 'stop', description: 'Stop', takesTicket: true, takesSeveral: true, takesService: true, flags: [] },
  {
    name: 'add',
    description: 'Add a repo',
    takesTicket: true,
    takesRepo: 'borrowed',
    flags: [flag('--from', true), flag('--own', true)],
  },
  { name: 'restore', description: 'Again', takesTicket: false, takesSaved: true, flags: [flag('--time', true)] },
  { name: 'exec', description: 'Run', takesTicket: true, takesService: true, takesCommand: true, flags: [] },
  {
    name: 'db',
    description: 'Database',
    takesTicket: true,
    choices: ['refresh'],
    actions: ['shell', 'dump'],
    fileActions: ['dump'],
    flags: [],
  },
  {
    name: 'queue',
    description: 'One after the other',
    takesTicket: true,
    takesSeveral: true,
    leads: ['add', 'run'],
    flags: [
      ...['--after', '--onto', '--into'].map((name) => flag(name, true)),
      { flag: '--format', description: 'shell, dotenv, json', takesValue: true },
    ],
  },
  {
    name: 'plan',
    description: 'Several tickets',
    takesTicket: true,
    takesSeveral: true,
    leads: ['check', 'retry'],
    files: ['check'],
    flags: [],
  },
  { name: 'adopt', description: 'Take over', takesTicket: false, folders: true, flags: [flag('--as', true)] },
  { name: 'completion', description: 'Shells', takesTicket: false, choices: ['bash', 'zsh'], flags: [] },
];

const names: Names = {
  tickets: {
    'feat-01': { services: ['front'], borrowed: ['api'], own: ['postgres'] },
    'feat-02': { services: ['front', 'api'], borrowed: [], own: [] },
  },
  here: undefined,
  repos: ['front', 'api'],
  borrowable: ['api'],
  services: ['front', 'api', 'worker'],
  ownable: ['postgres', 'redis'],
  refs: async (repo, { free } = { free: false }) => [`feat/${repo}`, 'feat/a;b', ...(free ? [] : ['v1'])],
  saved: async () => [
    { ticket: 'old', time: '20261101T1000' },
    { ticket: 'older', time: '20261001T1000' },
  ],
};

let here: string | undefined;

function complete(...words: string[]): Promise<string[]> {
  return completeWords({ words, verbs, names: { ...names, here } });
}

/** Without the descriptions. */
async function words(...typed: string[]): Promise<string[]> {
  return (await complete(...typed)).map((candidate) => candidate.split('\t')[0]!);
}

async function wordsInside(ticket: string, ...typed: string[]): Promise<string[]> {
  here = ticket;
  try {
    return await words(...typed);
  } finally {
    here = undefined;
  }
}

describe('completeWords', () => {
  it('offers the verbs with what they do', async () => {
    expect(await complete('de')).toEqual(['destroy\tUnmake it']);
    expect(await words()).toEqual([
      ...['create', 'destroy', 'logs', 'stop', 'add', 'restore', 'exec', 'db', 'queue', 'plan', 'adopt', 'completion'],
    ]);
    expect(await words('--quiet', 'cr')).toEqual(['create']);
  });

  it('knows nothing about verbs that are none', async () => {
    expect(await words('nope', '')).toEqual([]);
  });

  it('makes a flag for every repo, with its value right behind it', async () => {
    expect(await complete('create', 'feat-03', '--from')).toEqual([
      '--from-front=\tabout --from-front',
      '--from-api=\tabout --from-api',
    ]);
  });

  it('leaves folders to the shell', async () => {
    expect(await words('adopt', '../w')).toEqual([':folders']);
    expect(await words('adopt', '../wt', '--')).toEqual(['--as']);
  });

  it('offers a flag without a value once', async () => {
    expect(await words('destroy', 'feat-01', '--force', '--')).toEqual(['--keep-branch']);
    expect(await words('create', '--with', 'api', '--w')).toEqual(['--with']);
  });

  it('offers tickets that are not named yet', async () => {
    expect(await words('destroy', 'feat-01', '')).toEqual(['feat-02']);
    expect(await words('destroy', '--force', 'feat')).toEqual(['feat-01', 'feat-02']);
  });

  it('offers services after a ticket or in place of one', async () => {
    expect(await words('logs', 'feat-01', '')).toEqual(['front', 'api', 'worker']);
    expect(await words('logs', '')).toEqual(['feat-01', 'feat-02', 'front', 'api', 'worker']);
    expect(await words('logs', 'feat-01', 'api', '')).toEqual(['front', 'worker']);
    expect(await words('stop', 'feat-01', '')).toEqual(['feat-02', 'front', 'api', 'worker']);
  });

  it('offers repos after a ticket to the verb that wants one', async () => {
    expect(await words('add', 'feat-01', '')).toEqual(['api']);
    expect(await wordsInside('feat-01', 'add', 'a')).toEqual(['api']);
  });

  it('offers only what is possible: tickets that borrow, repos that are borrowed, what is not its own yet', async () => {
    expect(await words('add', '')).toEqual(['feat-01']);
    expect(await words('add', 'feat-02', '')).toEqual([]);
    expect(await words('add', 'feat-01', 'api', '--own', '')).toEqual(['redis']);
    expect(await words('create', 'x', '--own=')).toEqual(['--own=postgres', '--own=redis']);
  });

  it('offers what may be restored, and when it was saved', async () => {
    expect(await words('restore', '')).toEqual(['old', 'older']);
    expect(await words('restore', 'old', '')).toEqual([]);
    expect(await words('restore', 'old', '--time', '')).toEqual(['20261101T1000']);
  });

  it('offers actions once the ticket is clear, and leaves their file to the shell', async () => {
    expect(await words('db', '')).toEqual(['refresh', 'feat-01', 'feat-02']);
    expect(await words('db', 'feat-01', '')).toEqual(['shell', 'dump']);
    expect(await wordsInside('feat-02', 'db', 'sh')).toEqual(['shell']);
    expect(await words('db', 'feat-01', 'dump', 'x')).toEqual([':files']);
    expect(await words('db', 'feat-01', 'shell', '')).toEqual([]);
  });

  it('offers the values it knows, in either form and in comma lists', async () => {
    expect(await words('create', 'x', '--with', '')).toEqual(['api']);
    expect(await words('create', 'x', '--with=a')).toEqual(['--with=api']);
    expect(await words('create', 'x', '--own', 'redis,')).toEqual(['redis,postgres']);
    expect(await words('create', 'x', '--runtime', 'd')).toEqual(['docker']);
  });

  it('offers branches and tags as bases, in either form', async () => {
    expect(await words('create', 'x', '--from-front', 'f')).toEqual(['feat/front', 'feat/a;b']);
    expect(await words('create', 'x', '--from-api=')).toEqual([
      ...['--from-api=feat/api', '--from-api=feat/a;b', '--from-api=v1'],
    ]);
    expect(await words('create', 'x', '--on-api', '')).toEqual(['feat/api', 'feat/a;b']);
    expect(await words('add', 'feat-01', 'api', '--from', 'v')).toEqual(['v1']);
    expect(await words('create', 'x', '--nope=')).toEqual([]);
  });

  it('leaves the command line of another program to the shell', async () => {
    expect(await words('exec', 'feat-01', '--', 'git', 'che')).toEqual([':command 2']);
    expect(await words('exec', 'feat-01', '')).toEqual(['front']);
    expect(await words('exec', 'feat-01', 'front', 'n')).toEqual([':command 1']);
    expect(await wordsInside('feat-02', 'exec', 'api', 'ls', '-')).toEqual([':command 2']);
    expect(await words('logs', 'feat-01', '--', '')).toEqual([]);
  });

  it('offers what comes first, then tickets', async () => {
    expect(await words('queue', '')).toEqual(['add', 'run']);
    expect(await words('queue', 'add', 'feat-01', '')).toEqual(['feat-02']);
    expect(await words('queue', 'add', 'feat-01', '--after', '')).toEqual(['feat-01', 'feat-02']);
  });

  it('leaves to the shell a file that stands in the place of an action, or behind one', async () => {
    expect(await words('plan', '')).toEqual(['check', 'retry', ':files']);
    expect(await words('plan', 'check', '')).toEqual([':files']);
    expect(await words('plan', 'check', 'tasks.yml', '')).toEqual([]);
    expect(await words('plan', 'tasks.yml', '')).toEqual([]);
    expect(await words('plan', 'retry', '')).toEqual(['feat-01', 'feat-02']);
  });

  it('offers what the values of flags may be: other tickets, branches of any repo, the words of the description', async () => {
    expect(await words('queue', 'add', 'feat-01', '--onto', '')).toEqual(['feat-02']);
    expect(await wordsInside('feat-02', 'queue', '--onto', '')).toEqual(['feat-01']);
    expect(await words('queue', '--into=')).toEqual(
      ['feat/front', 'feat/a;b', 'v1', 'feat/api'].map((one) => `--into=${one}`),
    );
    expect(await words('queue', '--format', 'd')).toEqual(['dotenv']);
  });

  it('offers fixed words', async () => {
    expect(await words('completion', '')).toEqual(['bash', 'zsh']);
  });
});

import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BIN, listProcesses, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

type Answer = 'accept' | 'decline';

interface ClientOptions {
  words?: string[];
  era?: 'old' | 'new';
  /** What the person answers; undefined: the client cannot ask. */
  person?: Answer;
  cwd?: string;
}

const open: Client[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()));
});

interface Connected {
  client: Client;
  asked: string[];
  errors: Error[];
  pid: number;
  call(name: string, input?: Record<string, unknown>): Promise<Called>;
}

interface Called {
  isError: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: a document of whatever verb.
  is: any;
  text: string;
}

async function connect(shop: Shop, { words = [], era = 'new', person, cwd = shop.root }: ClientOptions = {}) {
  const asked: string[] = [];
  const errors: Error[] = [];
  const client = new Client(
    { name: 'test', version: '1' },
    {
      capabilities: person ? { elicitation: {} } : {},
      ...(era === 'new' && { versionNegotiation: { mode: { pin: '2026-07-28' } } }),
    },
  );
  client.onerror = (error) => errors.push(error);
  if (person) {
    client.setRequestHandler('elicitation/create', async ({ params }) => {
      asked.push(params.message);
      return person === 'accept' ? { action: 'accept', content: { confirm: true } } : { action: 'decline' };
    });
  }
  const transport = new StdioClientTransport({
    ...{ command: process.execPath, args: [BIN, 'mcp', ...words], env: shop.env, cwd, stderr: 'pipe' as const },
  });
  await client.connect(transport);
  open.push(client);
  const call: Connected['call'] = async (name, input = {}) => {
    const result = await client.callTool({ name: `stack_${name}`, arguments: input });
    const [first] = result.content as { text: string }[];
    return { isError: result.isError === true, is: result.structuredContent, text: first?.text ?? '' };
  };
  return { client, asked, errors, pid: transport.pid ?? -1, call } satisfies Connected;
}

const json = async (shop: Shop, ...words: string[]) => JSON.parse((await shop.stack([...words, '--json'])).stdout);

describe.each(['old', 'new'] as const)('a client of the %s protocol', (era) => {
  let shop: Shop;
  beforeAll(() => {
    shop = makeShop();
  });
  afterAll(() => shop.dispose());

  it('finds tools that say what they take and answer', async () => {
    const { client, errors } = await connect(shop, { era });
    const { tools } = await client.listTools();
    const names =
      'create ps show here logs exec restart check db_diff db_reset run runs plan wait send note status diff conflicts sync commit push pr queue merge destroy';
    expect(tools.map(({ name }) => name).sort()).toEqual(
      names
        .split(' ')
        .map((name) => `stack_${name}`)
        .sort(),
    );
    for (const { description, inputSchema, outputSchema } of tools) {
      expect(description).toMatch(/\w/);
      expect(inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
      expect(outputSchema).toMatchObject({ type: 'object' });
      for (const field of Object.values(inputSchema.properties ?? {})) expect(field).toHaveProperty('description');
    }
    expect(errors).toEqual([]);
  });

  it('makes a ticket, works in it and has it destroyed once the person says yes', async () => {
    const { call, asked, errors } = await connect(shop, { era, person: 'accept' });
    const made = await call('create', {
      ticket: 'feat-01',
      with: ['api'],
      from: { api: 'feat/endpoint' },
      task: 'Say "hi"',
    });
    expect(made.is).toMatchObject({ ticket: 'feat-01', status: 'running' });
    const [listed, shown, status] = await Promise.all([
      call('ps'),
      call('show', { ticket: 'feat-01' }),
      call('status', { tickets: ['feat-01'] }),
    ]);
    expect(listed.is).toEqual(await json(shop, 'ps'));
    expect(shown.is).toMatchObject({ ticket: 'feat-01', task: 'Say "hi"' });
    expect(JSON.parse(status.text)).toEqual(status.is);
    const ran = await call('exec', {
      ticket: 'feat-01',
      service: 'api',
      command: ['sh', '-c', 'pwd; echo no >&2; exit 7'],
    });
    expect(ran.is).toEqual({ exitCode: 7, stdout: `${shop.at('tickets/feat-01/api')}\n`, stderr: 'no\n', cut: false });
    const logs = await call('logs', { ticket: 'feat-01', services: ['api'] });
    expect(logs.is.lines).toContainEqual(
      expect.objectContaining({ service: 'api', text: `listens on ${shop.port + 1}` }),
    );
    expect(await call('note', { ticket: 'feat-01', text: '--status done' })).toMatchObject({
      is: { ticket: 'feat-01' },
    });
    expect(shop.read('tickets/feat-01/NOTES.md')).toContain('--status done');
    shop.write('tickets/feat-01/api/server.mjs', '// changed\n');
    const changed = await call('diff', { ticket: 'feat-01' });
    expect(changed.is.repos.api.files).toEqual([expect.objectContaining({ path: 'server.mjs' })]);
    const refused = await call('destroy', { tickets: ['feat-01'] });
    expect(refused).toMatchObject({ isError: true, is: { code: 'dirty', hint: expect.stringMatching(/./) } });
    expect(asked).toEqual([]);
    expect((await call('commit', { ticket: 'feat-01', message: '-m x', all: true })).is.repos.api.result).toBe(
      'committed',
    );
    expect((await call('merge', { tickets: ['feat-01'] })).is.repos.api.result).toBe('merged');
    const gone = await call('destroy', { tickets: ['feat-01'] });
    expect(gone.is).toMatchObject({ destroyed: [{ ticket: 'feat-01' }] });
    expect(asked).toEqual([expect.stringMatching(/^Merge feat-01 into /), expect.stringMatching(/^Destroy feat-01: /)]);
    expect((await json(shop, 'ps')).instances).toEqual([]);
    expect(errors).toEqual([]);
  });
});

describe('what may be lost', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    await shop.stack(['create', 'feat-01', '--no-start']);
  });
  afterAll(() => shop.dispose());

  it.each(['old', 'new'] as const)(
    'goes with no client that cannot ask, and with no person who says no: %s',
    async (era) => {
      const before = shop.photograph();
      const mute = await connect(shop, { era });
      for (const tool of ['destroy', 'merge']) {
        const { isError, is } = await mute.call(tool, { tickets: ['feat-01'] });
        expect.soft({ isError, is }).toMatchObject({
          isError: true,
          is: { code: 'confirm', hint: expect.stringContaining('terminal') },
        });
      }
      const declined = await connect(shop, { era, person: 'decline' });
      expect(await declined.call('destroy', { tickets: ['feat-01'] })).toMatchObject({
        isError: true,
        is: { code: 'confirm' },
      });
      expect(declined.asked).toHaveLength(1);
      expect(shop.photograph()).toBe(before);
    },
  );

  it('believes no state that it has not made, twice, or about something else', async () => {
    await shop.stack(['create', 'feat-02', '--no-start']);
    const { client } = await connect(shop, { person: 'accept' });
    const inputResponses = { confirm: { action: 'accept', content: { confirm: true } } };
    const send = (ticket: string, more: object = {}) =>
      client.callTool(
        { name: 'stack_destroy', arguments: { tickets: [ticket] }, ...more } as never,
        {
          allowInputRequired: true,
        } as never,
      ) as Promise<{ resultType?: string; requestState?: string; structuredContent?: object }>;
    const first = await send('feat-01');
    const requestState = first.requestState ?? '';
    expect(first).toMatchObject({ resultType: 'input_required', requestState: expect.stringMatching(/./) });
    expect(await send('feat-02', { inputResponses, requestState })).toMatchObject({ resultType: 'input_required' });
    await expect(send('feat-01', { inputResponses, requestState: `${requestState}x` })).rejects.toThrow(/requestState/);
    expect(await send('feat-01', { inputResponses })).toMatchObject({ resultType: 'input_required' });
    expect(await send('feat-01', { inputResponses, requestState })).toMatchObject({ resultType: 'input_required' });
    expect((await json(shop, 'ps')).instances).toHaveLength(2);
  });
});

describe('what no verb is handed', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    await shop.stack(['create', 'feat-01', '--no-start']);
  });
  afterAll(() => shop.dispose());

  it('is refused before anything is called', async () => {
    const before = shop.photograph();
    const { call } = await connect(shop, { person: 'accept' });
    for (const [tool, input] of [
      ['show', { ticket: '--force' }],
      ['destroy', { tickets: ['feat-01', '--force'] }],
      ['destroy', { tickets: ['feat-01'], force: true }],
      ['create', { ticket: '-C' }],
      ['create', { ticket: '../up' }],
      ['create', { ticket: 'feat-09', with: ['--json'] }],
      ['create', { ticket: 'feat-09', from: { 'api=x --run': 'main' } }],
      ['ps', { ticket: '*' }],
      ['exec', { ticket: 'feat-01', service: '--root=/', command: ['true'] }],
      ['exec', { ticket: 'feat-01', command: [] }],
      ['logs', { ticket: 'feat-01', tail: -1 }],
      ['queue', { action: '--verify' }],
      ['plan', { action: 'retry' }],
      ['plan', { action: 'status', plan: '--version' }],
      ['wait', {}],
    ] as const) {
      const told = await call(tool, input);
      expect
        .soft(told, `${tool} ${JSON.stringify(input)}`)
        .toMatchObject({ isError: true, text: expect.stringMatching(/./) });
    }
    expect(shop.photograph()).toBe(before);
  });

  it('tells errors with code and hint, and takes what begins with a hyphen as a value', async () => {
    const { call } = await connect(shop);
    expect(await call('show', { ticket: 'feat-0' })).toMatchObject({
      isError: true,
      is: { code: 'not-found', message: expect.any(String), hint: expect.stringContaining('feat-01') },
    });
    const ref = await call('create', { ticket: 'feat-09', with: ['api'], from: { api: '--upload-pack=x' } });
    expect(ref).toMatchObject({ isError: true });
    expect(await call('send', { ticket: 'feat-01', text: '--run=1' })).toMatchObject({ is: { code: 'not-found' } });
    expect((await json(shop, 'ps')).instances).toHaveLength(1);
  });
});

describe('a server that is bound to one ticket', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    await shop.stack(['create', 'feat-01', '--no-start']);
    await shop.stack(['create', 'other-ticket', '--no-start']);
  });
  afterAll(() => shop.dispose());

  it('neither names, lists nor reaches others', async () => {
    const { client, call } = await connect(shop, {
      words: ['--ticket', 'feat-01'],
      cwd: shop.at('tickets/other-ticket'),
    });
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).not.toEqual(expect.arrayContaining(['stack_create']));
    for (const { inputSchema } of tools)
      for (const field of ['ticket', 'tickets', 'onto']) expect(inputSchema.properties).not.toHaveProperty(field);
    expect((await call('ps')).is.instances).toEqual([expect.objectContaining({ ticket: 'feat-01' })]);
    for (const tool of ['show', 'here']) expect((await call(tool)).is).toMatchObject({ ticket: 'feat-01' });
    expect((await call('note', { text: 'mine' })).is).toEqual({ ticket: 'feat-01' });
    expect(await call('show', { ticket: 'other-ticket' })).toMatchObject({ isError: true });
    await expect(call('create', { ticket: 'feat-02' })).rejects.toThrow();
    await shop.stack(['destroy', 'feat-01', '--force', '--yes']);
    const gone = await call('ps');
    expect(gone).toMatchObject({ isError: true, is: { code: 'not-found' } });
    expect(gone.text).not.toContain('other-ticket');
  });

  it('is refused for a ticket that there is not', async () => {
    const ran = await shop.stack(['mcp', '--ticket', 'nobody'], { input: '' });
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('there is no ticket "nobody"') });
  });
});

describe('a call that is cut off', () => {
  let shop: Shop;
  beforeAll(() => {
    shop = makeShop();
    shop.configure((text) =>
      text.replace('main, shared: true', "main, shared: true, setup: ['touch ../begun; sleep 1000']"),
    );
  });
  afterAll(() => shop.dispose());

  const begin = async ({ client }: Connected, ticket: string, signal?: AbortSignal) => {
    const input = { ticket, with: ['api'], no_start: true };
    client.callTool({ name: 'stack_create', arguments: input }, { ...(signal && { signal }) }).catch(() => undefined);
    await until(`the set-up of ${ticket} runs`, () => shop.read(`tickets/${ticket}/begun`) === '');
  };
  const untilUnwound = () =>
    until('all is unwound', () => {
      const left = Object.keys(shop.state()?.instances ?? {});
      return left.length === 0 && listProcesses(shop.root).length === 0;
    });

  it('is unwound when the client cancels it, while others go on', async () => {
    const connected = await connect(shop);
    const controller = new AbortController();
    await begin(connected, 'feat-01', controller.signal);
    expect((await connected.call('ps')).is.instances).toHaveLength(1);
    controller.abort();
    await untilUnwound();
    expect((await connected.call('ps')).is.instances).toEqual([]);
  });

  it('is unwound when the client goes', async () => {
    const connected = await connect(shop);
    await begin(connected, 'feat-02');
    await connected.client.close();
    await untilUnwound();
  });
});

describe('agents', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    await shop.stack(['create', 'feat-01', '--no-start']);
    await shop.stack(['create', 'feat-02', '--no-start']);
  });
  afterAll(() => shop.dispose());

  it('are started side by side, each with its prompt, and waited for', async () => {
    const { call } = await connect(shop);
    const tickets = ['feat-01', 'feat-02'];
    const command = ['sh', '-c', 'cat >task; exit 3'];
    const begun = await Promise.all(
      tickets.map((ticket) => call('run', { ticket, command, prompt: `--do\n${ticket}` })),
    );
    expect(begun.map(({ is }) => is.runs[0].ticket)).toEqual(tickets);
    const waited = await call('wait', { tickets, for: 'exited', timeout: '1m' });
    expect(waited.is.tickets).toEqual(tickets.map((ticket) => expect.objectContaining({ ticket, met: true })));
    expect((await call('runs')).is.runs).toHaveLength(2);
    for (const ticket of tickets) expect(shop.read(`tickets/${ticket}/task`)).toBe(`--do\n${ticket}`);
    const both = await call('run', { ticket: 'feat-01', agent: 'shell', command: ['true'] });
    expect(both).toMatchObject({ isError: true, is: { code: 'usage' } });
  });
});

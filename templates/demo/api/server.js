// A small API with a real Postgres and a real Redis behind it.
import { createServer } from 'node:http';
import { readBranch } from './branch.js';
import { endpoints } from './endpoints.js';
import clients from './vendor/clients.cjs';

const { PORT = '3000', HOST, DATABASE_URL, REDIS_URL, STACK_TICKET } = process.env;
const branch = readBranch(import.meta.dirname);

const postgres = new clients.pg.Pool({ connectionString: DATABASE_URL, connectionTimeoutMillis: 3000 });
postgres.on('error', (error) => console.error('postgres:', error.message));
const redis = clients.redis.createClient({ url: REDIS_URL, disableOfflineQueue: true });
redis.on('error', (error) => console.error('redis:', error.message || error.code));
redis.connect().catch(() => {});

const routes = {
  'GET /': () => ({
    service: 'api',
    ticket: STACK_TICKET,
    branch,
    endpoints: Object.keys(endpoints),
    pid: process.pid,
  }),
  'GET /health': async () => {
    await Promise.all([postgres.query('SELECT 1'), redis.ping()]);
    return { ok: true };
  },
  'GET /items': async () => {
    await makeTable();
    const { rows } = await postgres.query('SELECT id, name, ticket FROM items ORDER BY id');
    return { items: rows, counter: Number((await redis.get('items:counter')) ?? 0) };
  },
  'POST /items': async (request) => {
    const { name } = JSON.parse(await readBody(request));
    await makeTable();
    const insert = 'INSERT INTO items (name, ticket) VALUES ($1, $2) RETURNING id, name, ticket';
    const { rows } = await postgres.query(insert, [String(name), STACK_TICKET ?? null]);
    await redis.lPush('items:latest', String(name));
    return { item: rows[0], counter: await redis.incr('items:counter') };
  },
};
for (const [path, answer] of Object.entries(endpoints)) routes[`GET ${path}`] = answer;

/** Several copies start at once: without the lock two may create the table side by side, which Postgres refuses. */
async function makeTable() {
  await postgres.query(`
    SELECT pg_advisory_xact_lock(20261121);
    CREATE TABLE IF NOT EXISTS items (id serial PRIMARY KEY, name text NOT NULL, ticket text)`);
}

async function readBody(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

const server = createServer(async (request, response) => {
  const send = (status, body) => {
    const headers = { 'content-type': 'application/json', 'access-control-allow-origin': '*' };
    response.writeHead(status, { ...headers, 'access-control-allow-headers': 'content-type' });
    response.end(body && `${JSON.stringify(body)}\n`);
  };
  if (request.method === 'OPTIONS') return send(204);
  const route = routes[`${request.method} ${request.url.split('?')[0]}`];
  if (!route) return send(404, { error: `no ${request.method} ${request.url} on branch ${branch}` });
  try {
    send(200, await route(request));
  } catch (error) {
    send(error instanceof SyntaxError ? 400 : 503, { error: error.message || error.code });
  }
});

server.listen(Number(PORT), HOST, () =>
  console.log(`api of ${STACK_TICKET ?? 'nobody'} (${branch}) listens on ${PORT}`),
);
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));

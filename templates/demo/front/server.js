// A small front-end: one page, and a proxy to the API for what the browser asks under /api/.
import { readFileSync } from 'node:fs';
import { request as askApi, createServer } from 'node:http';
import path from 'node:path';
import { readBranch } from './branch.js';
import { renderPage } from './page.js';

const { PORT = '8080', HOST, API_URL, API_PROXY_TARGET = API_URL, STACK_TICKET: ticket = 'nobody' } = process.env;
const here = import.meta.dirname;
const branch = readBranch(here);

async function readApi() {
  try {
    const answer = await fetch(API_PROXY_TARGET, { signal: AbortSignal.timeout(3000) });
    return await answer.json();
  } catch (error) {
    return { error: `${API_PROXY_TARGET}: ${error.cause?.code ?? error.message}` };
  }
}

async function sendPage(response) {
  // Read for each request: a change of the look shows when the page is loaded again.
  const theme = JSON.parse(readFileSync(path.join(here, 'theme.json'), 'utf8'));
  const html = renderPage({ theme, ticket, branch, api: await readApi(), apiUrl: API_URL });
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
}

function proxy(request, response) {
  const target = new URL(API_PROXY_TARGET.replace(/\/$/, '') + request.url.slice('/api'.length));
  const headers = { ...request.headers, host: target.host };
  const upstream = askApi(target, { method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  upstream.on('error', (error) => response.writeHead(502).end(`${API_PROXY_TARGET}: ${error.code}\n`));
  request.pipe(upstream);
}

const server = createServer((request, response) => {
  if (request.url.startsWith('/api/')) return proxy(request, response);
  if (request.url === '/')
    return sendPage(response).catch((error) => response.writeHead(500).end(`${error.message}\n`));
  response.writeHead(404).end('not found\n');
});

server.listen(Number(PORT), HOST, () => console.log(`front of ${ticket} (${branch}) listens on ${PORT}`));
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));

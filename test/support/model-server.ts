import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A model of which nothing but the wire is true: whatever it is asked, it says the same. */
export interface ModelServer {
  /** `http://127.0.0.1:PORT` */
  url: string;
  /** The bodies of all that it was asked. */
  asked: string[];
  stop(): Promise<void>;
}

/** Starts a server that speaks the protocols of four vendors' models and answers every message with `answer`. */
export async function startModel(answer: string): Promise<ModelServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    readBody(request)
      .then((body) => {
        asked.push(`${request.method} ${request.url} ${body}`);
        reply(request.url ?? '', body, answer, response);
      })
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

function reply(url: string, body: string, answer: string, response: ServerResponse): void {
  const streams = /"stream":\s*true/.test(body) || url.includes('streamGenerateContent');
  const events = pickEvents(url, answer);
  if (events === undefined) sendJson(response, { data: [], object: 'list', models: [] });
  else if (streams) sendStream(response, events, url.includes('/chat/completions') ? 'data: [DONE]\n\n' : '');
  else sendJson(response, wholeOf(url, answer));
}

function sendStream(response: ServerResponse, events: object[], end: string): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of events) {
    const { type } = event as { type?: string };
    response.write(`${type ? `event: ${type}\n` : ''}data: ${JSON.stringify(event)}\n\n`);
  }
  response.end(end);
}

function sendJson(response: ServerResponse, data: object): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(data));
}

function pickEvents(url: string, answer: string): object[] | undefined {
  if (url.includes('/messages')) return streamMessage(answer);
  if (url.includes('/responses')) return streamResponse(answer);
  if (url.includes('/chat/completions')) return streamCompletion(answer);
  return url.includes('enerateContent') ? [wholeOf(url, answer)] : undefined;
}

function wholeOf(url: string, answer: string): object {
  if (url.includes('count_tokens')) return { input_tokens: 7 };
  if (url.includes('/messages'))
    return { ...MESSAGE, content: [{ type: 'text', text: answer }], stop_reason: 'end_turn' };
  if (url.includes('/responses')) return { ...RESPONSE, status: 'completed', output: [itemOf(answer)] };
  if (url.includes('/chat/completions')) {
    const message = { role: 'assistant', content: answer };
    return {
      ...COMPLETION,
      object: 'chat.completion',
      choices: [{ index: 0, message, finish_reason: 'stop' }],
      usage: USED,
    };
  }
  const content = { role: 'model', parts: [{ text: answer }] };
  const usageMetadata = { promptTokenCount: 7, candidatesTokenCount: 3, totalTokenCount: 10 };
  return { candidates: [{ content, finishReason: 'STOP', index: 0 }], usageMetadata, modelVersion: 'fake' };
}

const MESSAGE = {
  ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'fake', content: [] as object[] },
  ...{ stop_reason: null as string | null, stop_sequence: null, usage: { input_tokens: 7, output_tokens: 3 } },
};

function streamMessage(answer: string): object[] {
  const stop = { stop_reason: 'end_turn', stop_sequence: null };
  return [
    { type: 'message_start', message: MESSAGE },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: answer } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: stop, usage: { output_tokens: 3 } },
    { type: 'message_stop' },
  ];
}

const RESPONSE = {
  ...{ id: 'resp_1', object: 'response', created_at: 1, model: 'fake', output: [] as object[] },
  usage: {
    ...{ input_tokens: 7, output_tokens: 3, total_tokens: 10 },
    ...{ input_tokens_details: { cached_tokens: 0 }, output_tokens_details: { reasoning_tokens: 0 } },
  },
};

function itemOf(answer: string): object {
  const content = [{ type: 'output_text', text: answer, annotations: [] }];
  return { type: 'message', id: 'item_1', role: 'assistant', status: 'completed', content };
}

function streamResponse(answer: string): object[] {
  const place = { item_id: 'item_1', output_index: 0, content_index: 0 };
  return [
    { type: 'response.created', response: { ...RESPONSE, status: 'in_progress', usage: null } },
    {
      type: 'response.output_item.added',
      output_index: 0,
      item: { ...itemOf(''), status: 'in_progress', content: [] },
    },
    { type: 'response.output_text.delta', ...place, delta: answer },
    { type: 'response.output_item.done', output_index: 0, item: itemOf(answer) },
    { type: 'response.completed', response: { ...RESPONSE, status: 'completed', output: [itemOf(answer)] } },
  ];
}

const COMPLETION = { id: 'chat_1', object: 'chat.completion.chunk', created: 1, model: 'fake' };
const USED = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };

function streamCompletion(answer: string): object[] {
  const delta = { role: 'assistant', content: answer };
  return [
    { ...COMPLETION, choices: [{ index: 0, delta, finish_reason: null }] },
    { ...COMPLETION, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: USED },
  ];
}

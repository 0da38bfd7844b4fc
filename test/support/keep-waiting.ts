import net from 'node:net';
import { until } from './until.ts';

/** Sends a shop's server a request that it never answers. Returns the connection, which neither side ends by itself. */
export async function keepWaiting(port: number): Promise<net.Socket> {
  const socket = net.connect(port, 'localhost');
  await until('it is connected', () => socket.readyState === 'open');
  socket.write('GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n');
  return socket;
}

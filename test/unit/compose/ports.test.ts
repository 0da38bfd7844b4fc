import { describe, expect, it } from 'vitest';
import { interpolate, listVariables } from '../../../src/domain/compose/interpolate.ts';
import { readPorts } from '../../../src/domain/compose/ports.ts';
import { layValues } from '../../../src/domain/values.ts';

const values = layValues({ SET: '8081', EMPTY: '', WORD: 'w' });

describe('a text of a compose file', () => {
  it.each([
    ['$SET/${SET}', '8081/8081'],
    ['${NONE}-$NONE', '-'],
    ['${NONE:-a} ${NONE-b} ${EMPTY:-c} ${EMPTY-d}', 'a b c '],
    ['${NONE:-${WORD}:${SET}}', 'w:8081'],
    ['${SET:+x} ${EMPTY:+x} ${EMPTY+y}', 'x  y'],
    ['${SET:?is needed} ${NONE?x}', '8081 '],
    ['$$SET $${SET} $ ${ $1', '$SET ${SET} $ ${ $1'],
  ])('%s is filled in as %j', (text, filled) => {
    expect(interpolate(text, values)).toBe(filled);
  });

  it('names its variables, those of defaults too', () => {
    expect(listVariables('$A ${B:-${C}} ${D?x} ${A}')).toEqual(['A', 'B', 'C', 'D']);
  });
});

describe('the ports of a service of a compose file', () => {
  it.each([
    ['9092:9092', { container: 9092, host: 9092 }],
    ['127.0.0.1:8025:80/tcp', { container: 80, host: 8025 }],
    ['[::1]:8025:80', { container: 80, host: 8025 }],
    ['127.0.0.1:${MAIL:-8025}:80', { container: 80, host: 8025, variable: 'MAIL' }],
    ['${MAIL-8025}:80', { container: 80, host: 8025, variable: 'MAIL' }],
    ['${MAIL}:80', { container: 80, variable: 'MAIL' }],
    ['$MAIL:81', { container: 81, variable: 'MAIL' }],
    ['${MAIL:?is: needed}:${INSIDE:-80}', { container: 80, variable: 'MAIL' }],
    ['${ADDRESS:-127.0.0.1}:${A:-${SET}}:80', { container: 80, host: 8081, variable: 'A' }],
    ['${SET}:80', { container: 80, host: 8081, variable: 'SET' }],
    ['${BOTH:-8025:80}', { container: 80, host: 8025 }],
    ['80${NONE}25:80', { container: 80, host: 8025 }],
    [
      { target: 80, published: '${MAIL:-8025}' },
      { container: 80, host: 8025, variable: 'MAIL' },
    ],
    [
      { target: 81, published: 82, host_ip: '127.0.0.1', mode: 'host' },
      { container: 81, host: 82 },
    ],
    [
      { target: '${INSIDE:-80}', published: '82', protocol: 'tcp' },
      { container: 80, host: 82 },
    ],
  ])('%j is understood', (port, read) => {
    expect(readPorts({ ports: [port] }, values)).toEqual([read]);
  });

  it.each([
    '9092',
    '53:53/udp',
    '8000-8010:8000-8010',
    '0:80',
    null,
    { target: 80 },
    { target: 53, published: 53, protocol: 'udp' },
  ])('%j is none that could be leased', (port) => {
    expect(readPorts({ ports: [port] }, values)).toEqual([]);
  });

  it.each([undefined, {}, { ports: 7 }, { ports: { a: 1 } }])('%j has none', (service) => {
    expect(readPorts(service, values)).toEqual([]);
  });
});

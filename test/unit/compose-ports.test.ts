import { describe, expect, it } from 'vitest';
import { readComposePorts } from '../../src/domain/compose-ports.ts';

const portsOf = (ports: string) => readComposePorts(`services:\n  some:\n    ports: ${ports}\n`).some;

describe('the ports of a compose file', () => {
  it.each([
    ['["9092:9092"]', [{ container: 9092, host: 9092 }]],
    ['["127.0.0.1:8025:80/tcp"]', [{ container: 80, host: 8025 }]],
    ['["[::1]:8025:80"]', [{ container: 80, host: 8025 }]],
    ['["127.0.0.1:${MAIL:-8025}:80"]', [{ container: 80, host: 8025, variable: 'MAIL' }]],
    [
      '["${MAIL}:80", "$MAIL:81"]',
      [
        { container: 80, variable: 'MAIL' },
        { container: 81, variable: 'MAIL' },
      ],
    ],
    ['["${MAIL:?is needed}:${INSIDE:-80}"]', [{ container: 80, variable: 'MAIL' }]],
    [
      '[{ target: 80, published: "${MAIL:-8025}" }, { target: 81, published: 82 }]',
      [
        { container: 80, host: 8025, variable: 'MAIL' },
        { container: 81, host: 82 },
      ],
    ],
  ])('%s are understood', (ports, read) => {
    expect(portsOf(ports)).toEqual(read);
  });

  it.each(['["9092"]', '["53:53/udp"]', '["8000-8010:8000-8010"]', '[{ target: 80 }]', '7', '[null]'])(
    '%s hold none that could be leased',
    (ports) => {
      expect(portsOf(ports)).toEqual([]);
    },
  );

  it.each(['', 'services:', 'services: [a]', ': : :', 'services: { a: null }'])('%j has none', (text) => {
    expect(Object.values(readComposePorts(text)).flat()).toEqual([]);
  });
});

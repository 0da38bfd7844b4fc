import { describe, expect, it } from 'vitest';
import { parseMoment } from '../../src/domain/moment.ts';

const NOW = Date.parse('2026-01-31T12:00:00Z');
const parse = (text: string): string => new Date(parseMoment(text, '--since', NOW)).toISOString();

describe('a moment that somebody types', () => {
  it.each([
    ['10m', '2026-01-31T11:50:00.000Z'],
    ['1h30m', '2026-01-31T10:30:00.000Z'],
    ['2d', '2026-01-29T12:00:00.000Z'],
    ['0s', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T09:30:15.250Z', '2026-01-31T09:30:15.250Z'],
    ['2026-01-31T09:30+02:00', '2026-01-31T07:30:00.000Z'],
    ['1769850000.5', '2026-01-31T09:00:00.500Z'],
  ])('is understood: %s', (text, moment) => {
    expect(parse(text)).toBe(moment);
  });

  it('without a zone is this machine’s', () => {
    expect(parse('2026-01-31 09:30')).toBe(new Date(2026, 0, 31, 9, 30).toISOString());
    expect(parse('2026-01-31')).toBe(new Date(2026, 0, 31).toISOString());
  });

  it.each(['', 'yesterday', '10', '10x', '-5m', '2026-13-31', '2026-01-31T25:00'])('is refused: %j', (text) => {
    expect(() => parse(text)).toThrow('--since takes how long ago or a moment');
  });
});

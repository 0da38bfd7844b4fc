import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { fromJSONSchema } from 'zod';
import { renderJsonSchema } from '../../../src/domain/config/json-schema.ts';
import { SHOP, SMALL } from '../stack-file.ts';

describe('the schema for editors', () => {
  const text = renderJsonSchema();
  const schema = fromJSONSchema(JSON.parse(text));
  const takes = (yaml: string) => schema.safeParse(parse(yaml, { merge: true })).success;

  test('takes the examples', () => {
    expect(takes(SHOP)).toBe(true);
    expect(takes(SMALL)).toBe(true);
  });

  test('takes what stack takes: keys without a value, the environment where a number is wanted', () => {
    expect(takes(`${SMALL}    ports: { http: { from: "\${env.PORT:-3001}" } }\n    env:\n`)).toBe(true);
  });

  test('marks unknown keys and wrong types', () => {
    expect(takes(`${SMALL}    port: 3\n`)).toBe(false);
    expect(takes(`${SMALL}    ports: 3\n`)).toBe(false);
    expect(takes(SMALL.replace('repos', 'repo'))).toBe(false);
  });

  test('says what each key is for', () => {
    const { properties } = JSON.parse(text);
    expect(properties.services.additionalProperties.properties.depends_on.description).toMatch(/ready before/);
  });
});

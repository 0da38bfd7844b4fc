import * as z from 'zod/mini';
import { stackSchema } from './schema.ts';

/** Returns the JSON Schema of `stack.yml` for editors, as text. */
export function renderJsonSchema(): string {
  const schema = z.toJSONSchema(stackSchema, {
    io: 'input',
    override: ({ jsonSchema }) => allowEnvironment(jsonSchema),
  });
  const whole = {
    title: 'stack.yml',
    description: 'One product for `stack`: its repos, its services, its shared services',
    ...schema,
    patternProperties: { '^x-': { description: 'A place for anchors; not read' } },
  };
  return `${JSON.stringify(whole, undefined, 2)}\n`;
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** `from: ${env.PORT}` is a text to an editor and a number to stack. */
function allowEnvironment(schema: JsonSchema): void {
  const { description, ...own } = schema;
  const noTexts: unknown[] = ['integer', 'number', 'boolean'];
  if (own.enum === undefined && !noTexts.includes(own.type)) return;
  for (const key of Object.keys(schema)) delete (schema as Record<string, unknown>)[key];
  const fromEnvironment = { type: 'string' as const, pattern: '\\$\\{env\\.' };
  Object.assign(schema, description === undefined ? {} : { description }, { anyOf: [own, fromEnvironment] });
}

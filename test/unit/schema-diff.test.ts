import { expect, it } from 'vitest';
import { diffSchemas, renderChange } from '../../src/domain/schema-diff.ts';

const baseline = {
  tables: ['items', 'old'],
  columns: { 'items.id': 'integer NOT NULL', 'items.name': 'text', 'old.id': 'integer' },
  indexes: { items_pkey: 'CREATE UNIQUE INDEX items_pkey ON public.items USING btree (id)' },
};

it('finds nothing between two that are alike', () => {
  expect(diffSchemas(baseline, structuredClone(baseline))).toEqual([]);
});

it('names what came, went and changed: tables, then columns, then indexes', () => {
  const ticket = {
    tables: ['items', 'new'],
    columns: { 'items.id': 'bigint NOT NULL', 'items.name': 'text', 'new.id': 'integer' },
    indexes: {},
  };
  expect(diffSchemas(baseline, ticket).map(renderChange)).toEqual([
    '+ table new',
    '- table old',
    '~ column items.id  integer NOT NULL -> bigint NOT NULL',
    '+ column new.id  integer',
    '- column old.id  integer',
    '- index items_pkey  CREATE UNIQUE INDEX items_pkey ON public.items USING btree (id)',
  ]);
});

/** The shape of a database: names with schema where that is not `public`, definitions as Postgres writes them. */
export interface DatabaseSchema {
  tables: string[];
  /** `items.name` → `text NOT NULL`. */
  columns: Record<string, string>;
  /** `items_name_idx` → `CREATE INDEX …`. */
  indexes: Record<string, string>;
}

/** One thing that a ticket's database has otherwise than the baseline's. */
export interface SchemaChange {
  change: 'added' | 'removed' | 'changed';
  kind: 'table' | 'column' | 'index';
  name: string;
  /** Its definition; that of a table is in its columns. */
  baseline?: string;
  ticket?: string;
}

/** Returns what a ticket's database has otherwise than the baseline's: tables, then columns, then indexes, by name. */
export function diffSchemas(baseline: DatabaseSchema, ticket: DatabaseSchema): SchemaChange[] {
  const named = (tables: readonly string[]): Record<string, string> =>
    Object.fromEntries(tables.map((name) => [name, '']));
  return [
    ...compare('table', named(baseline.tables), named(ticket.tables)).map(({ change, kind, name }) => ({
      change,
      kind,
      name,
    })),
    ...compare('column', baseline.columns, ticket.columns),
    ...compare('index', baseline.indexes, ticket.indexes),
  ];
}

function compare(
  kind: SchemaChange['kind'],
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): SchemaChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name): SchemaChange[] => {
    const [baseline, ticket] = [before[name], after[name]];
    if (baseline === ticket) return [];
    if (baseline === undefined) return [{ change: 'added', kind, name, ticket: ticket ?? '' }];
    if (ticket === undefined) return [{ change: 'removed', kind, name, baseline }];
    return [{ change: 'changed', kind, name, baseline, ticket }];
  });
}

/** Returns changes as lines: `+ column items.colour  text`. */
export function renderChange({ change, kind, name, baseline, ticket }: SchemaChange): string {
  if (change === 'changed') return `~ ${kind} ${name}  ${baseline} -> ${ticket}`;
  const definition = ticket ?? baseline;
  return `${change === 'added' ? '+' : '-'} ${kind} ${name}${definition ? `  ${definition}` : ''}`;
}

import type { DraftService, StackPlan } from './stack-plan.ts';

/** Returns the variables of a service: its port, the stores it uses, and for a front-end where the APIs are. */
export function planEnv(
  service: DraftService,
  { drafts, shared }: { drafts: readonly DraftService[]; shared: StackPlan['shared'] },
): Record<string, string> {
  const { variables, env } = service.project;
  const uses = storesOf(service, shared);
  return {
    PORT: '${port.http}',
    ...(uses.postgres && variables.postgres),
    ...(uses.redis && variables.redis),
    ...(service.role === 'front' && nameApis(service, drafts)),
    ...env,
  };
}

/** What nobody told about is given to the APIs, which is where it is used. */
function storesOf({ role, project }: DraftService, shared: StackPlan['shared']): { postgres: boolean; redis: boolean } {
  if (!shared.sure) return { postgres: role === 'api', redis: role === 'api' };
  return project.needs;
}

function nameApis({ project }: DraftService, drafts: readonly DraftService[]): Record<string, string> {
  const apis = drafts.filter(({ role }) => role === 'api');
  const main = apis.find(({ name }) => name === 'api') ?? apis[0];
  if (!main) return {};
  const found = Object.entries(project.variables.api).map(([name, rest]) => {
    // The program asks at such an address itself; at others a browser does.
    const own = /PROXY|INTERNAL|TARGET|SERVER_SIDE/.test(name);
    return [name, `\${${main.name}.${own ? 'internal_url' : 'url'}}${rest}`];
  });
  const others = apis.filter((api) => api !== main).map(({ name }) => [variableOf(name), `\${${name}.url}`]);
  return {
    API_URL: `\${${main.name}.url}`,
    API_PROXY_TARGET: `\${${main.name}.internal_url}`,
    ...Object.fromEntries([...found, ...others]),
  };
}

/** `billing-api` → `BILLING_API_URL`; a variable may not begin with a digit. */
function variableOf(name: string): string {
  const variable = `${name}_URL`.toUpperCase().replaceAll('-', '_');
  return /^\d/.test(variable) ? `_${variable}` : variable;
}

import { revealText } from '../domain/config/commands.ts';
import type { ResolvedValue } from '../domain/config/resolved.ts';
import { createStyle } from '../ui/style.ts';
import type { Verb } from './common/verb.ts';

interface Result {
  root: string;
  files: string[];
  values: ResolvedValue[];
}

export const config: Verb<object, Result> = {
  name: 'config',
  summary: 'show what stack.yml says, and where each value comes from',
  args: '',
  flags: [],
  examples: ['stack config', 'stack config | grep services.api', 'stack config --json'],
  completes: {},
  async run(context) {
    const [{ explainConfig }, { root }] = await Promise.all([import('../adapters/config-file.ts'), context.place()]);
    const { host, signal } = context;
    return { root, ...(await explainConfig(root, host.env, { cwd: host.cwd, signal })) };
  },
  render({ values }, { color }) {
    const style = createStyle(color);
    return values
      .map(({ key, value, from, variables = [] }) => {
        const origins = [from, ...variables.map(({ name, from: origin }) => `${name} from ${describe(origin)}`)];
        return `${style.strong(revealText(key))}: ${renderValue(value)}  ${style.dim(`# ${revealText(origins.join(', '))}`)}`;
      })
      .join('\n');
  },
};

function describe(origin: 'environment' | '.env' | 'default'): string {
  return { environment: 'the environment', '.env': '.env', default: 'its default' }[origin];
}

function renderValue(value: ResolvedValue['value']): string {
  const isPlain = typeof value === 'string' && value !== '' && !/[\r\n]/.test(value);
  return revealText(isPlain ? value : JSON.stringify(value));
}

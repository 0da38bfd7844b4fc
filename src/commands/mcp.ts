import { StackError } from '../domain/errors.ts';
import type { Installed } from '../orchestrator/runs/install-mcp.ts';
import { bothSaid } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

interface Options {
  ticket?: string;
  write?: boolean;
}

/** Undefined: it has served. */
export const mcp: Verb<Options, Installed | undefined> = {
  name: 'mcp',
  summary: 'serve these verbs as tools to an agent that starts it, by MCP; `install AGENT` tells an agent of it',
  args: '[install] [agent]',
  jsonHelp: 'of install: one document; what is served is JSON anyway',
  flags: [
    ['--ticket <ticket>', 'about this one alone: others can be neither named nor listed'],
    ['--write', 'install: add it to the agent’s file; without, print what belongs there'],
  ],
  examples: ['stack mcp', 'stack mcp --ticket feat-02', 'stack mcp install claude', 'stack mcp install claude --write'],
  completes: { leads: ['install'] },
  async run(context, { args: [action, agent], options }) {
    const { ticket, write = false } = options;
    if (action === undefined) {
      if (write) throw bothSaid('mcp and --write', '`stack mcp install AGENT --write` writes');
      return serveTools(context, ticket);
    }
    if (action !== 'install' || agent === undefined)
      throw new StackError('usage', action === 'install' ? 'which agent?' : `mcp knows no \`${action}\``, {
        hint: 'stack mcp, or stack mcp install claude',
      });
    const { installMcp } = await import('../orchestrator/runs/install-mcp.ts');
    return installMcp(await context.stack(), { agent, ticket, write });
  },
  render(installed) {
    if (!installed) return '';
    const { file, text, written } = installed;
    if (written) return `${file} has it`;
    return `# in ${file}\n${text.trimEnd()}`;
  },
  toJson: (installed) => installed,
};

async function serveTools(
  { host, packageRoot, signal, stack }: Parameters<Verb['run']>[0],
  ticket: string | undefined,
): Promise<undefined> {
  const { stdin, stdout, cwd, env } = host;
  if (stdin.isTTY)
    throw new StackError('usage', 'this is for an agent that starts it, and talks to it in JSON', {
      hint: '`stack mcp install AGENT` tells an agent of it',
    });
  const [{ serve }, opened] = await Promise.all([import('../mcp/server.ts'), stack()]);
  await serve({ stack: opened, ticket, packageRoot, cwd, env, stdin, stdout, signal });
}

import { renderSuggestion } from '../suggest.ts';
import { listKnownNames, listNames, renderNames } from '../template.ts';
import type { ServiceConfig, StackConfig } from './config.ts';
import type { KeyPath } from './place.ts';
import type { Finding } from './problems.ts';

/** Finds every `${name}` in a service's templates that would stand for nothing. */
export function checkTemplateNames(config: StackConfig): Finding[] {
  return Object.entries(config.services).flatMap(([name, service]) => {
    const known = listKnownNames(config, name);
    return listTemplates(['services', name], service).flatMap(({ path, text }) =>
      listNames(text)
        .filter((used) => !known.includes(used))
        .map((used) => ({ path, ...explainUnknown(config, used, known) })),
    );
  });
}

function listTemplates(path: KeyPath, service: ServiceConfig): { path: KeyPath; text: string }[] {
  const { image, command, build, env } = service;
  const words = typeof command === 'string' ? [{ path: [...path, 'command'], text: command }] : [];
  const argv = Array.isArray(command) ? command : [];
  return [
    ...(image === undefined ? [] : [{ path: [...path, 'image'], text: image }]),
    ...words,
    ...argv.map((text, index) => ({ path: [...path, 'command', index], text })),
    ...Object.entries(build?.args ?? {}).map(([key, text]) => ({ path: [...path, 'build', 'args', key], text })),
    ...Object.entries(env).map(([key, text]) => ({ path: [...path, 'env', key], text })),
  ];
}

function explainUnknown(
  config: StackConfig,
  name: string,
  known: readonly string[],
): { message: string; hint: string } {
  const place = `\`\${${name}}\``;
  const [subject = ''] = name.split('.');
  if (/^[A-Z_][A-Z0-9_]*(:?[-+?=].*)?$/.test(name)) {
    const hint = `write \`\${env.${name}}\` for the environment variable, \`$\${${name}}\` for the shell’s own`;
    return { message: `${place} is not a known name`, hint };
  }
  if (Object.hasOwn(config.services, subject) && !known.some((other) => other.startsWith(`${subject}.`))) {
    return {
      message: `${place}: service \`${subject}\` has no ports, so nothing can reach it`,
      hint: 'give it `ports`',
    };
  }
  return {
    message: `${place} is not a known name${renderSuggestion(name, known)}`,
    hint: `known here: ${renderNames(known)}, env.NAME; \`$\${\` is the text \`\${\``,
  };
}

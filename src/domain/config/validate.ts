import { posix } from 'node:path';
import { BASELINE } from '../instance.ts';
import { findKindFacts, isOwnable, OWNABLE, OWNABLE_WORDS, titleOf } from '../own-kinds.ts';
import { listNames } from '../template.ts';
import type { StackConfig } from './config.ts';
import type { KeyPath } from './place.ts';
import type { Finding } from './problems.ts';
import { NAME_PATTERN, NAME_RULE } from './schema.ts';
import { checkInsidePath, checkOutsidePath } from './validate-paths.ts';
import { checkServices } from './validate-services.ts';

/** Finds what is wrong between the parts of a config that are each valid: names that clash or lead nowhere, paths, cycles. */
export function checkConfig(config: StackConfig): Finding[] {
  return [
    ...checkSizes(config),
    ...checkBranch(config.branch),
    ...checkCommit(config.commit),
    ...checkNames(config),
    ...checkOutsidePath(['worktrees'], config.worktrees),
    ...checkOutsidePath(['shared', 'compose'], config.shared.compose),
    ...checkPrefixes(config.shared.services),
    ...checkIsolation(config.shared.services),
    ...checkRepos(config),
    ...checkServices(config),
  ];
}

function checkSizes(config: StackConfig): Finding[] {
  const sections = [
    { path: ['repos'], entries: config.repos, what: 'repo', example: 'front: { path: ./front }' },
    {
      path: ['services'],
      entries: config.services,
      what: 'service',
      example: 'front: { repo: front, command: npm start }',
    },
  ];
  return sections
    .filter(({ entries }) => Object.keys(entries).length === 0)
    .map(({ path, what, example }) => ({
      path,
      at: 'key',
      message: `a stack has at least one ${what}`,
      hint: `write e.g. \`${example}\``,
    }));
}

/** What no branch may hold (git-check-ref-format). */
const NO_BRANCH = /[\s~^:?*[\\]|\.\.|@\{|\/\/|^[-/]|[/.]$|\.lock(\/|$)|(^|\/)\./;

function checkBranch(pattern: string): Finding[] {
  const path = ['branch'];
  const hint = 'write e.g. `${ticket}` or `me/${ticket}`';
  const names = listNames(pattern);
  const others = names.filter((name) => name !== 'ticket');
  if (others.length > 0) {
    return [{ path, message: `\`\${${others[0]}}\` is not known here, only \`\${ticket}\` is`, hint }];
  }
  if (names.length === 0) return [{ path, message: 'must hold `${ticket}`, else all tickets share one branch', hint }];
  if (!NO_BRANCH.test(pattern.replaceAll('${ticket}', 'x').replaceAll('${$}', '$'))) return [];
  return [{ path, message: `git allows no branch like ${JSON.stringify(pattern)}`, hint }];
}

function checkCommit(pattern: string): Finding[] {
  const path = ['commit'];
  const hint = 'write e.g. `${ticket}: ${message}` or `${message} (${ticket})`';
  const names = listNames(pattern);
  const other = names.find((name) => name !== 'ticket' && name !== 'message');
  if (other !== undefined)
    return [{ path, message: `\`\${${other}}\` is not known here, only \`\${ticket}\` and \`\${message}\` are`, hint }];
  return names.includes('message')
    ? []
    : [{ path, message: 'must hold `${message}`, else no commit says what it does', hint }];
}

function checkPrefixes(services: StackConfig['shared']['services']): Finding[] {
  return Object.entries(services).flatMap(([name, { prefix = '${ticket}' }]) => {
    const names = listNames(prefix);
    if (names.length === 1 && names[0] === 'ticket') return [];
    const message = 'must hold `${ticket}`, and no other name';
    return [{ path: ['shared', name, 'own', 'prefix'], message, hint: 'write e.g. "${ticket}-"' }];
  });
}

function checkIsolation(services: StackConfig['shared']['services']): Finding[] {
  return Object.entries(services).flatMap(([name, { isolation, url }]) => {
    if (isolation === undefined) return [];
    const path = ['shared', name, 'isolation'];
    if (!findKindFacts(name)?.numbered) {
      const known = OWNABLE.filter((one) => findKindFacts(one)?.numbered).join(' and ');
      return [{ path, message: `only ${known} knows this key`, hint: 'take it out', at: 'key' as const }];
    }
    if (isolation !== 'server' || url === undefined) return [];
    const message = 'a ticket gets no server of its own where `url:` names one that you run yourselves';
    return [{ path, message, hint: `take \`url:\` out, so that stack runs ${titleOf(name)}, or let it be \`db\`` }];
  });
}

/** What the first part of a `${…}` may mean besides a service; `tickets` is the folder's name. */
const RESERVED = ['env', 'port', 'ticket', 'tickets', 'branch', 'stack', 'root', 'worktree', 'constructor'];

function checkNames(config: StackConfig): Finding[] {
  const shared = Object.keys(config.shared.services);
  const services = Object.keys(config.services);
  return [
    ...Object.keys(config.repos).flatMap((name) => checkName(['repos', name], name, [])),
    ...services.flatMap((name) => checkName(['services', name], name, RESERVED)),
    ...shared.flatMap((name) => checkName(['shared', name], name, RESERVED)),
    ...shared
      .filter((name) => !NAME_PATTERN.test(name))
      .map((name) => badName(['shared', name], `\`${name}\` must be ${NAME_RULE}`)),
    ...services
      .filter((name) => shared.includes(name))
      .map((name) => badName(['services', name], `a shared service is called \`${name}\` too`)),
  ];
}

function checkName(path: KeyPath, name: string, reserved: readonly string[]): Finding[] {
  if (name === BASELINE) return [badName(path, `\`${name}\` is the name of the main checkouts’ own environment`)];
  if (!reserved.includes(name)) return [];
  return [badName(path, `\`${name}\` has a meaning of its own in \`\${…}\``)];
}

function badName(path: KeyPath, message: string): Finding {
  return { path, message, hint: 'choose another name', at: 'key', shown: path.slice(0, -1) };
}

function checkRepos({ repos, shared }: StackConfig): Finding[] {
  const seen = new Map<string, string>();
  return Object.entries(repos).flatMap(([name, repo]) => {
    const path = ['repos', name];
    const folder = posix.normalize(`${repo.path}/`);
    const twin = seen.get(folder);
    seen.set(folder, twin ?? name);
    return [
      ...checkOutsidePath([...path, 'path'], repo.path),
      ...(twin === undefined ? [] : [sameFolder([...path, 'path'], twin)]),
      ...checkInsidePath([...path, 'env_file'], repo.envFile),
      ...repo.own.flatMap((service, index) => checkOwn([...path, 'own', index], service, shared.services)),
      ...repo.copy.flatMap((glob, index) => checkInsidePath([...path, 'copy', index], glob)),
      ...repo.disposable.flatMap((glob, index) => checkInsidePath([...path, 'disposable', index], glob)),
      ...repo.contracts.flatMap((glob, index) => checkInsidePath([...path, 'contracts', index], glob)),
    ];
  });
}

function checkOwn(path: KeyPath, service: string, shared: StackConfig['shared']['services']): Finding[] {
  if (!isOwnable(service)) {
    return [{ path, message: `a ticket can have its own ${OWNABLE_WORDS} only`, hint: 'name one of these' }];
  }
  if (Object.hasOwn(shared, service)) return [];
  return [{ path, message: `stack shares no ${service}`, hint: `add \`${service}: {}\` to \`shared:\`` }];
}

function sameFolder(path: KeyPath, twin: string): Finding {
  return {
    path,
    message: `repo \`${twin}\` has this folder already`,
    hint: 'one repo may have several services: give each its `dir`',
  };
}

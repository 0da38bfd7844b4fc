import path from 'node:path';
import { allowsOrigin, probeHttp } from '../../adapters/net/probe.ts';
import { findAddresses } from '../../domain/check/address.ts';
import { findEndpoint } from '../../domain/check/endpoints.ts';
import { type CheckFacts, type Link, makeLink, type ServiceFacts } from '../../domain/check/link.ts';
import { isAllowList, nameOf } from '../../domain/check/references.ts';
import { judgeAddress, labelTarget, showValue } from '../../domain/check/verdict.ts';
import { listNames } from '../../domain/template.ts';
import { firstPort } from '../../domain/wiring.ts';
import { type FrontConfig, readFrontConfig } from './front-config.ts';

/** Variables that bundlers put into what a browser loads. */
const PUBLIC = /^(VITE|NEXT_PUBLIC|NUXT_PUBLIC|REACT_APP|VUE_APP|PUBLIC|EXPO_PUBLIC|GATSBY|NG_APP)_/;

/**
 * Asks as a page of a ticket's front-ends would, and reads what their dev servers pass on. Returns a link for each service that
 * does not let such a page read its answers, each address of another copy in their settings, and each path that leads nowhere.
 */
export async function askAsBrowser(facts: CheckFacts, links: readonly Link[]): Promise<Link[]> {
  const { ticket } = facts.wiring.record;
  const own = facts.services.filter(({ wiring }) => wiring.record.ticket === ticket);
  const found = await Promise.all(
    own.map(async (front) => {
      const config = await readFrontConfig(folderOf(front));
      const asked = front.running
        ? [...(await askServices(facts, front, links)), ...(await askProxy(facts, front, config))]
        : [];
      return [...asked, ...judgeConfig(facts, front, config)];
    }),
  );
  return found.flat();
}

function folderOf({ wiring, own, settings }: ServiceFacts): string {
  const repo = wiring.record.repos[own.repo];
  return repo?.mode === 'dedicated' ? path.join(repo.worktree, settings.dir) : '';
}

async function askServices(facts: CheckFacts, front: ServiceFacts, links: readonly Link[]): Promise<Link[]> {
  const port = firstPort(front.own)?.host;
  if (port === undefined) return [];
  const wires = Object.entries(front.settings.env).flatMap(([key, template]) =>
    PUBLIC.test(key)
      ? listNames(template)
          .flatMap((name) => /^([^.]+)\.url$/.exec(name)?.[1] ?? [])
          .map((name) => ({ key, name }))
      : [],
  );
  const asked = wires.map(async ({ key, name }) => {
    const api = facts.services.find((one) => one !== front && one.service === name && one.running);
    const at = api && firstPort(api.own)?.host;
    const ends = { from: nameOf(facts, front), to: api ? nameOf(facts, api) : name };
    // That its list lacks the page is told as that.
    const isTold = links.some((link) => link.from === ends.from && link.to === ends.to && isAllowList(link.key ?? ''));
    if (api === undefined || at === undefined || isTold) return [];
    const origin = `http://localhost:${port}`;
    if ((await allowsOrigin(at, api.settings.ready.http ?? '/', origin)) !== false) return [];
    const value = showValue(facts, key, front.expected[key] ?? '');
    const reason = `a browser lets no page of ${origin} read what ${ends.to} answers: no Access-Control-Allow-Origin for it`;
    const hint = `let ${name} allow \`\${tickets.${front.service}.urls}\``;
    return [makeLink({ ...ends, key, value }, [{ state: 'warning', reason, hint }])];
  });
  return (await Promise.all(asked)).flat();
}

async function askProxy(facts: CheckFacts, front: ServiceFacts, { proxied }: FrontConfig): Promise<Link[]> {
  const port = firstPort(front.own)?.host;
  if (port === undefined) return [];
  const name = nameOf(facts, front);
  const asked = proxied.map(async (at) => {
    const trouble = await probeHttp(port, at);
    if (!trouble?.startsWith('status 5')) return [];
    const reason = `it passes ${at} on, and answers ${trouble}: what it leads to may not be there`;
    return [makeLink({ from: `localhost:${port}${at}`, to: name }, [{ state: 'warning', reason }])];
  });
  return (await Promise.all(asked)).flat();
}

/** An address that is written there leads to the same copy from every ticket. */
function judgeConfig(facts: CheckFacts, front: ServiceFacts, { literals }: FrontConfig): Link[] {
  return literals.flatMap(({ place, text }) =>
    findAddresses('', text).flatMap((address) => {
      const trouble = judgeAddress(facts, front, address);
      const endpoint = findEndpoint(facts.directory, address);
      if (!trouble || !endpoint) return [];
      const ends = { from: nameOf(facts, front), to: labelTarget(facts, front, endpoint) };
      const hint = 'let it read the address from a variable that stack.yml fills in';
      return [makeLink(ends, [{ state: 'warning', reason: `${place} ${trouble.reason}`, hint }])];
    }),
  );
}

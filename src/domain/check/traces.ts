import { describeReader, type EnvReader, findWinner, type Winner } from '../env-reader.ts';
import { BASELINE } from '../instance.ts';
import { listNames } from '../template.ts';
import { findAddresses } from './address.ts';
import { findEndpoint } from './endpoints.ts';
import { type CheckFacts, type Link, makeLink, type ServiceFacts, type Trouble } from './link.ts';
import { nameOf } from './references.ts';
import { labelTarget, showValue } from './verdict.ts';

/**
 * Returns a link for each variable that stack wires and of which what reads env files in the service's folder gets another value: over
 * what stack gives the program, or in place of stack's block once somebody runs it by hand.
 */
export function drawTraces(facts: CheckFacts, from: ServiceFacts): Link[] {
  const own = from.files.find(({ wanted }) => wanted);
  const isBaseline = from.wiring.record.ticket === BASELINE;
  // In the main checkouts, what is run by hand is the developer's own affair.
  const wired = isBaseline ? from.expected : (own?.wanted ?? {});
  const { dir } = from.settings;
  const valuesOf = (file: string) => from.files.find(({ name }) => name === placeIn(dir, file))?.values;
  // What a program really gets comes first.
  const readers = from.readers
    .filter((reader) => !isBaseline || isForced(reader))
    .toSorted((one, other) => Number(isForced(other)) - Number(isForced(one)));
  return Object.entries(wired).flatMap(([key, ours]) => {
    const told = new Set(own ? [own.name] : []);
    return readers.flatMap((reader) => {
      const winner = findWinner(reader, key, valuesOf);
      if (!winner || winner.value === ours || !isWired(from, key, [ours, winner.value])) return [];
      const file = placeIn(dir, winner.file);
      if (told.has(file)) return [];
      told.add(file);
      const ends = { from: nameOf(facts, from), to: targetOf(facts, from, key, ours), key };
      const trouble = judge(facts, from, { key, reader, winner, file, own: own?.name ?? '' });
      return [{ ...makeLink({ ...ends, value: showValue(facts, key, winner.value) }, [trouble]), file }];
    });
  });
}

/** It goes over what stack gives to what it runs. */
function isForced({ overrides, byHand }: EnvReader): boolean {
  return overrides && byHand !== true;
}

/** Relative to the worktree, from what is relative to the service's folder. */
function placeIn(dir: string, file: string): string {
  return dir === '' || dir === '.' ? file : `${dir}/${file}`;
}

/** Leads somewhere, or is put together of what leads somewhere: a name, a port, a user. */
function isWired({ settings }: ServiceFacts, key: string, values: readonly string[]): boolean {
  return listNames(settings.env[key] ?? '').length > 0 || values.some((value) => findAddresses(key, value).length > 0);
}

/** Returns the name of where a variable is meant to lead; the file with stack's block where that is not known. */
export function targetOf(facts: CheckFacts, from: ServiceFacts, key: string, ours: string): string {
  const [address] = findAddresses(key, ours);
  const endpoint = address && findEndpoint(facts.directory, address);
  return endpoint ? labelTarget(facts, from, endpoint) : (from.files.find(({ wanted }) => wanted)?.name ?? '');
}

interface Trace {
  key: string;
  reader: EnvReader;
  winner: Winner;
  file: string;
  own: string;
}

function judge(facts: CheckFacts, from: ServiceFacts, { key, reader, winner, file, own }: Trace): Trouble {
  const isTracked = from.files.some(({ name, tracked }) => tracked && name === file);
  const name = describeReader(reader);
  const says = findAddresses(key, winner.value).length > 0 ? ` (${showValue(facts, key, winner.value)})` : '';
  const reads = reader.files.map((one) => placeIn(from.settings.dir, one)).includes(own);
  const reason = reader.overrides
    ? `${name} puts another value of ${file}${says} over what stack gives it`
    : `run by hand, ${name} gets another value${says}: it reads ${file} ${reads ? 'before' : 'and not'} ${own}, where stack’s block is`;
  const isBaseline = from.wiring.record.ticket === BASELINE;
  const hint = isTracked
    ? `git keeps ${file}: take the line out, or keep it in a file that is not read here`
    : isBaseline
      ? `take the line out of ${file}, or make it the same`
      : `\`env_file: ${winner.file}\` of ${from.own.repo} in stack.yml writes the block there`;
  return { state: isForced(reader) ? 'wrong' : 'warning', reason, hint };
}

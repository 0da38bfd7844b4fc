import type { Detection } from './detect/detect-stack.ts';
import { planConfig } from './detect/plan-config.ts';
import type { Answers } from './detect/stack-plan.ts';

/** Something that the files do not tell and that a person knows. */
export interface Question {
  key: keyof Answers;
  text: string;
  /** The first is what is taken where nobody is there to ask. */
  choices: { value: string; label: string }[];
}

/** Returns what to ask, at most three questions: those whose answers make another `stack.yml`, and save most of the edits. */
export function listQuestions(detection: Detection): Question[] {
  return [askBase(detection), askApi(detection), askBorrow(detection)].filter((question) => question !== undefined);
}

/** A branch that work starts from, beside the one that git names. */
function askBase({ repos }: Detection): Question | undefined {
  const first = repos.find(({ base, bases }) => bases.some((name) => name !== base));
  if (!first) return undefined;
  const names = [
    ...new Set([...(first.base === undefined ? [] : [first.base]), ...repos.flatMap(({ bases }) => bases)]),
  ];
  if (names.length < 2) return undefined;
  return { key: 'base', text: 'Which branch do new branches start from?', choices: names.map(asChoice) };
}

/** One of several APIs that a front-end may mean. */
function askApi(detection: Detection): Question | undefined {
  const { services } = planConfig(detection);
  const apis = services.filter(({ role, project }) => role === 'api' && project.worker === undefined);
  const envsWith = (api: string) => JSON.stringify(planConfig(detection, { api }).services.map(({ env }) => env));
  const planned = JSON.stringify(services.map(({ env }) => env));
  const names = apis.map(({ name }) => name);
  const usual = names.filter((name) => envsWith(name) === planned);
  const others = names.filter((name) => !usual.includes(name));
  if (others.length === 0) return undefined;
  const fronts = services.filter(({ role }) => role === 'front').map(({ name }) => name);
  const text = `Which API ${fronts.length === 1 ? `does ${fronts[0]}` : `do ${fronts.join(', ')}`} talk to?`;
  return { key: 'api', text, choices: [...usual.slice(0, 1), ...others].map(asChoice) };
}

function askBorrow(detection: Detection): Question | undefined {
  const { repos, services } = planConfig(detection);
  const lent = repos.filter(({ name, shared }) => shared && services.some(({ repo }) => repo === name));
  const names = lent.map(({ name }) => name).join(', ');
  if (lent.length === 0) return undefined;
  return {
    key: 'borrow',
    text: `Does a ticket have its own ${names}?`,
    choices: [
      { value: 'yes', label: 'when it asks for it; until then it borrows the main checkout’s running copy' },
      { value: 'no', label: 'always' },
    ],
  };
}

function asChoice(value: string): { value: string; label: string } {
  return { value, label: value };
}

import type { DraftService, PlannedPort } from './stack-plan.ts';

const FRONT = 3001;
const API = { baseline: 3000, from: 4001 };
/** A range ends below the next thousand; from 32768 on the system gives ports to anybody. */
const RANGE = 1000;
const LAST_RANGE = 30_001;

/** Gives each service a range that meets no other: the first front-end from 3001, the first API 3000 and from 4001, then 5001, 6001, … */
export function planPorts(services: readonly DraftService[]): PlannedPort[] {
  const front = services.findIndex(({ role }) => role === 'front');
  const api = services.findIndex(({ role }) => role === 'api');
  let next = API.from;
  const takeRange = () => {
    next = Math.min(next + RANGE, LAST_RANGE);
    return next;
  };
  return services.map(({ project, shared }, index) => {
    const container = project.port.value;
    if (index === front) return { baseline: undefined, from: FRONT, container };
    if (index === api) return { baseline: shared ? API.baseline : undefined, from: API.from, container };
    return { baseline: undefined, from: takeRange(), container };
  });
}

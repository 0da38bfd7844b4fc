// All that main.ts loads once there is more to do than to print the version. One module, since the build loads it
// together with what was compiled of it before (code-cache.ts).

export { stranded } from './domain/errors.ts';
export { createContext } from './open-context.ts';
export { runProgram } from './program.ts';
export { renderError, renderErrorJson } from './ui/error.ts';

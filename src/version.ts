declare const STACK_VERSION: string | undefined;

/** The version in package.json; the build puts it in. */
export const version: string = typeof STACK_VERSION === 'string' ? STACK_VERSION : '0.0.0-dev';

/**
 * What a host process takes from the person's shell: where programs and homes are, language, time zone, terminal, proxies
 * and certificates. All else would make a service depend on which shell started it; `${env.NAME}` in stack.yml passes more.
 */
const NAMES = new Set([
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'TZ',
  'TERM',
  'COLORTERM',
  'TMPDIR',
  'SSH_AUTH_SOCK',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'DYLD_FALLBACK_LIBRARY_PATH',
]);

/** `JAVA_HOME`, `PYENV_ROOT`, `NVM_DIR`: where version managers and toolchains are. */
const PATTERN = /^(LC_|XDG_|NIX_|HOMEBREW_)|_(HOME|ROOT)$|^(NVM|FNM|ASDF|MISE|SDKMAN|BUN)_.*(DIR|INSTALL|PATH)$/;

/** Variables that fit the pattern and are ours, or speak of another place than the service's. */
const NEVER = /^(STACK_|GIT_|npm_|INIT_CWD$|PROJECT_ROOT$)/;

/** Returns the part of an environment that every host process starts from. */
export function pickBaseEnv(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && isPassedOn(name)) picked[name] = value;
  }
  return picked;
}

function isPassedOn(name: string): boolean {
  if (NEVER.test(name)) return false;
  return NAMES.has(name.toUpperCase()) || PATTERN.test(name);
}

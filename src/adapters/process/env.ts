/**
 * What a host process takes from the person's shell: where programs and homes are, language, time zone, terminal, proxies
 * and certificates. All else would make a service depend on which shell started it; `pass_env:` in stack.yml passes more.
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

/**
 * Where package managers find packages, and the right to them: `npm_config_registry`, `YARN_NPM_AUTH_TOKEN`, `PIP_INDEX_URL`,
 * `BUNDLE_GEMS__EXAMPLE__COM`, `COMPOSER_AUTH`, `GOPRIVATE`, `CARGO_REGISTRIES_OURS_TOKEN`, `ORG_GRADLE_PROJECT_token`.
 */
const PACKAGES = new RegExp(
  `^(${[
    'npm_config_.*|NPM_CONFIG_.*|NPM_TOKEN|NODE_AUTH_TOKEN|YARN_.*|PNPM_.*|pnpm_config_.*|COREPACK_.*|BUN_(CONFIG|AUTH)_.*|DENO_AUTH_TOKENS',
    'PIP_.*|UV_.*|POETRY_.*|PIPENV_.*|PDM_.*|BUNDLE_.*|GEM_HOST_API_KEY|COMPOSER_.*|NUGET_.*|HEX_.*|NETRC',
    'GO(PROXY|PRIVATE|NOPROXY|NOSUMDB|SUMDB|INSECURE|AUTH|FLAGS|PATH|CACHE|MODCACHE|TOOLCHAIN)',
    'CARGO_(REGISTRY|REGISTRIES|HTTP|NET)_.*|ORG_GRADLE_PROJECT_.*|MAVEN_(ARGS|OPTS)|GRADLE_OPTS',
  ].join('|')})$`,
);

/** Variables that fit a pattern and are ours, or that a manager sets for what it runs: they speak of another place than the service's. */
const NEVER =
  /^(STACK_|GIT_|npm_(?!config_)|INIT_CWD$|PROJECT_ROOT$|YARN_IGNORE_PATH$|PNPM_SCRIPT_|BUNDLE_(GEMFILE|BIN_PATH)$|UV_(RUN_|PROJECT))|_ACTIVE$/;

/** Returns the part of an environment that every host process starts from. */
export function pickBaseEnv(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  // npm, pnpm and yarn hand their own settings to what they run: those of the place where stack was called.
  const isRunByManager = env.npm_execpath !== undefined;
  const picked: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (isRunByManager && name.startsWith('npm_config_')) continue;
    if (value !== undefined && isPassedOn(name)) picked[name] = value;
  }
  return picked;
}

function isPassedOn(name: string): boolean {
  if (NEVER.test(name)) return false;
  return NAMES.has(name.toUpperCase()) || PATTERN.test(name) || PACKAGES.test(name);
}

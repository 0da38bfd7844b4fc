import type { Variable } from './variables.ts';

/** What a program keeps to itself, and makes nothing known to others with: any text does while it is developed. */
const OWN_SECRET =
  /(?:^|_)(?:SECRET|SECRETS|SECRET_KEY|SECRET_KEY_BASE|SALT|PEPPER|APP_KEY|COOKIE_KEY|JWT_KEY|ENCRYPTION_KEY)$/;
/** What others gave out. */
const OF_OTHERS =
  /(?:^|_)(?:CLIENT|OAUTH|OIDC|AWS|S3|STRIPE|GOOGLE|GITHUB|GITLAB|FACEBOOK|APPLE|TWITTER|AZURE|WEBHOOK|RECAPTCHA|CAPTCHA|SMTP|MAIL|ACCESS)(?:_|$)/;
const KEPT = /(?:SECRET|PASSWORD|TOKEN|SALT|KEY)(?:$|_)/;
/** What the code takes without it is often a file. */
const KIND_OF_STORE = /^(?:DB|DATABASE)_(?:CONNECTION|CLIENT|DIALECT|DRIVER|ENGINE|TYPE|PROVIDER|ADAPTER)$/;
const MADE_UP = 'for-development-only';

/**
 * Returns what a variable gets that leads nowhere and that the program cannot do without: it reads it, has nothing to take in its
 * place, and no env file of the developer sets it. It is what the example says; a secret comes from the developer's environment
 * where it is set there. Undefined for any other.
 */
export function planValue({ name, values, readIn, isSet, hasDefault }: Variable): string | undefined {
  if (isSet || readIn.length === 0 || (hasDefault && !KIND_OF_STORE.test(name))) return undefined;
  const [example = OWN_SECRET.test(name) && !OF_OTHERS.test(name) ? MADE_UP : undefined] = values;
  if (example === undefined) return undefined;
  // What cannot stand within the braces of a default.
  const isPlain = !/[${}]/.test(example);
  return KEPT.test(name) && isPlain ? `\${env.${name}:-${example}}` : example.replaceAll('${', () => '$${');
}

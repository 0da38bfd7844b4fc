import type { Variable } from './variables.ts';

/** What a program keeps to itself, and makes nothing known to others with: any text does while it is developed. */
const OWN_SECRET =
  /(?:^|_)(?:SECRET|SECRETS|SECRET_KEY|SECRET_KEY_BASE|SALT|PEPPER|APP_KEY|COOKIE_KEY|JWT_KEY|ENCRYPTION_KEY)$/;
/** Words of what a program makes up itself; any other is most often a name of somebody who gave it out. */
const OWN_WORDS =
  /^(?:APP|APPLICATION|API|SERVER|BACKEND|AUTH|AUTHENTICATION|NEXTAUTH|BETTER|NUXT|NEST|DJANGO|FLASK|RAILS|JWT|JWS|JWE|HMAC|CSRF|XSRF|SESSION|SESSIONS|COOKIE|COOKIES|TOKEN|ACCESS|REFRESH|RESET|FORGOT|CONFIRM|VERIFY|VERIFICATION|INVITE|EMAIL|PASSWORD|SIGNING|SIGNATURE|SIGN|HASH|HASHIDS|ENCRYPTION|ENCRYPT|CRYPTO|DATA|INTERNAL|CRON|ADMIN|USER|LOGIN|PRIVATE|PUBLIC|PRIMARY|DETERMINISTIC|SECRET|SECRETS|KEY|KEYS|BASE|SALT|PEPPER|MAIN|DEFAULT|IRON|TRANSFER|PREVIEW|REVALIDATE|REVALIDATION|PAYLOAD|MEDUSA|STRAPI|KEYSTONE|DIRECTUS|ADONIS|WEB|SOCKET|WS)$/;
/** What says where a program runs: a file that names production means another place. */
const PLACES = /^(?:(?:NODE|RAILS|RACK|APP|FLASK|DJANGO|MIX|GO|FASTAPI)_ENV|ENV|ENVIRONMENT)$/;
const KEPT = /(?:SECRETS?|PASSWORD|PASS|TOKEN|SALT|KEYS?|KEY_BASE)$/;
/** What the code takes without it is often a file. */
const KIND_OF_STORE = /^(?:DB|DATABASE)_(?:CONNECTION|CLIENT|DIALECT|DRIVER|ENGINE|TYPE|PROVIDER|ADAPTER)$/;
const DATABASE_ADDRESS = /^(?:mongodb(?:\+srv)?|postgres(?:ql)?|mysql):\/\//;
const STORE_NAMES: Record<string, RegExp> = {
  postgres: /postgres|^pg(?:sql)?$/i,
  mysql: /mysql|mariadb/i,
};
const MADE_UP = 'for-development-only';
/** Laravel takes a key of 32 bytes alone. */
const MADE_UP_KEY = 'base64:Zm9yLWRldmVsb3BtZW50LW9ubHktMzItYnl0ZXM6LSk=';

/**
 * Returns what a variable gets that leads nowhere and that the program cannot do without: it reads it, has nothing to take in its
 * place, and no env file of the developer sets it. It is what the example says; a secret comes from the developer's environment
 * where it is set there. Undefined for any other.
 */
export function planValue(
  { name, values, readIn, isSet, hasDefault }: Variable,
  stores: readonly string[],
): string | undefined {
  if (isSet || readIn.length === 0 || (hasDefault && !KIND_OF_STORE.test(name))) return undefined;
  const [example = isOwnSecret(name) ? madeUpFor(name) : undefined] = KIND_OF_STORE.test(name)
    ? preferStore(values, stores)
    : values;
  if (example === undefined || (PLACES.test(name) && /^prod/i.test(example))) return undefined;
  // It repeats what another variable says: nobody fills that in here.
  if (/^\$\{?\w+\}?$/.test(example)) return undefined;
  // An example for another database than the one that is there.
  if (DATABASE_ADDRESS.test(example) && stores.some((store) => store in STORE_NAMES)) return undefined;
  // What cannot stand within the braces of a default.
  const isPlain = !/[${}]/.test(example);
  return KEPT.test(name) && isPlain ? `\${env.${name}:-${example}}` : example.replaceAll('${', () => '$${');
}

function madeUpFor(name: string): string {
  return name === 'APP_KEY' ? MADE_UP_KEY : MADE_UP;
}

function isOwnSecret(name: string): boolean {
  return OWN_SECRET.test(name) && name.split('_').every((word) => OWN_WORDS.test(word));
}

/** Of what several examples say the kind that is there. */
function preferStore(values: readonly string[], stores: readonly string[]): readonly string[] {
  const isThere = (value: string) => stores.some((store) => STORE_NAMES[store]?.test(value));
  return [...values].sort((a, b) => Number(isThere(b)) - Number(isThere(a)));
}

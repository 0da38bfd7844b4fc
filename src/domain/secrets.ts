/** `//me:` and `//:` before a password, the password, and its `@`. */
const PASSWORD = /(:\/\/[^\s/?#@:]*:)[^\s/?#]+(?=@)/g;

/** Returns a text with the password of every address in it (`postgres://me:…@host`, a git remote's) as `***`. */
export function maskPasswords(text: string): string {
  return text.includes('://') ? text.replaceAll(PASSWORD, '$1***') : text;
}

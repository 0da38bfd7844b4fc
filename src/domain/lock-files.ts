/** What package managers write down of what they installed. */
const LOCKFILES =
  /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|(yarn|Cargo|Gemfile|Podfile|poetry|uv|pdm|Pipfile|composer|mix|pubspec|flake|deno|bun)\.lockb?|pnpm-lock\.yaml|go\.sum|packages\.lock\.json)$/;

/** True for a file that says which variables a program is handed: `.env.example`, `.env`. */
export function isEnvFile(name: string): boolean {
  return /(^|\/)\.env[\w.-]*$/.test(name);
}

/** True for a file that an installation rewrites by itself. */
export function isLockfile(name: string): boolean {
  return LOCKFILES.test(name);
}

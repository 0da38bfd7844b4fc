import { bestEffort } from '../domain/errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** True where a browser may be at hand: not in a terminal of another machine, nor on a Linux without a screen. */
export function hasScreen(env: Env, platform: NodeJS.Platform = process.platform): boolean {
  if (env.DISPLAY || env.WAYLAND_DISPLAY || env.WSL_DISTRO_NAME) return true;
  return platform !== 'linux' && !env.SSH_CONNECTION;
}

/** Opens an address in the person's browser. False where there is nothing to open it with. */
export async function openBrowser(url: string): Promise<boolean> {
  const { default: open } = await import('open');
  const child = await bestEffort(open(url));
  child?.unref();
  return child !== undefined;
}

import { cleanText } from './safe-text.ts';

/**
 * Returns what makes a terminal ring and show a message elsewhere: OSC 777 for those of VTE (GNOME) and rxvt, OSC 9 for others (iTerm2,
 * kitty, ghostty, Windows Terminal). Some know both, and would show it twice. One that knows neither shows nothing.
 */
export function renderAlert(
  text: string,
  { VTE_VERSION, TERM = '' }: Readonly<Record<string, string | undefined>>,
): string {
  const isNotify = VTE_VERSION !== undefined || /^rxvt/.test(TERM);
  // A semicolon parts fields.
  const said = cleanText(text).replaceAll(';', ',');
  return `\u001b]${isNotify ? '777;notify;stack;' : '9;stack: '}${said}\u0007\u0007`;
}

import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** What `stack help` tells of beside verbs, and what each is about. The build makes their texts of `docs/` (build-manual.mjs). */
export const TOPICS: Readonly<Record<string, string>> = {
  'stack.yml': 'what the file may say',
  environment: 'variables and files',
  'exit-codes': 'how stack answers',
};

/** Returns the topic that a command line asks for: `help exit-codes`; undefined for any other. */
export function findTopic(argv: readonly string[]): string | undefined {
  const [help, topic = '', ...more] = argv.filter((word) => !word.startsWith('-'));
  return help === 'help' && more.length === 0 && Object.hasOwn(TOPICS, topic) ? topic : undefined;
}

/** Returns the text of a topic, in lines of 80 columns. */
export async function readTopic(packageRoot: string, topic: string): Promise<string> {
  return readFile(path.join(packageRoot, 'dist/help', `${topic}.txt`), 'utf8');
}

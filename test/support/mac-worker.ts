// In a worker of the run that is as on a Mac, before what it tests is loaded.
import { createRequire } from 'node:module';
import { envOfRun } from './mac.ts';

createRequire(import.meta.url)('./macos-ways.cjs').showMacToSource();
Object.assign(process.env, envOfRun());

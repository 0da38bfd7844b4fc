/** Where a log is, and the one before it. */
export interface LogFiles {
  log: string;
  oldLog: string;
}

/** Returns the files of a log. */
export function logFilesOf(log: string): LogFiles {
  return { log, oldLog: `${log}.1` };
}

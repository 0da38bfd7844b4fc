/** Where a log is, and the one before it, each with when what stands in it was printed. */
export interface LogFiles {
  log: string;
  oldLog: string;
  times: string;
  oldTimes: string;
}

/** Returns the files of a log. */
export function logFilesOf(log: string): LogFiles {
  const oldLog = `${log}.1`;
  return { log, oldLog, times: `${log}.times`, oldTimes: `${oldLog}.times` };
}

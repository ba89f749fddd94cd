import type { Logger, LogLevel } from "./logger.ts";

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warning: 2, error: 3 };

/** Settings of {@linkcode lineLogger}. */
export interface LineLoggerOptions {
  /** Lines below it are left out. @default {"info"} */
  level?: LogLevel;
  /** Takes each line with its line break. @default {standard error} */
  write?: (line: string) => void;
  /** The time, milliseconds since the epoch. */
  now: () => number;
}

/** Writes log lines as text, one each: time, level, message, facts. */
export function lineLogger(options: LineLoggerOptions): Logger {
  const { level = "info", write = writeToStandardError, now } = options;
  return {
    log(severity, message, fields = {}) {
      if (RANK[severity] < RANK[level]) return;
      const facts = Object.entries(fields).map(([name, value]) => ` ${name}=${value}`).join("");
      write(`${new Date(now()).toISOString()} ${severity} enmesh: ${message}${facts}\n`);
    },
  };
}

function writeToStandardError(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(line));
}

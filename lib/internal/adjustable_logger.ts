import type { Logger, LogLevel } from "./logger.ts";

/** Levels that `POST /logging` of Envoy's admin knows, the most talkative first. */
export const LOG_LEVELS = ["trace", "debug", "info", "warning", "error", "critical", "off"] as const;

/** One of them. */
export type AdminLogLevel = typeof LOG_LEVELS[number];

/** How much is logged, and how to change it. */
export interface LogLevelControl {
  /** Lines below it are left out. */
  level: AdminLogLevel;
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 1, info: 2, warning: 3, error: 4 };

/** Hands lines on from a level upwards, which may change at any time. */
export class AdjustableLogger implements Logger, LogLevelControl {
  readonly #logger: Logger;
  #level: AdminLogLevel;
  #least = 0;

  /**
   * @param logger Takes the lines.
   * @param level Lines below it are left out.
   */
  constructor(logger: Logger, level: AdminLogLevel) {
    this.#logger = logger;
    this.#level = level;
    this.level = level;
  }

  get level(): AdminLogLevel {
    return this.#level;
  }

  set level(level: AdminLogLevel) {
    this.#level = level;
    this.#least = LOG_LEVELS.indexOf(level);
  }

  log(level: LogLevel, message: string, fields?: Readonly<Record<string, string | number | boolean>>): void {
    if (RANK[level] < this.#least) return;
    if (fields === undefined) this.#logger.log(level, message);
    else this.#logger.log(level, message, fields);
  }
}

/** How serious a line is. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/**
 * Where log lines go. `fields` are facts for machines; neither they nor the message ever carry a token, a key or a
 * payload.
 */
export interface Logger {
  /** Writes one line. */
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
}

/** Discards every line. */
export const silentLogger: Logger = { log: () => {} };

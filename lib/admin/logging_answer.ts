import { type AdminLogLevel, LOG_LEVELS, type LogLevelControl } from "../internal/adjustable_logger.ts";
import { textResponse } from "./text_response.ts";

const USAGE = `usage: /logging?level=<level> (change the level)\nlevels: ${LOG_LEVELS.join(" ")}\n`;

/**
 * The answer of `POST /logging`: the level, after setting it where `level` is given. Envoy's loggers by name are one
 * here, `enmesh`; `paths=enmesh:debug` and `enmesh=debug` are understood too.
 */
export function loggingAnswer(logging: LogLevelControl | null, query: URLSearchParams): Response {
  if (logging === null) return textResponse("error: the level of this logger cannot be changed\n", 501);
  const wanted = query.get("level") ?? query.get("enmesh") ?? /^enmesh:(\w+)$/.exec(query.get("paths") ?? "")?.[1] ??
    "";
  if (wanted !== "" || (query.size > 0 && !query.has("level"))) {
    if (!isLevel(wanted)) return textResponse(`error: unknown logger level\n\n${USAGE}`, 400);
    logging.level = wanted;
  }
  return textResponse(`active loggers:\n  enmesh: ${logging.level}\n\n`);
}

function isLevel(text: string): text is AdminLogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text);
}

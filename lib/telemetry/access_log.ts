import type { StreamInfo } from "../formatter/stream_info.ts";
import {
  compileJsonFormat,
  compileTextFormat,
  type Format,
  type FormatOptions,
  type JsonFormat,
} from "../formatter/substitution_format.ts";
import { ENVOY_DEFAULT_FORMAT } from "./access_log_format.ts";
import type { AttributeSource } from "./attribute.ts";
import { compileCondition } from "./condition.ts";
import type { LogWriter } from "./log_writer.ts";

/** Where an access log goes and in what form; `resource/common.ts` calls the same shape `AccessLogConfig`. */
export interface AccessLogSettings {
  /** `/dev/stdout`, `/dev/stderr` or a path. */
  readonly path: string;
  /** A text format, a JSON object of formats, or `null` for Envoy's default. */
  readonly format: { readonly text: string } | { readonly json: { readonly [key: string]: JsonFormat } } | null;
  /** Only requests with one of these flags are logged; `null` logs all. */
  readonly responseFlagFilter: readonly string[] | null;
  /** A CEL expression that must hold; `null` for none. */
  readonly expression: string | null;
}

/**
 * One configured access log. A format that cannot be read writes nothing, a filter that is not supported filters
 * nothing; both are reported once, through the writer: traffic does not stop for its log.
 */
export class AccessLog {
  readonly #format: Format | null;
  readonly #writer: LogWriter;
  readonly #flags: ReadonlySet<string> | null;
  readonly #condition: ((source: AttributeSource) => boolean) | null;
  /**
   * @param settings What to log, and how.
   * @param writer Takes the lines.
   * @param options What formats may read besides the request.
   */
  constructor(settings: AccessLogSettings, writer: LogWriter, options: FormatOptions = {}) {
    const { format, responseFlagFilter, expression } = settings;
    this.#writer = writer;
    this.#format = compile(format, writer, options);
    this.#flags = responseFlagFilter === null ? null : new Set(responseFlagFilter);
    this.#condition = expression === null ? null : compileCondition(expression);
    if (expression !== null && this.#condition === null) {
      writer.report(`its filter '${expression}' is left out, only comparisons of plain attributes are supported`);
    }
  }

  /** Logs a finished request, if its filters let it through. Never throws, never waits. */
  write(source: AttributeSource): void {
    const { info } = source;
    if (this.#format === null) return;
    if (this.#flags !== null && !hasFlag(info, this.#flags)) return;
    if (this.#condition !== null && !this.#condition(source)) return;
    this.#writer.append(this.#format(info));
  }
}

function compile(format: AccessLogSettings["format"], writer: LogWriter, options: FormatOptions): Format | null {
  try {
    if (format === null) return compileTextFormat(ENVOY_DEFAULT_FORMAT, options);
    if ("text" in format) return compileTextFormat(format.text, options);
    const json = compileJsonFormat(format.json, options);
    return (info) => `${json(info)}\n`;
  } catch (error) {
    writer.report(error instanceof Error ? error.message : String(error));
    return null;
  }
}

/** An empty list of flags asks for any flag at all, as in Envoy. */
function hasFlag(info: StreamInfo, wanted: ReadonlySet<string>): boolean {
  if (info.responseFlags === "-") return false;
  return wanted.size === 0 || info.responseFlags.split(",").some((flag) => wanted.has(flag));
}

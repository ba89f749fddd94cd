import { fromByteString, toByteString } from "../matcher/byte_string.ts";
import { compileOperator, type Operator, type OperatorContext, type OperatorValue, takesLength } from "./operators.ts";
import type { StreamInfo } from "./stream_info.ts";

/** A compiled format: writes what is known of a request. What it returns is a byte string, as header values are. */
export type Format = (info: StreamInfo) => string;

/** Options of the compilers below. */
export interface FormatOptions extends OperatorContext {
  /**
   * Writes nothing for what is absent, and leaves absent members out of JSON (`omit_empty_values`).
   * @default {false}
   */
  readonly omitEmptyValues?: boolean;
}

/** A part of a format: literal text, or an operator with the length it is cut to. */
type Part = string | { readonly operator: Operator; readonly length: number };

/**
 * Compiles an Envoy substitution format, for example `%REQ(:METHOD)% %RESPONSE_CODE%`, for an access log: what is
 * absent is written `-`.
 *
 * @throws {SyntaxError} When a percent sign is not part of `%%` or of an operator, or an operator is not known.
 */
export function compileTextFormat(format: string, options: FormatOptions = {}): Format {
  return compileParts(parse(format, options), options.omitEmptyValues === true ? "" : "-");
}

/**
 * Compiles the value of a header that a route adds: what is absent is left empty.
 *
 * @throws {SyntaxError} As {@linkcode compileTextFormat}.
 */
export function compileHeaderFormat(format: string, context: OperatorContext = {}): Format {
  return compileParts(parse(format, context), "");
}

/** A JSON value whose strings are formats. */
export type JsonFormat = null | boolean | number | string | readonly JsonFormat[] | {
  readonly [key: string]: JsonFormat;
};

/**
 * Compiles an Envoy `json_format`: keys in order of their bytes, a string of one operator keeps the type of its value
 * (`null` where absent), any other string is text with `-` for what is absent.
 *
 * @throws {SyntaxError} As {@linkcode compileTextFormat}.
 */
export function compileJsonFormat(format: { readonly [key: string]: JsonFormat }, options: FormatOptions = {}): Format {
  const write = compileJsonObject(format, options);
  return (info) => write(info) ?? "{}";
}

function compileParts(parts: readonly Part[], absent: string): Format {
  if (parts.every((part) => typeof part === "string")) {
    const constant = parts.join("");
    return () => constant;
  }
  if (parts.length === 1) {
    const only = parts[0] as Exclude<Part, string>;
    return (info) => render(only.operator(info), only.length, absent);
  }
  return (info) => {
    let out = "";
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!;
      out += typeof part === "string" ? part : render(part.operator(info), part.length, absent);
    }
    return out;
  };
}

function render(value: OperatorValue, length: number, absent: string): string {
  if (value === null) return absent;
  const text = typeof value === "string"
    ? value
    : typeof value === "object"
    ? toByteString(JSON.stringify(value))
    : String(value);
  return text.length > length ? text.slice(0, length) : text;
}

/** Writes a JSON value as a byte string; `null` leaves it out. */
type JsonWriter = (info: StreamInfo) => string | null;

function compileJson(format: JsonFormat, options: FormatOptions): JsonWriter {
  if (typeof format === "string") return compileJsonString(format, options);
  if (format === null || typeof format !== "object") {
    const constant = JSON.stringify(format);
    return () => constant;
  }
  if (Array.isArray(format)) {
    const items = (format as readonly JsonFormat[]).map((item) => compileJson(item, options));
    return (info) => `[${items.map((item) => item(info) ?? "null").join(",")}]`;
  }
  return compileJsonObject(format as { readonly [key: string]: JsonFormat }, options);
}

function compileJsonObject(format: { readonly [key: string]: JsonFormat }, options: FormatOptions): JsonWriter {
  const members = Object.entries(format)
    .sort(([a], [b]) => a < b ? -1 : 1)
    .map(([key, value]) => ({ prefix: `${quote(toByteString(key))}:`, write: compileJson(value, options) }));
  const leaveEmptyOut = options.omitEmptyValues === true;
  return (info) => {
    let out = "";
    for (let i = 0; i < members.length; i++) {
      const { prefix, write } = members[i]!;
      const value = write(info);
      if (value !== null) out += (out === "" ? "" : ",") + prefix + value;
    }
    return out === "" && leaveEmptyOut ? null : `{${out}}`;
  };
}

function compileJsonString(format: string, options: FormatOptions): JsonWriter {
  const parts = parse(format, options);
  const only = parts[0];
  if (parts.length === 1 && typeof only === "object") {
    const { operator, length } = only;
    const absent = options.omitEmptyValues === true ? null : "null";
    return (info) => {
      const value = operator(info);
      if (value === null) return absent;
      if (typeof value !== "string") return toByteString(JSON.stringify(value));
      return quote(value.length > length ? value.slice(0, length) : value);
    };
  }
  const write = compileParts(parts, options.omitEmptyValues === true ? "" : "-");
  return (info) => quote(write(info));
}

/** What a JSON string may hold as it is. */
const NEEDS_NO_ESCAPE = /^[ !#-[\]-~]*$/;

/** A byte string as a JSON string. Bytes that are not UTF-8 are shown one by one: no line is lost for them. */
function quote(bytes: string): string {
  return NEEDS_NO_ESCAPE.test(bytes) ? `"${bytes}"` : toByteString(JSON.stringify(fromByteString(bytes) ?? bytes));
}

function parse(format: string, context: OperatorContext): Part[] {
  const parts: Part[] = [];
  let literal = "";
  const flush = () => {
    if (literal !== "") parts.push(toByteString(literal));
    literal = "";
  };
  for (let at = 0; at < format.length;) {
    const percent = format.indexOf("%", at);
    literal += format.slice(at, percent === -1 ? format.length : percent);
    if (percent === -1) break;
    if (format[percent + 1] === "%") {
      literal += "%";
      at = percent + 2;
      continue;
    }
    flush();
    const { part, end } = parseOperator(format, percent, context);
    parts.push(part);
    at = end;
  }
  flush();
  return parts;
}

/** Reads `%NAME%`, `%NAME(ARGUMENT)%` or `%NAME(ARGUMENT):LENGTH%` at a percent sign. */
function parseOperator(format: string, percent: number, context: OperatorContext): { part: Part; end: number } {
  const name = /^[A-Z0-9_]+/.exec(format.slice(percent + 1, percent + 65))?.[0];
  if (name === undefined) throw malformed(format, percent);
  let at = percent + 1 + name.length;
  let argument: string | null = null;
  if (format[at] === "(") {
    // The argument may hold brackets and percent signs: it ends at the first bracket that an operator may end with.
    const start = at + 1;
    do {
      at = format.indexOf(")", at + 1);
      if (at === -1) throw malformed(format, percent);
    } while (tailLength(format, at + 1) === null);
    argument = format.slice(start, at);
    at++;
  }
  const tail = tailLength(format, at);
  if (tail === null) throw malformed(format, percent);
  const operator = compileOperator(name, argument, context);
  if (tail > 1 && !takesLength(name)) {
    throw new SyntaxError(
      `Cannot use operator '%${name}%': it takes no length, leave '${format.slice(at, at + tail - 1)}' out`,
    );
  }
  const length = tail > 1 ? Number(format.slice(at + 1, at + tail - 1)) : Infinity;
  return { part: { operator, length }, end: at + tail };
}

/** Length of `%` or `:LENGTH%`, `null` where neither stands there. */
function tailLength(format: string, at: number): number | null {
  if (format[at] === "%") return 1;
  return /^:[0-9]{1,9}%/.exec(format.slice(at, at + 12))?.[0].length ?? null;
}

function malformed(format: string, at: number): SyntaxError {
  return new SyntaxError(
    `Cannot read the operator at position ${at} of format '${format.trimEnd()}': write '%NAME%', '%NAME(ARGUMENT)%' or ` +
      "'%NAME(ARGUMENT):LENGTH%', and '%%' for a percent sign",
  );
}

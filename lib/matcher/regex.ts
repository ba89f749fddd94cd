/**
 * The one door to `npm:re2js`: configured patterns are RE2 patterns and run in time linear in the input, never through
 * JavaScript's own backtracking `RegExp`.
 *
 * @module
 */
import { RE2JS } from "re2js";
import { toByteString } from "./byte_string.ts";

/**
 * A compiled RE2 pattern over byte strings, see {@linkcode compileRegex}. As in Envoy, which sets RE2 to Latin-1, a dot
 * is one byte: `é` in a header is two of them, and bytes that are not UTF-8 match like any other.
 */
export interface Regex {
  /** The pattern as configured. */
  readonly pattern: string;
  /** Whether the whole value matches (Envoy's `safe_regex`). */
  matches(value: string): boolean;
  /**
   * Replaces every match (Envoy's `RegexMatchAndSubstitute`).
   *
   * @param value What is searched.
   * @param substitution Replacement in RE2's form: `\0` to `\9` are groups, `\\` is a backslash.
   */
  replaceAll(value: string, substitution: string): string;
}

/** Compiled patterns are pure functions of their text, so sharing them changes nothing but speed. */
const compiled = new Map<string, Regex>();
const MAX_COMPILED = 2000;

/**
 * Compiles an RE2 pattern; the same pattern gives the same object while it is among the last ones used.
 *
 * @throws {SyntaxError} When the pattern is not RE2 syntax (lookahead and backreferences are not).
 */
export function compileRegex(pattern: string): Regex {
  let regex = compiled.get(pattern);
  if (regex === undefined) {
    regex = compile(pattern);
    // The oldest goes first: a control plane that sends ever new patterns must not fill the memory.
    if (compiled.size >= MAX_COMPILED) compiled.delete(compiled.keys().next().value!);
    compiled.set(pattern, regex);
  }
  return regex;
}

/**
 * Checks that a substitution names only groups that the pattern has.
 *
 * @throws {SyntaxError} When it does not.
 */
export function checkSubstitution(pattern: string, substitution: string): void {
  const groups = parse(pattern).groupCount();
  for (const part of parseSubstitution(substitution)) {
    if (typeof part === "number" && part > groups) {
      throw new SyntaxError(
        `Cannot use substitution '${substitution}': group ${part} is not in the pattern '${pattern}', ` +
          `which has ${groups}`,
      );
    }
  }
}

function parse(pattern: string): RE2JS {
  try {
    return RE2JS.compile(toByteString(pattern));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/^error parsing regexp: /, "") : String(cause);
    throw new SyntaxError(`Cannot compile regular expression '${pattern}': ${reason}; patterns are RE2 syntax`, {
      cause,
    });
  }
}

function compile(pattern: string): Regex {
  const expression = parse(pattern);
  return {
    pattern,
    matches: (value) => expression.testExact(value),
    replaceAll(value, substitution) {
      const parts = parseSubstitution(toByteString(substitution));
      const matcher = expression.matcher(value);
      // RE2 replaces nothing where the substitution names a group that is not in the pattern.
      if (parts.some((part) => typeof part === "number" && part > matcher.groupCount())) return value;
      let out = "";
      let at = 0;
      while (matcher.find()) {
        out += value.slice(at, matcher.start());
        for (const part of parts) {
          if (typeof part === "string") out += part;
          else out += matcher.group(part) ?? "";
        }
        at = matcher.end();
      }
      return out + value.slice(at);
    },
  };
}

/** Literal text and group numbers, in order. */
function parseSubstitution(substitution: string): (string | number)[] {
  const parts: (string | number)[] = [];
  let literal = "";
  for (let i = 0; i < substitution.length; i++) {
    const character = substitution[i]!;
    if (character !== "\\") {
      literal += character;
      continue;
    }
    const next = substitution[++i];
    if (next === "\\") literal += "\\";
    else if (next !== undefined && next >= "0" && next <= "9") {
      if (literal !== "") parts.push(literal);
      literal = "";
      parts.push(Number(next));
    } else {
      throw new SyntaxError(
        `Cannot use substitution '${substitution}': a backslash is followed by '${next ?? ""}', ` +
          "use a digit or a second backslash",
      );
    }
  }
  if (literal !== "") parts.push(literal);
  return parts;
}

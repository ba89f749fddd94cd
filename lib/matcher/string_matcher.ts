import { isAscii, toByteString } from "./byte_string.ts";
import { compileRegex } from "./regex.ts";

/** How a string is compared; `resource/common.ts` calls the same shape `StringMatch`. */
export interface StringMatchInput {
  /** Which comparison. */
  readonly kind: "exact" | "prefix" | "suffix" | "contains" | "regex";
  /** The text or the RE2 pattern to compare with. */
  readonly value: string;
  /** ASCII letters only, as Envoy's; a regular expression ignores it. */
  readonly ignoreCase: boolean;
}

/** Compares one value. Values are byte strings, as in a header list; other text goes through `toByteString`. */
export type StringMatcher = (value: string) => boolean;

/**
 * Compiles a string match (`envoy.type.matcher.v3.StringMatcher`). Patterns that only look like regular expressions
 * (`.*`, `.+`, a literal, a literal with such ends) become string operations with the same outcome: they are what
 * Istio's policies are made of, and ten times as fast.
 *
 * @throws {SyntaxError} When a regular expression is not RE2 syntax.
 */
export function compileStringMatch(match: StringMatchInput): StringMatcher {
  if (match.kind === "regex") return compilePattern(match.value);
  const bytes = toByteString(match.value);
  if (!match.ignoreCase) return compare(match.kind, bytes);
  const folded = compare(match.kind, asciiLowerCase(bytes));
  return (value) => folded(asciiLowerCase(value));
}

function compare(kind: "exact" | "prefix" | "suffix" | "contains", wanted: string): StringMatcher {
  switch (kind) {
    case "exact":
      return (value) => value === wanted;
    case "prefix":
      return (value) => value.startsWith(wanted);
    case "suffix":
      return (value) => value.endsWith(wanted);
    case "contains":
      return (value) => value.includes(wanted);
  }
}

function asciiLowerCase(text: string): string {
  // Outside ASCII `toLowerCase` would change bytes that are no letters.
  return isAscii(text) ? text.toLowerCase() : text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function compilePattern(pattern: string): StringMatcher {
  const regex = compileRegex(pattern);
  const shape = patternShape(pattern);
  if (shape === null) return (value) => regex.matches(value);
  const { literal, before, after } = shape;
  if (before === null && after === null) return (value) => value === literal;
  const shortest = literal.length + (before ?? 0) + (after ?? 0);
  const holds = (value: string): boolean => {
    if (value.length < shortest) return false;
    if (before === null) return value.startsWith(literal);
    if (after === null) return value.endsWith(literal);
    if (literal === "") return true;
    const at = value.indexOf(literal, before);
    return at !== -1 && at + literal.length + after <= value.length;
  };
  // A dot matches no line break: a value with one goes the long way.
  return (value) => holds(value) && (!value.includes("\n") || regex.matches(value));
}

interface PatternShape {
  readonly literal: string;
  /** Fewest characters before the literal; `null` where it must come first. */
  readonly before: number | null;
  /** Fewest characters after the literal; `null` where it must come last. */
  readonly after: number | null;
}

/** A pattern of the form `[.*|.+] literal [.*|.+]`, taken apart; `null` for any other. */
function patternShape(pattern: string): PatternShape | null {
  let rest = pattern.startsWith("^") ? pattern.slice(1) : pattern;
  if (rest.endsWith("$") && !rest.endsWith("\\$")) rest = rest.slice(0, -1);
  let before: number | null = null;
  let after: number | null = null;
  if (rest.startsWith(".*") || rest.startsWith(".+")) {
    before = rest[1] === "+" ? 1 : 0;
    rest = rest.slice(2);
  }
  if (rest.endsWith(".*") || rest.endsWith(".+")) {
    // `\.*` ends with an escaped dot that repeats: that is no literal, and the check below refuses its backslash.
    after = rest.endsWith("+") ? 1 : 0;
    rest = rest.slice(0, -2);
  }
  let literal = "";
  for (let i = 0; i < rest.length; i++) {
    let character = rest[i]!;
    if (character === "\\") {
      character = rest[++i] ?? "a";
      // Only escaped punctuation stands for itself; `\d` and the like are classes.
      if (!/^[!-/:-@[-`{-~]$/.test(character)) return null;
    } else if (/[\\^$.|?*+()[\]{}]/.test(character)) return null;
    literal += character;
  }
  // `.*` alone: one end says it all.
  if (literal === "" && before !== null && after === null) after = 0;
  return { literal: toByteString(literal), before, after };
}

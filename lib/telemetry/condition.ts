import { type AttributeSource, type AttributeValue, readAttribute } from "./attribute.ts";

/** Whether something holds of a request. */
export type Condition = (source: AttributeSource) => boolean;

type Value = (source: AttributeSource) => AttributeValue;

/** Deepest nesting of brackets and negations: the reader recurses. */
const MAX_DEPTH = 50;

/**
 * Compiles the part of CEL that access log filters are written in: comparisons (`==`, `!=`, `<`, `<=`, `>`, `>=`) of
 * plain attributes with numbers and strings, `startsWith`, `endsWith` and `contains`, joined by `&&`, `||`, `!` and
 * brackets. As in CEL, a comparison with an attribute that is absent does not hold, nor does its opposite.
 *
 * @returns `null` for any other expression.
 */
export function compileCondition(expression: string): Condition | null {
  try {
    const tokens = tokenize(expression);
    const reader = new Reader(tokens);
    const condition = reader.or(0);
    if (!reader.atEnd) return null;
    // An error anywhere (`null`) makes the whole not hold.
    return (source) => condition(source) === true;
  } catch (error) {
    if (error instanceof NotSupported) return null;
    throw error;
  }
}

class NotSupported extends Error {}

/** `null` is CEL's error: of an absent attribute nothing can be said. */
type Ternary = (source: AttributeSource) => boolean | null;

const TOKEN =
  /\s*(?:(&&|\|\||==|!=|<=|>=|[<>!()])|([0-9]+(?:\.[0-9]+)?)|("[^"\\]*"|'[^'\\]*')|(\.(?:startsWith|endsWith|contains)(?=\())|([a-z_]+(?:\.[a-z_]+)*(?:\[(?:"[^"\\]*"|'[^'\\]*')\])?(?=$|[^A-Za-z_[(])))/y;

interface Token {
  readonly kind: "symbol" | "number" | "string" | "method" | "attribute";
  readonly text: string;
}

function tokenize(expression: string): Token[] {
  const tokens: Token[] = [];
  const text = expression.trim();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const match = TOKEN.exec(text);
    if (match === null) throw new NotSupported();
    const kinds = ["symbol", "number", "string", "method", "attribute"] as const;
    const at = kinds.findIndex((_, i) => match[i + 1] !== undefined);
    tokens.push({ kind: kinds[at]!, text: match[at + 1]! });
  }
  return tokens;
}

class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get atEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  or(depth: number): Ternary {
    if (depth > MAX_DEPTH) throw new NotSupported();
    let left = this.#and(depth);
    while (this.#take("||")) {
      const first = left;
      const second = this.#and(depth);
      left = (source) => {
        const a = first(source);
        if (a === true) return true;
        const b = second(source);
        return b === true ? true : a === null || b === null ? null : false;
      };
    }
    return left;
  }

  #and(depth: number): Ternary {
    let left = this.#unary(depth);
    while (this.#take("&&")) {
      const first = left;
      const second = this.#unary(depth);
      left = (source) => {
        const a = first(source);
        if (a === false) return false;
        const b = second(source);
        return b === false ? false : a === null || b === null ? null : true;
      };
    }
    return left;
  }

  #unary(depth: number): Ternary {
    if (depth > MAX_DEPTH) throw new NotSupported();
    if (this.#take("!")) {
      const inner = this.#unary(depth + 1);
      return (source) => {
        const value = inner(source);
        return value === null ? null : !value;
      };
    }
    if (this.#take("(")) {
      const inner = this.or(depth + 1);
      if (!this.#take(")")) throw new NotSupported();
      return inner;
    }
    return this.#comparison();
  }

  #comparison(): Ternary {
    const left = this.#value();
    const token = this.#tokens[this.#at++];
    if (token?.kind === "method") {
      if (!this.#take("(")) throw new NotSupported();
      const right = this.#value();
      if (!this.#take(")")) throw new NotSupported();
      const method = token.text.slice(1) as "startsWith" | "endsWith" | "contains";
      return (source) => {
        const a = left(source);
        const b = right(source);
        if (typeof a !== "string" || typeof b !== "string") return null;
        return method === "contains" ? a.includes(b) : a[method](b);
      };
    }
    const compare = token?.kind === "symbol" ? COMPARISONS[token.text] : undefined;
    if (compare === undefined) throw new NotSupported();
    const right = this.#value();
    return (source) => {
      const a = left(source);
      const b = right(source);
      return a === null || b === null || typeof a !== typeof b ? null : compare(a, b);
    };
  }

  #value(): Value {
    const token = this.#tokens[this.#at++];
    switch (token?.kind) {
      case "number": {
        const value = Number(token.text);
        return () => value;
      }
      case "string": {
        const value = token.text.slice(1, -1);
        return () => value;
      }
      case "attribute": {
        if (token.text === "true" || token.text === "false") return () => token.text === "true";
        const read = readAttribute(token.text);
        if (read === null) throw new NotSupported();
        return read;
      }
      default:
        throw new NotSupported();
    }
  }

  #take(symbol: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "symbol" || token.text !== symbol) return false;
    this.#at++;
    return true;
  }
}

type Comparable = string | number | boolean;

const COMPARISONS: Readonly<Record<string, (a: Comparable, b: Comparable) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

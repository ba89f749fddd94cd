import { compileRegex } from "./regex.ts";

/** A compiled URI template (`envoy.path.match.uri_template`). */
export interface PathTemplate {
  /** Whether a path (without query) has this form. */
  matches(path: string): boolean;
  /**
   * Compiles a rewrite template (`envoy.path.rewrite.uri_template`): the path in that form with the variables of this
   * one, or `null` where the path does not match.
   *
   * @throws {SyntaxError} When it is not well-formed or names a variable that this template has not.
   */
  compileRewrite(template: string): (path: string) => string | null;
}

/** What one segment may consist of, from Envoy's `uri_template` matcher: RFC 3986 pchar. */
const CHARACTERS = "[a-zA-Z0-9\\-._~%!$&'()*+,;:@=]";
const LITERAL = new RegExp(`^${CHARACTERS}+$`);
const VARIABLE_NAME = /^[a-zA-Z][a-zA-Z0-9_]*$/;
const MAX_NAME_LENGTH = 16;
const MAX_VARIABLES = 5;

/**
 * Compiles a URI template: literal segments, `*` (one segment), `**` (any number of them), `{name}` and
 * `{name=pattern}`, which may have literal text around it within its segment.
 *
 * @throws {SyntaxError} When the template is not well-formed.
 */
export function compilePathTemplate(template: string): PathTemplate {
  const variables: string[] = [];
  const regex = compileRegex(`^${translate(template, variables)}$`);
  return {
    matches: (path) => regex.matches(path),
    compileRewrite(rewriteTemplate) {
      const substitution = compileRewrite(rewriteTemplate, template, variables);
      return (path) => regex.matches(path) ? regex.replaceAll(path, substitution) : null;
    },
  };
}

function translate(template: string, variables: string[]): string {
  const bad = (why: string) => new SyntaxError(`Cannot use path template '${template}': ${why}`);
  if (!template.startsWith("/")) throw bad("it must start with '/'");
  const segments = template.slice(1).match(/(?:\{[^}]*\}|[^/])+|(?<=\/|^)(?=\/|$)/g) ?? [""];
  let out = "";
  for (const [index, segment] of segments.entries()) {
    // Nothing stands between two slashes; behind the last one it may.
    if (segment === "" && index < segments.length - 1) throw bad("a segment is empty");
    out += `/${segment === "" ? "" : mixed(segment, variables, bad)}`;
  }
  return out;
}

/** One segment: a wildcard, a literal, or a variable with literal text around it. */
function mixed(segment: string, variables: string[], bad: (why: string) => SyntaxError): string {
  const open = segment.indexOf("{");
  if (open < 0) return operator(segment, bad);
  const close = segment.indexOf("}", open);
  if (close < 0) throw bad(`'${segment}' has no closing bracket`);
  const [before, after] = [segment.slice(0, open), segment.slice(close + 1)];
  const [name = "", ...pattern] = segment.slice(open + 1, close).split("=");
  if (!VARIABLE_NAME.test(name) || name.length > MAX_NAME_LENGTH) throw bad(`'${name}' is no name of a variable`);
  if (variables.includes(name)) throw bad(`variable '${name}' repeats`);
  if (variables.push(name) > MAX_VARIABLES) throw bad(`it has more than ${MAX_VARIABLES} variables`);
  const inner = pattern.length === 0 ? "*" : pattern.join("=");
  const matched = inner.split("/").map((part) => operator(part, bad)).join("/");
  return `${around(before, bad)}(${matched})${around(after, bad)}`;
}

function around(literal: string, bad: (why: string) => SyntaxError): string {
  return literal === "" ? "" : text(literal, bad);
}

function operator(part: string, bad: (why: string) => SyntaxError): string {
  const stars = part.startsWith("**") ? 2 : part.startsWith("*") ? 1 : 0;
  const wildcard = ["", `${CHARACTERS}+`, `(?:${CHARACTERS}|/)*`][stars]!;
  return wildcard + (part.length > stars || stars === 0 ? text(part.slice(stars), bad) : "");
}

/** Envoy leaves a star within a literal as it is in the regular expression, where it repeats what is before it. */
function text(literal: string, bad: (why: string) => SyntaxError): string {
  if (!LITERAL.test(literal)) throw bad(`'${literal}' is no literal`);
  return literal.replace(/[$().+]/g, "\\$&").replace(/\*+/g, "*");
}

function compileRewrite(rewrite: string, template: string, variables: readonly string[]): string {
  const bad = (why: string) => new SyntaxError(`Cannot rewrite to '${rewrite}': ${why}`);
  if (!rewrite.startsWith("/")) throw bad("it must start with '/'");
  if (rewrite.includes("//")) throw bad("a segment is empty");
  return rewrite.replace(/\{([^}]*)\}|[^{]+|\{/g, (part, name: string | undefined) => {
    if (name === undefined) {
      if (!part.split("/").every((literal) => literal === "" || LITERAL.test(literal))) {
        throw bad(`'${part}' is no literal`);
      }
      return part;
    }
    const index = variables.indexOf(name);
    if (index < 0) throw bad(`'${template}' has no variable '${name}'`);
    return `\\${index + 1}`;
  });
}

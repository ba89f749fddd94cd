import { compileRegex } from "../matcher/regex.ts";

/** A compiled URI template (`envoy.path.match.uri_template`). */
export interface PathTemplate {
  /** Whether a path (without query) has this form. */
  matches(path: string): boolean;
  /**
   * The path in the form of a rewrite template (`envoy.path.rewrite.uri_template`) with the variables of this one, or
   * `null` where the path does not match.
   */
  rewrite(path: string, template: string): string | null;
}

/** What one segment may consist of, from Envoy's `uri_template` matcher: RFC 3986 pchar. */
const CHARACTERS = "[a-zA-Z0-9\\-._~%!$&'()*+,;:@=]";

/**
 * Compiles a URI template: literal segments, `*` (one segment), `**` (any number of them), `{name}` and
 * `{name=pattern}`.
 *
 * @throws {SyntaxError} When the template is not well-formed.
 */
export function compilePathTemplate(template: string): PathTemplate {
  const groups = new Map<string, number>();
  const regex = compileRegex(`^${translate(template, groups)}$`);
  return {
    matches: (path) => regex.matches(path),
    rewrite(path, rewriteTemplate) {
      if (!regex.matches(path)) return null;
      const substitution = rewriteTemplate.replaceAll("\\", "\\\\").replace(/\{(\w+)\}/g, (_, name: string) => {
        const group = groups.get(name);
        if (group === undefined) {
          throw new SyntaxError(`Cannot rewrite to '${rewriteTemplate}': '${template}' has no variable '${name}'`);
        }
        return `\\${group}`;
      });
      return regex.replaceAll(path, substitution);
    },
  };
}

function translate(template: string, groups: Map<string, number>): string {
  let out = "";
  for (let at = 0; at < template.length;) {
    const character = template[at]!;
    if (character === "{") {
      const end = template.indexOf("}", at);
      const variable = /^(\w+)(?:=(.+))?$/.exec(end < 0 ? "" : template.slice(at + 1, end));
      if (variable === null) throw new SyntaxError(`Cannot use path template '${template}': bad variable at ${at}`);
      if (groups.has(variable[1]!) || groups.size === 9) {
        throw new SyntaxError(
          `Cannot use path template '${template}': variable '${variable[1]}' repeats or is the tenth`,
        );
      }
      groups.set(variable[1]!, groups.size + 1);
      out += `(${wildcards(variable[2] ?? "*")})`;
      at = end + 1;
    } else {
      const end = template.indexOf("{", at);
      const literal = template.slice(at, end < 0 ? template.length : end);
      out += wildcards(literal);
      at += literal.length;
    }
  }
  return out;
}

function wildcards(text: string): string {
  return text.split(/(\*\*|\*)/).map((part) => {
    if (part === "**") return `(?:${CHARACTERS}|/)*`;
    if (part === "*") return `${CHARACTERS}+`;
    return part.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&");
  }).join("");
}

import type { Fields } from "../fields.ts";

/** How a string is compared; regular expressions are RE2. */
export interface StringMatch {
  readonly kind: "exact" | "prefix" | "regex";
  readonly value: string;
}

/** Named values and how each is compared; `null` asks only that it is there. */
export type NamedMatches = Readonly<Record<string, StringMatch | null>>;

const FORMS = ["exact", "prefix", "regex"] as const;

/** Reads a string match, `undefined` where the field is absent or empty. */
export function parseStringMatch(parent: Fields, name: string): StringMatch | undefined {
  const fields = parent.object(name);
  return fields === undefined ? undefined : read(parent, name, fields);
}

/** Reads a list of string matches. */
export function parseStringMatches(parent: Fields, name: string): StringMatch[] {
  return parent.list(name).map((fields) => {
    const match = read(parent, name, fields);
    if (match === undefined) throw parent.error(name, "must hold one of 'exact', 'prefix' and 'regex' in each entry");
    return match;
  });
}

/** Reads an object of string matches; an empty one, and the pattern `*`, ask only that the value is there. */
export function parseNamedMatches(parent: Fields, name: string): NamedMatches {
  const fields = parent.object(name);
  const matches: Record<string, StringMatch | null> = {};
  for (const key of fields?.names ?? []) {
    const match = parseStringMatch(fields!, key) ?? null;
    matches[key] = match?.kind === "regex" && match.value === "*" ? null : match;
  }
  return matches;
}

function read(parent: Fields, name: string, fields: Fields): StringMatch | undefined {
  fields.only(...FORMS);
  const forms = FORMS.filter((form) => fields.has(form));
  if (forms.length > 1) throw parent.error(name, `must have one of 'exact', 'prefix' and 'regex', not ${forms.length}`);
  const kind = forms[0];
  return kind === undefined ? undefined : { kind, value: fields.string(kind)! };
}

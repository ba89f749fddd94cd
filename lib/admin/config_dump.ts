import type { JsonObject } from "../protobuf/json.ts";
import { compileRegex } from "../matcher/regex.ts";
import type { AdminView } from "./admin_view.ts";
import { DUMP_SECTIONS, type DumpItem, type DumpList, type DumpSection } from "./config_dump_sections.ts";
import { type FieldMask, maskFits, parseFieldMask, trim } from "./field_mask.ts";
import { LazyList, type Writable } from "./json_writer.ts";
import { WireAny } from "./wire_any.ts";

/** What a dump cannot be made for, as Envoy answers it. */
export interface DumpRefusal {
  readonly status: 400 | 404;
  readonly message: string;
}

const TYPE = "type.googleapis.com/envoy.admin.v3.";

/**
 * The answer of `/config_dump` (`envoy.admin.v3.ConfigDump`). Nothing of it is made before it is written.
 *
 * @param view What the mesh holds.
 * @param query `include_eds` shows endpoints, `resource` one list only, `mask` some fields, `name_regex` (RE2, the whole
 *     name) some resources; as in Envoy.
 * @param now Milliseconds since the epoch.
 */
export function configDump(view: AdminView, query: URLSearchParams, now: number): Writable | DumpRefusal {
  const pattern = query.get("name_regex") ?? "";
  let matches = (_name: string): boolean => true;
  if (pattern !== "") {
    try {
      const regex = compileRegex(pattern);
      matches = (name) => regex.matches(name);
    } catch (error) {
      const reason = (error as Error).message;
      return refuse(400, `INVALID_ARGUMENT: Error while parsing name_regex from ${pattern}: ${reason}`);
    }
  }
  const sections = DUMP_SECTIONS.filter(({ onlyWithEds }) => !onlyWithEds || query.has("include_eds"));
  const mask = query.get("mask");
  const resource = query.get("resource");
  return resource === null
    ? wholeDump(view, sections, mask, matches, now)
    : oneList(view, sections, resource, mask, matches);
}

/** Whether a dump was refused. */
export function isRefusal(dump: Writable | DumpRefusal): dump is DumpRefusal {
  return typeof dump === "object" && dump !== null && "status" in dump && "message" in dump;
}

function refuse(status: DumpRefusal["status"], message: string): DumpRefusal {
  return { status, message };
}

function dumpOf(configs: Iterable<Writable>): Writable {
  return new Map([["configs", new LazyList(configs)]]);
}

function wholeDump(
  view: AdminView,
  sections: readonly DumpSection[],
  maskText: string | null,
  matches: (name: string) => boolean,
  now: number,
): Writable | DumpRefusal {
  if (maskText === null) {
    return dumpOf(sections.flatMap((section) => writeSection(view, section, null, matches, now)));
  }
  const mask = parseFieldMask(maskText);
  const fitting = sections.filter((section) => sectionFits(section, mask));
  if (fitting.length === 0) {
    return refuse(400, `FieldMask ${maskText} could not be successfully applied to any configs.`);
  }
  return dumpOf(fitting.flatMap((section) => writeSection(view, section, mask, matches, now)));
}

/** Masks do not reach into lists. */
function sectionFits(section: DumpSection, mask: FieldMask): boolean {
  for (const [name, inner] of mask) {
    if (!section.fields.includes(name) && !(name in section.lists && inner.size === 0)) return false;
  }
  return true;
}

function writeSection(
  view: AdminView,
  section: DumpSection,
  mask: FieldMask | null,
  matches: (name: string) => boolean,
  now: number,
): Writable[] {
  const shown = (name: string) => mask === null || mask.size === 0 || mask.has(name);
  const out = new Map<string, Writable>([["@type", TYPE + section.message]]);
  const head = section.head(view, now);
  for (const [name, value] of Object.entries(mask === null ? head : trim(head, mask))) out.set(name, value);
  let lists = 0;
  for (const [name, list] of Object.entries(section.lists)) {
    if (!shown(name)) continue;
    const items = startOf(list.items(view, matches));
    if (items === null) continue;
    lists++;
    out.set(name, new LazyList(items));
  }
  return section.optional && lists === 0 ? [] : [out];
}

/** The items, of which there is at least one; `null` where there is none. */
function startOf(items: Iterable<DumpItem>): Iterable<DumpItem> | null {
  const iterator = items[Symbol.iterator]();
  const first = iterator.next();
  if (first.done) return null;
  return (function* () {
    yield first.value;
    yield* { [Symbol.iterator]: () => iterator };
  })();
}

function oneList(
  view: AdminView,
  sections: readonly DumpSection[],
  resource: string,
  maskText: string | null,
  matches: (name: string) => boolean,
): Writable | DumpRefusal {
  for (const section of sections) {
    if (section.fields.includes(resource)) {
      return refuse(400, `${resource} is not a repeated field. Use ?mask=${resource} to get only this field`);
    }
    const list = section.lists[resource];
    if (list === undefined) continue;
    const mask = maskText === null ? null : parseFieldMask(maskText);
    if (mask !== null && !itemFits(list, mask)) {
      return refuse(400, `FieldMask ${maskText} could not be successfully used.`);
    }
    return dumpOf(listItems(view, list, mask, matches));
  }
  return refuse(404, `${resource} not found in config dump`);
}

function itemFits(list: DumpList, mask: FieldMask): boolean {
  for (const [name, inner] of mask) {
    const message = list.fields[name];
    if (message === undefined) return false;
    // Fields of the admin messages themselves are not in the descriptors: what is not there shows nothing.
    if (message !== null && inner.size > 0 && !maskFits(message, inner)) return false;
  }
  return true;
}

function* listItems(
  view: AdminView,
  list: DumpList,
  mask: FieldMask | null,
  matches: (name: string) => boolean,
): Generator<Writable> {
  for (const item of list.items(view, matches)) {
    yield new Map<string, Writable>([["@type", TYPE + list.message], ...mask === null ? item : maskItem(item, mask)]);
  }
}

function* maskItem(item: DumpItem, mask: FieldMask): Generator<[string, Writable]> {
  for (const [name, value] of item) {
    if (mask.size > 0 && !mask.has(name)) continue;
    const inner = mask.get(name) ?? new Map();
    if (value instanceof WireAny) yield [name, value.masked(inner)];
    else if (value instanceof Map) yield [name, new Map(maskItem(value, inner))];
    else yield [name, isObject(value) ? maskObject(value, inner) : value];
  }
}

/** An Any that is JSON already keeps its type. */
function maskObject(value: JsonObject, mask: FieldMask): JsonObject {
  const type = value["@type"];
  return { ...(type === undefined ? {} : { "@type": type }), ...trim(value, mask) };
}

function isObject(value: Writable): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof LazyList) &&
    !(value instanceof WireAny);
}

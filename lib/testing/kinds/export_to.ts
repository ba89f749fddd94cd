import type { Fields } from "../fields.ts";

/** Reads `exportTo`: namespaces that see an object, `.` for its own, `*` for all; empty for all. */
export function parseExportTo(spec: Fields): string[] {
  const namespaces = spec.strings("exportTo");
  if (namespaces.includes("~")) throw spec.error("exportTo", "must not hold '~': delete the object instead");
  if (namespaces.includes("*") && namespaces.length > 1) {
    throw spec.error("exportTo", "must not hold '*' beside other namespaces");
  }
  return namespaces;
}

import type { HeaderList } from "./header_list.ts";

/** The first cookie of that name, without quotes; `null` where there is none or it is empty. */
export function cookieValue(headers: HeaderList, name: string): string | null {
  for (const header of headers.getAll("cookie")) {
    for (const part of header.split(";")) {
      const equals = part.indexOf("=");
      if (equals < 0 || part.slice(0, equals).trim() !== name) continue;
      const value = part.slice(equals + 1).trim();
      const quoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"');
      return (quoted ? value.slice(1, -1) : value) || null;
    }
  }
  return null;
}

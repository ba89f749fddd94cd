import type { HeaderList } from "../header_list.ts";

/**
 * Header fields as web objects hold them: a list of pairs.
 *
 * HTTP/2 may split `cookie` into crumbs, which only `; ` may join (RFC 9113 section 8.2.3).
 *
 * @param headers The fields.
 * @param host Value of the `host` field, which messages keep apart; `null` for none.
 */
export function webHeaderPairs(headers: HeaderList, host: string | null): [string, string][] {
  const list: [string, string][] = host === null ? [] : [["host", host]];
  const { pairs } = headers;
  let cookie: [string, string] | null = null;
  for (let i = 0; i < pairs.length; i += 2) {
    const pair: [string, string] = [pairs[i]!, pairs[i + 1]!];
    if (pair[0] === "cookie") {
      if (cookie !== null) {
        cookie[1] += `; ${pair[1]}`;
        continue;
      }
      cookie = pair;
    }
    list.push(pair);
  }
  return list;
}

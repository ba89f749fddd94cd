import type { HeaderList } from "../../../lib/http/header_list.ts";
import type { HttpResponse } from "../../../lib/http/message.ts";
import { type Answer, answerHeaders } from "./outcome.ts";

/** Reads a response of the codecs of enmesh to its end. */
export async function readResponse(response: HttpResponse): Promise<Required<Answer>> {
  const { status } = response;
  const headers = answerHeaders(pairsOf(response.headers));
  let body = "";
  try {
    for (let chunk = await response.body?.read(); chunk; chunk = await response.body?.read()) {
      body += String.fromCharCode(...chunk);
    }
  } catch {
    return { status, headers, body, trailers: [], broken: true };
  }
  return { status, headers, body, trailers: answerHeaders(pairsOf(response.body?.trailers ?? null)), broken: false };
}

function pairsOf(headers: HeaderList | null): [string, string][] {
  const pairs = headers?.pairs ?? [];
  return pairs.flatMap((name, at): [string, string][] => at % 2 === 0 ? [[name, pairs[at + 1]!]] : []);
}

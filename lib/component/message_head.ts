import { fieldProblem } from "../http/field_problem.ts";
import { headProblem } from "../http/head_problem.ts";
import { HeaderList } from "../http/header_list.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { fromByteString } from "../matcher/byte_string.ts";
import { fromBytes, toBytes } from "./field_bytes.ts";
import type { Change, Field, LocalResponse, RequestHead, ResponseHead } from "./filter_world.ts";

/** The head of a request for a filter. */
export function requestHead(request: HttpRequest): RequestHead {
  const { method, scheme, headers, body } = request;
  return {
    method,
    scheme,
    // Strings of components are UTF-8, which these bytes are where they are text at all.
    authority: fromByteString(request.authority) ?? request.authority,
    path: fromByteString(request.path) ?? request.path,
    headers: fields(headers),
    endOfStream: body === null || request.upgrade !== undefined,
  };
}

/** The head of a response for a filter. */
export function responseHead({ status, headers, body }: HttpResponse): ResponseHead {
  return { status, headers: fields(headers), endOfStream: body === null };
}

function fields({ pairs }: HeaderList): Field[] {
  const list: Field[] = new Array(pairs.length / 2);
  for (let i = 0; i < list.length; i++) list[i] = [pairs[2 * i]!, toBytes(pairs[2 * i + 1]!)];
  return list;
}

/**
 * Makes the changes of a filter, all of them or none.
 *
 * @throws {TypeError} When one of them would break the message.
 */
export function applyChanges(message: HttpRequest | HttpResponse, changes: readonly Change[]): void {
  // Checked first: a message that is half changed would be neither the sender's nor the filter's.
  for (const change of changes) {
    const problem = problemOf(message, change);
    if (problem !== null) throw new TypeError(`Cannot change the head: ${problem}`);
  }
  const { headers } = message;
  for (const change of changes) {
    if (change.tag === "remove") headers.delete(change.val);
    else if (change.tag === "append") headers.append(change.val[0], fromBytes(change.val[1]));
    else if (change.val[0].startsWith(":")) setPseudoHeader(message, change.val[0], fromBytes(change.val[1]));
    else headers.set(change.val[0], fromBytes(change.val[1]));
  }
}

function problemOf(message: HttpRequest | HttpResponse, change: Change): string | null {
  if (change.tag === "remove") return change.val === "content-length" ? LENGTH_FOLLOWS : null;
  const [name, bytes] = change.val;
  const value = fromBytes(bytes);
  if (!name.startsWith(":") || change.tag === "append") return fieldOf(name, value);
  if ("status" in message) {
    if (name !== ":status" || message.status === 101) return `'${name}' of a response is not to be changed`;
    return /^[2-5][0-9]{2}$/.test(value) ? null : `'${value}' is no status from 200 to 599`;
  }
  switch (name) {
    case ":method":
      return headProblem("method", value);
    case ":authority":
      return headProblem("authority", value);
    case ":path":
      return headProblem("path", value);
    default:
      return `'${name}' of a request is not to be changed`;
  }
}

const LENGTH_FOLLOWS = "'content-length' follows the content";

function fieldOf(name: string, value: string): string | null {
  return name === "content-length" ? LENGTH_FOLLOWS : fieldProblem(name, value);
}

function setPseudoHeader(message: HttpRequest | HttpResponse, name: string, value: string): void {
  if ("status" in message) message.status = Number(value);
  else if (name === ":method") message.method = value;
  else if (name === ":authority") message.authority = value;
  else message.path = value;
}

/**
 * The headers of an answer a filter gives, with the length of its content.
 *
 * @throws {TypeError} When it would be no response.
 */
export function localHeaders({ status, headers, body }: LocalResponse): HeaderList {
  if (status < 200 || status > 599) throw new TypeError(`Cannot respond: '${status}' is no status from 200 to 599`);
  const list = new HeaderList();
  for (const [name, bytes] of headers) {
    const value = fromBytes(bytes);
    const problem = fieldOf(name, value);
    if (problem !== null) throw new TypeError(`Cannot respond: ${problem}`);
    list.append(name, value);
  }
  if (status !== 204 && status !== 304) list.append("content-length", String(body.length));
  return list;
}

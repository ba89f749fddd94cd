import { type HeadPart, headProblem } from "../http/head_problem.ts";
import type { HttpRequest } from "../http/message.ts";
import { type FilterMessage, MessageView } from "./filter_message.ts";

/** A request as a filter sees it. What is assigned goes on; what would break the message throws a `TypeError`. */
export interface FilterRequest extends FilterMessage {
  /** For example `GET`. */
  method: string;
  /** `http` or `https`: what was asked for, not what the wire uses. */
  readonly scheme: string;
  /** Host, with its port where one was given. */
  authority: string;
  /** Path and query. */
  path: string;
  /** The three together, as of `Request`. */
  readonly url: string;
}

/** Shows a request to a filter. */
export class RequestView extends MessageView implements FilterRequest {
  readonly #request: HttpRequest;

  constructor(request: HttpRequest) {
    super(request);
    this.#request = request;
  }

  get method(): string {
    return this.#request.method;
  }

  set method(value: string) {
    this.#request.method = checked("method", value);
  }

  get scheme(): string {
    return this.#request.scheme;
  }

  get authority(): string {
    return this.#request.authority;
  }

  set authority(value: string) {
    this.#request.authority = checked("authority", value);
  }

  get path(): string {
    return this.#request.path;
  }

  set path(value: string) {
    this.#request.path = checked("path", value);
  }

  get url(): string {
    const { scheme, authority, path } = this.#request;
    return `${scheme}://${authority}${path}`;
  }
}

function checked(part: HeadPart, value: string): string {
  const problem = headProblem(part, value);
  if (problem !== null) throw new TypeError(`Cannot change the request: ${problem}`);
  return value;
}

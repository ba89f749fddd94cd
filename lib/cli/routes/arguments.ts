/** What is asked of `enmesh routes`. */
export interface RoutesArguments {
  readonly url: string;
  readonly method: string;
  /** Names with values, in order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly json: boolean;
}

/** Arguments, a wish for help, or what is wrong with them. */
export type RoutesArgumentsResult =
  | { readonly kind: "run"; readonly arguments: RoutesArguments }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly message: string };

/** Text of `enmesh routes --help`. */
export const ROUTES_HELP = `Explains which way a request of this workload takes through the mesh, and why no other.

Usage: enmesh routes URL [-H 'NAME: VALUE']... [-X METHOD] [--json]

Joins the mesh as this environment says, reads its configuration and leaves again. Nothing is sent to the URL.

Options:
  -H, --header 'NAME: VALUE'   A header of the request; may be given several times.
  -X, --method METHOD          Its method. [default: GET]
  --json                       Writes one JSON object.
  --help                       Shows this text.

Exits with 1 where the request would not get anywhere.

Example: enmesh routes http://reviews:9080/v1/stars -H 'end-user: jason'`;

const TOKEN = /^[!#$%&'*+\-.^_\`|~0-9A-Za-z]+$/;

/** Options with a value, by each of their spellings. */
const VALUED: Readonly<Record<string, "header" | "method">> = {
  "-H": "header",
  "--header": "header",
  "-X": "method",
  "--method": "method",
};

/** Reads what follows `enmesh routes`. */
export function readRoutesArguments(args: readonly string[]): RoutesArgumentsResult {
  const urls: string[] = [];
  const headers: [string, string][] = [];
  let method = "GET";
  let json = false;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--help" || arg === "-h") return { kind: "help" };
    if (arg === "--json") {
      json = true;
      continue;
    }
    const option = splitOption(arg);
    if (option === null) {
      if (arg.startsWith("-")) return wrong(`Cannot use argument '${arg}': see enmesh routes --help`);
      urls.push(arg);
      continue;
    }
    const value = option.value ?? args[++i];
    if (value === undefined) return wrong(`Cannot use '${arg}': a value is missing, see enmesh routes --help`);
    if (option.name === "method") {
      if (!TOKEN.test(value)) return wrong(`Cannot use method '${value}': it is no method, as GET or POST are`);
      method = value;
      continue;
    }
    const colon = value.indexOf(":");
    const name = value.slice(0, Math.max(colon, 0)).trim();
    if (!TOKEN.test(name)) return wrong(`Cannot use header '${value}': it must be 'name: value'`);
    headers.push([name, value.slice(colon + 1).trim()]);
  }
  const [url, second] = urls;
  if (url === undefined) return wrong("Cannot explain a route without a URL: see enmesh routes --help");
  if (second !== undefined) return wrong(`Cannot use argument '${second}': one URL is explained at a time`);
  const address = readUrl(url);
  return address.kind === "wrong" ? address : { kind: "run", arguments: { url: address.url, method, headers, json } };
}

/** An option with its value where that is in the same argument: `-Hname: value`, `--header=name: value`. */
function splitOption(arg: string): { readonly name: "header" | "method"; readonly value: string | null } | null {
  const exact = VALUED[arg];
  if (exact !== undefined) return { name: exact, value: null };
  const equals = arg.indexOf("=");
  if (arg.startsWith("--") && equals > 0) {
    const name = VALUED[arg.slice(0, equals)];
    return name === undefined ? null : { name, value: arg.slice(equals + 1) };
  }
  const short = arg.startsWith("--") ? undefined : VALUED[arg.slice(0, 2)];
  return short === undefined ? null : { name: short, value: arg.slice(2) };
}

/** As with `curl`, `http://` may be left out. */
function readUrl(text: string): { readonly kind: "url"; readonly url: string } | ReturnType<typeof wrong> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  const whole = scheme === undefined ? `http://${text}` : text;
  if (scheme !== undefined && !SCHEMES.has(scheme)) {
    return wrong(`Cannot explain '${text}': scheme '${scheme}' is not routed as HTTP; use http:// or https://`);
  }
  const url = URL.parse(whole.replace(/^ws/i, "http"));
  if (url === null || url.hostname === "") {
    return wrong(`Cannot explain '${text}': it is no URL; write one as http://reviews:9080/path`);
  }
  return { kind: "url", url: url.href };
}

const SCHEMES: ReadonlySet<string> = new Set(["http", "https", "ws", "wss"]);

function wrong(message: string): { readonly kind: "wrong"; readonly message: string } {
  return { kind: "wrong", message };
}

import { load, obey } from "./load.ts";

const url = Deno.args[0]!;
await obey((order) => load(fetch, url, order));

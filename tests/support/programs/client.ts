/** Joins, asks once, leaves, and says what came: `client.ts OPTIONS URL`. */
import { Mesh } from "@enmesh/enmesh";

const [options, url] = Deno.args;
const mesh = await Mesh.join(JSON.parse(options!));
const response = await mesh.fetch(url!);
console.log(JSON.stringify({ status: response.status, body: await response.text() }));
await mesh.close();

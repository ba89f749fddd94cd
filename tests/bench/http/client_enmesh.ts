import { Mesh } from "../../../mod.ts";
import { joinOptions } from "./join_options.ts";
import { load, obey } from "./load.ts";

const mesh = await Mesh.join(joinOptions());
const url = Deno.args[0]!;
await obey((order) => load(mesh.fetch, url, order));
await mesh.close();

/** A workload that calls another: the URL is the Service's, everything else is the mesh's. */
import { Mesh } from "@enmesh/enmesh";

await using mesh = await Mesh.join();
const response = await mesh.fetch(Deno.args[0] ?? "http://greeter.default/");
console.log(response.status, await response.text());

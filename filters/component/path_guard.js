/**
 * A filter in JavaScript: lets nobody into the paths of its configuration, a JSON array of prefixes, and says so in the
 * log. Built by componentize-qjs; see `tools/filters/build.ts`.
 */
import { log, property } from "enmesh:filter/host@0.1.0";

let closed = [];

export const handler = {
  configure(configuration) {
    const text = String.fromCharCode(...configuration);
    try {
      closed = JSON.parse(text);
    } catch {
      throw { tag: "invalid-configuration", val: `'${text}' is no JSON` };
    }
  },

  onRequest(_call, { path }) {
    const prefix = closed.find((prefix) => path.startsWith(prefix));
    if (prefix === undefined) {
      return { tag: "proceed", val: [{ tag: "set", val: ["x-guarded-by", bytes("path_guard")] }] };
    }
    log("info", `${property("source.address")?.val ?? "somebody"} asked for ${path}`);
    return { tag: "respond", val: { status: 403, headers: [], body: bytes(`${prefix} is closed\n`) } };
  },

  onResponse() {
    return { tag: "proceed", val: [] };
  },
};

function bytes(text) {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

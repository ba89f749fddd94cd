import { eagerWeb } from "./eager_web.ts";
import { createLazyWeb } from "./lazy_web.ts";
import type { WebObjects } from "./web_objects.ts";

/** The way that this runtime allows: a property of the runtime, not of a mesh, hence found once per process. */
export const chosenWeb: WebObjects = createLazyWeb() ?? eagerWeb;

/**
 * Filters written as WASI components, for `mesh.use`. They are brought into JavaScript by jco, which is loaded only where
 * such a filter is used for the first time: a program that does not import this module never downloads it.
 *
 * The world a component has to export is `enmesh:filter`, in `filters/wit/filter.wit`.
 *
 * @module
 */
export { componentFilter, type ComponentFilterOptions } from "./component_filter.ts";
export type { FailPolicy } from "./failure_policy.ts";
export type { ReadyFilter } from "../filter/ready_filter.ts";

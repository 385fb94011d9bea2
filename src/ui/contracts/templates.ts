/** Contracts to begin with. */
export { TEMPLATES } from "../../sdk/templates.ts";

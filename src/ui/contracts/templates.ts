import { CONTRACT_TEMPLATES } from "../../sdk/templates.ts";

/** Contracts to begin with; `id` is what stands in the address. */
export const TEMPLATES = CONTRACT_TEMPLATES.map((template) => ({ ...template, id: template.name.toLocaleLowerCase("en") }));

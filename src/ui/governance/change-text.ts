/** What a proposal would change, in a person's words. Pure. */
import type { GovernanceInfo, ProposedChange, Role } from "../../sdk/api.ts";
import type { Text } from "../text/en.ts";
import { isRule, ruleText, type RuleWords } from "./rules.ts";

export interface ChangeWords extends RuleWords {
  readonly nameOf: (account: string) => string;
}

/** Roles by their names, in the order in which they are explained. */
export function rolesText(text: Text, roles: readonly Role[]): string {
  const named = (Object.keys(text.governance.roles) as Role[]).filter((role) => roles.includes(role));
  return named.length === 0 ? text.governance.nothing : named.map((role) => text.governance.roles[role].name).join(", ");
}

/** A line a change: from what it is now to what it would be. */
export function changeLines(words: ChangeWords, info: GovernanceInfo, change: ProposedChange): readonly string[] {
  const { text, nameOf } = words;
  if (change.kind === "parameters")
    return Object.entries(change.parameters).map(([name, to]) =>
      isRule(name)
        ? text.governance.ruleChange(
            text.governance.rules[name].name,
            ruleText(words, name, info.parameters[name]),
            ruleText(words, name, to),
          )
        : `${name}: ${to}`,
    );
  const who = nameOf(change.account);
  if (change.kind === "membership" && change.roles === null) return [text.governance.letGoChange(who)];
  const to = rolesText(text, change.roles ?? []);
  if (change.kind === "membership") return [text.governance.admitChange(who, to)];
  const now = info.members.find(({ account }) => account === change.account)?.roles ?? [];
  return [text.governance.rolesChange(who, rolesText(text, now), to)];
}

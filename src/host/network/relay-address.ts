/** A relay's address, as a person types it or a manifest names it. */
import { multiaddr, type Multiaddr } from "@multiformats/multiaddr";
import { Refusal } from "../../protocol/refusal.ts";

/** @throws {Refusal} `address-invalid` if it is no multiaddr, or does not name the relay's peer: any server could then stand in for it. */
export function readRelayAddress(address: string): { readonly target: Multiaddr; readonly peer: string } {
  let target;
  try {
    target = multiaddr(address);
  } catch (error) {
    throw new Refusal("address-invalid", { message: address, reason: String(error) });
  }
  const peer = target.getComponents().findLast(({ name }) => name === "p2p")?.value;
  if (peer === undefined) throw new Refusal("address-invalid", { message: address, reason: "it does not name the relay's peer" });
  return { target, peer };
}

/** The servers that help with direct links, as a person types them: read before they are kept or used. */
import { Refusal } from "../../protocol/refusal.ts";

export interface IceServer {
  readonly urls: string;
  readonly username?: string;
  readonly credential?: string;
}

/** RFC 7064 and RFC 7065: a host, and at most a port; how to transport only for TURN. */
const ICE_URL = /^(stuns?|turns?):(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?(\?transport=(?:udp|tcp))?$/i;
const PORT_MAX = 65_535;
/** RFC 8489, section 14.3: a longer USERNAME does not fit its attribute. */
const USERNAME_UNITS_MAX = 508;

/**
 * A line `stun:host:port`, or `turn:host:port?transport=udp user password`: what WebRTC takes. One server that it does not take ends every
 * new direct link, since no connection is made at all then (WebRTC, section 4.4.1.6).
 * @throws {Refusal} `address-invalid`.
 */
export function readIceServer(line: string): IceServer {
  const [urls = "", username, credential, ...more] = line.trim().split(/\s+/);
  const [, scheme = "", , port = "1", transport] = ICE_URL.exec(urls) ?? [];
  const isStun = scheme.toLowerCase().startsWith("stun");
  const isPort = Number(port) >= 1 && Number(port) <= PORT_MAX;
  const fits = isStun
    ? transport === undefined && username === undefined
    : username !== undefined && credential !== undefined && more.length === 0 && username.length <= USERNAME_UNITS_MAX;
  // Without the rest of the line, which may be a password.
  if (scheme === "" || !isPort || !fits) throw new Refusal("address-invalid", { message: urls });
  return username === undefined || credential === undefined ? { urls } : { urls, username, credential };
}

export function isIceServer(line: string): boolean {
  try {
    readIceServer(line);
    return true;
  } catch {
    return false;
  }
}

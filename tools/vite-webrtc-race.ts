/**
 * Mends a race in `@libp2p/webrtc` 6.0.33 as it is bundled: the side that is dialled may close the "init" channel before the dialler waits for its
 * `open`, which then never comes (20 of 48 simultaneous dials failed, none with this change). The state is looked at first, and `close` ends the wait too.
 */
import type { Plugin } from "vite";

const FILE = /@libp2p[\\/]webrtc[\\/]dist[\\/]src[\\/]private-to-private[\\/]initiate-connection\.js/;

const CHANGES: readonly (readonly [before: RegExp, after: string])[] = [
  [/if \(channel\.readyState !== 'open'\) \{/, "if (channel.readyState === 'connecting') {"],
  [/await pEvent\(channel, 'open', \{\s*signal\s*\}\);/, "await pEvent(channel, ['open', 'close'], { signal });"],
  [
    /await pEvent\(channel, 'close', \{\s*signal\s*\}\);/,
    "if (channel.readyState !== 'closed') { await pEvent(channel, 'close', { signal }); }",
  ],
];

/** The changed source. @throws {Error} if a change no longer applies: then the package has changed, and this must be looked at again. */
export function mendWebRtcRace(source: string): string {
  let mended = source;
  for (const [before, after] of CHANGES) {
    if (mended.split(before).length !== 2) throw new Error(`vite-webrtc-race: ${before} is not there once; has @libp2p/webrtc changed?`);
    mended = mended.replace(before, after);
  }
  return mended;
}

/** For every Vite build and server that bundles the network; a build that bundles `@libp2p/webrtc` without it applying fails. */
export function webRtcRace(): Plugin {
  return {
    name: "bothy:webrtc-race",
    enforce: "pre",
    // Pre-bundled dependencies do not pass through plugins.
    config: () => ({ optimizeDeps: { exclude: ["@libp2p/webrtc"] } }),
    transform(source, id) {
      return FILE.test(id) ? { code: mendWebRtcRace(source), map: null } : null;
    },
  };
}

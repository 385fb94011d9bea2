/**
 * WebRTC whose connections look direct. `@libp2p/webrtc` keeps the circuit address of the signalling as the address of the connection, so that
 * circuit-relay-v2 takes it for a relayed one and refuses reservations over it; named `/p2p/<peer>`, every tab can be a relay for others.
 */
import { isPeerId, type Connection, type MultiaddrConnection, type Transport, type Upgrader } from "@libp2p/interface";
import { webRTC } from "@libp2p/webrtc";
import { multiaddr } from "@multiformats/multiaddr";

type WebRtcFactory = ReturnType<typeof webRTC>;
type Components = Parameters<WebRtcFactory>[0];

function naming(upgrader: Upgrader): Upgrader {
  const rename = (connection: MultiaddrConnection, options: object): void => {
    if ("remotePeer" in options && isPeerId(options.remotePeer)) connection.remoteAddr = multiaddr(`/p2p/${options.remotePeer.toString()}`);
  };
  return new Proxy(upgrader, {
    get(target, name) {
      if (name === "upgradeInbound") {
        return (connection: MultiaddrConnection, options: Parameters<Upgrader["upgradeInbound"]>[1]): Promise<void> => {
          rename(connection, options);
          return target.upgradeInbound(connection, options);
        };
      }
      if (name === "upgradeOutbound") {
        return (connection: MultiaddrConnection, options: Parameters<Upgrader["upgradeOutbound"]>[1]): Promise<Connection> => {
          rename(connection, options);
          return target.upgradeOutbound(connection, options);
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

export function webRtcThroughPeers(rtcConfiguration: RTCConfiguration): (components: Components) => Transport {
  return (components) => {
    const named = new Proxy(components, {
      get: (target, name) => (name === "upgrader" ? naming(target.upgrader) : Reflect.get(target, name)),
    });
    const transport = webRTC({ rtcConfiguration })(named);
    const dial = transport.dial.bind(transport);
    transport.dial = (address, options) => dial(address, { ...options, upgrader: naming(options.upgrader) });
    return transport;
  };
}

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import packageJson from "./package.json" with { type: "json" };
import { VitePWA } from "vite-plugin-pwa";
import { meteredWasm } from "./tools/vite-metered-wasm.ts";
import { webRtcRace } from "./tools/vite-webrtc-race.ts";

const relay = process.env["BOTHY_RELAY"];

export default defineConfig({
  // Any static host, any path below it.
  base: "./",
  define: { __BOTHY_VERSION__: JSON.stringify(packageJson.version) },
  worker: { format: "es", plugins: () => [meteredWasm()] },
  server: {
    // In development the relay stands on a port of its own (`npm run dev`); its answers name that port for the WebSocket.
    proxy: relay === undefined ? {} : { "/bothy": { target: relay, changeOrigin: true, headers: { origin: relay } } },
  },
  build: {
    target: "es2023",
    manifest: true,
    sourcemap: false,
    // Under the content security policy nothing is inline: no script, no data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
  },
  plugins: [
    react(),
    webRtcRace(),
    meteredWasm(),
    VitePWA({
      // The person decides when to update: every tab must first have saved and left its seat.
      registerType: "prompt",
      injectRegister: null,
      manifest: {
        id: "./",
        name: "Bothy",
        short_name: "Bothy",
        description: "A blockchain of things that runs in browser tabs",
        start_url: "./",
        scope: "./",
        display: "standalone",
        theme_color: "#1f5b44",
        background_color: "#f6f5f0",
        categories: ["utilities", "productivity"],
        icons: [
          { src: "icon.svg", sizes: "any", type: "image/svg+xml", purpose: "any" },
          { src: "icon-192.png", sizes: "192x192", type: "image/png", purpose: "any" },
          { src: "icon-512.png", sizes: "512x512", type: "image/png", purpose: "any" },
          { src: "icon-maskable-512.png", sizes: "512x512", type: "image/png", purpose: "maskable" },
        ],
      },
      workbox: {
        // All of it, WASM too: the app starts and shows its ledger without any network.
        globPatterns: ["**/*.{js,css,html,svg,png,woff2,wasm}"],
        maximumFileSizeToCacheInBytes: 6_000_000,
        navigateFallback: "index.html",
        // What the relay answers itself is never taken from the cache.
        navigateFallbackDenylist: [/\/bothy\//, /\/healthz$/, /\/metrics$/],
        cleanupOutdatedCaches: true,
      },
    }),
  ],
});

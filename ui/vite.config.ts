import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  // Tauri's `devUrl` names this port: another one would show an empty window.
  server: { port: 5173, strictPort: true },
  build: { target: "safari16", assetsInlineLimit: 0, chunkSizeWarningLimit: 800 },
  test: { environment: "jsdom", setupFiles: ["src/testing/setup.ts"], restoreMocks: true, testTimeout: 60_000, css: { include: [/tokens\.css/] } },
});

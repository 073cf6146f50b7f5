/* Makes static/outbox.js, static/outbox-pages.js, static/outbox-meeting.js and static/service-worker.js. */
import { copyFileSync } from "node:fs";
import { build } from "esbuild";

await build({
  entryPoints: ["outbox.js", "outbox-pages.js", "outbox-meeting.js", "service-worker.js"],
  outdir: "../static",
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome110", "firefox115", "safari16.4"],
  define: { "process.env.NODE_ENV": '"production"' },
  legalComments: "none",
});
copyFileSync("node_modules/idb/LICENSE", "../static/vendor/idb-LICENSE.txt");
copyFileSync("node_modules/workbox-core/LICENSE", "../static/vendor/workbox-LICENSE.txt");

/* The page that declares a meeting: its form through the outbox. */
import * as list from "./list.js";
import * as meeting from "./meeting.js";

const { outbox } = window;
if (outbox) {
  meeting.start(outbox);
  outbox.met().catch(() => {}).then(() => list.start(outbox)).catch(() => {});
}

/* The page that declares a meeting: its form through the outbox. */
import * as list from "./list.js";
import * as meeting from "./meeting.js";

const { outbox } = window;
outbox?.met().catch(() => {}).then(() => {
  meeting.start(outbox);
  return list.start(outbox);
}).catch(() => {});

/* The pages that declare and list sales: the form through the outbox, and the list of what is on this phone. */
import * as form from "./form.js";
import * as list from "./list.js";

const { outbox } = window;
if (outbox) {
  form.start(outbox);
  outbox.met().catch(() => {}).then(() => list.start(outbox)).catch(() => {});
}

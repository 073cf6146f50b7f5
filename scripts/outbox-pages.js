/* The pages that declare, correct and list sales: the products of a sale, the form through the outbox, and the list of
   what is on this phone. */
import * as form from "./form.js";
import * as lines from "./lines.js";
import * as list from "./list.js";

const { outbox } = window;
const sale = lines.start(outbox);
if (outbox) {
  if (sale) form.start(outbox, sale);
  outbox.met().catch(() => {}).then(() => list.start(outbox)).catch(() => {});
}

/* The pages that declare and list sales: the form through the outbox, and the list of what is on this phone. */
import * as form from "./form.js";
import * as list from "./list.js";

const { outbox } = window;
outbox?.met.then(() => {
  form.start(outbox);
  return list.start(outbox);
}).catch(() => {});

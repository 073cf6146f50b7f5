/* The strip on every page: how much is on this phone, and what to do about it. */
import { say, words } from "./words.js";
import * as store from "./store.js";

export async function show() {
  const strip = document.getElementById("outbox-strip");
  const items = await store.mine();
  const count = (state) => items.filter((item) => item.state === state).length;
  const [kept, refused, begun, meeting] = ["kept", "refused", "draft", "meeting"].map(count);
  const drafts = begun + meeting;
  const expired = Boolean(await store.get("expired"));
  const listed = Boolean(document.getElementById("outbox-list"));
  const text = [
    kept && say(expired ? words.expired : words.kept, { n: kept }),
    !kept && expired && words.ended,
    refused && say(words.refused, { n: refused }),
    !kept && !refused && drafts && "drafts" in strip.dataset && say(words.drafts, { n: drafts }),
  ]
    .filter(Boolean)
    .join(" ");
  strip.hidden = !text || (listed && !expired);
  const place = strip.querySelector("[data-say]");
  if (place.textContent !== text) place.textContent = text;
  strip.querySelector("[data-enter]").hidden = !expired;
  strip.querySelector("[data-see]").hidden = listed || expired;
  for (const one of document.querySelectorAll("[data-if-expired]")) one.hidden = (one.dataset.ifExpired === "yes") !== expired;
}

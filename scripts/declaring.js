/* What the forms of one sale and of a whole meeting share. */
import { shape } from "./shapes.js";
import { say, words } from "./words.js";

export const today = () => new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 10);

/* A number as typed, without the spaces between its digits. */
export const figure = (input) => input.value.replace(/[\s\u00a0\u202f]/g, "");
export const wrongLines = (lines) =>
  lines
    .filter(({ units }) => !/^\d{1,6}$/.test(units) || Number(units) < 1 || Number(units) > 100_000)
    .map(({ name }) => say(words.faults.units, { product: name }));
export const wrongArea = (area) => area.trim() && !/^[A-Z0-9]{2,3}$/i.test(area.trim());

/* Says something above the form, and brings the reader there. */
export function alert(said) {
  document.getElementById("outbox-alert").replaceChildren(said);
  document.querySelector("#outbox-alert [role=alert], #outbox-alert [tabindex]")?.focus();
}

/* The button that sends can be pressed again. */
export const again = (form) => setTimeout(() => (form.querySelector("[data-send]").disabled = false), 0);

/* Sends once, however often the button is pressed meanwhile: `submit` keeps what is told on the phone, and what cannot be
   kept there is sent as it always could be. */
export function once(form, away, submit) {
  let sending = false;
  return (told) => {
    if (sending) return;
    sending = true;
    submit(told)
      .catch(() => (away() ? alert(shape("outbox-incomplete", { why: words.unkept })) : form.submit()))
      .finally(() => {
        sending = false;
        again(form);
      });
  };
}

/* Saves what is typed shortly after each touch, and when the page is left. `stop` waits for what is under way. */
export function saving(form, save) {
  let timer = 0;
  let last = null;
  const now = () => {
    timer = 0;
    last = save().catch(() => {});
  };
  const typed = () => {
    clearTimeout(timer);
    timer = setTimeout(now, 200);
  };
  form.addEventListener("input", typed);
  window.addEventListener("pagehide", () => timer && now());
  return { typed, stop: () => (clearTimeout(timer), last) };
}

/* What a part of the form asks the server is answered by `locally` while there is no network, and when the server fails.
   Says whether there is no network. */
export function nearby(form, offline, locally) {
  let cut = false; // the network failed under this page
  const away = () => offline || cut || !navigator.onLine;
  const answer = (element) => {
    if (element.id === "expected") element.replaceChildren(shape(away() ? "outbox-unexpected" : "outbox-unanswered"));
    else locally(element);
  };
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!away() || !form.contains(event.detail.elt)) return;
    event.preventDefault();
    answer(event.detail.elt);
  });
  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
    document.addEventListener(name, (event) => {
      if (!form.contains(event.detail.elt)) return;
      cut ||= name !== "htmx:responseError";
      answer(event.detail.elt);
    });
  }
  window.addEventListener("online", () => (cut = false));
  return away;
}

/* What the forms of one sale and of a whole meeting share. */
import { shape } from "./shapes.js";
import { say, words } from "./words.js";

const QUIET = 200; // ms without a touch, then what is typed is saved
const LONGEST = 1_000; // ms that a touch waits at most to be saved
export const today = () => new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 10);

/* A number as typed, without the spaces between its digits. */
export const figure = (input) => input.value.replace(/[\s\u00a0\u202f]/g, "");
export const wrongLines = (lines) =>
  lines
    .filter(({ units }) => !/^\d{1,6}$/.test(units) || Number(units) < 1 || Number(units) > 100_000)
    .map(({ name }) => say(words.faults.units, { product: name }));
/* What is wrong with the day of a sale; "" for nothing. */
export function wrongDay({ value, min }) {
  if (!value || value > today()) return words.missing.sold_on;
  return value < min ? words.faults.sold_on : "";
}
export const wrongArea = (area) => area.trim() && !/^[A-Z0-9]{2,3}$/i.test(area.trim());

/* Says something above the form, and brings the reader there. */
export function alert(said) {
  document.getElementById("outbox-alert").replaceChildren(said);
  document.querySelector("#outbox-alert [role=alert], #outbox-alert [tabindex]")?.focus();
}

/* The button that sends can be pressed again. */
export const again = (form) => setTimeout(() => (form.querySelector("[data-send]").disabled = false), 0);

/* Keeps what a form says. `save` keeps a draft, when the touches pause, at least every second, and when the page is
   left, one saving after the other. `submit` keeps what is to be sent, once however often the button is pressed, and
   says whether that was done: from then on no draft is saved. What cannot be kept is sent as it always could be, once
   the server is known to be in reach (`reach`): what is sent to nowhere would be gone with the page. */
export function keeping(form, reach, save, submit) {
  let timer = 0;
  let since = 0; // when the first touch came that is not saved
  let saved = Promise.resolve();
  let closed = false;
  let sending = false;
  const now = () => {
    timer = 0;
    saved = saved.then(() => closed || save()).catch(() => {});
  };
  const typed = () => {
    if (!timer) since = Date.now();
    clearTimeout(timer);
    timer = setTimeout(now, Math.max(0, Math.min(QUIET, since + LONGEST - Date.now())));
  };
  /* No draft any more; waits for the one that is being saved. */
  const close = () => {
    closed = true;
    clearTimeout(timer);
    return saved;
  };
  form.addEventListener("input", typed);
  const leave = () => {
    if (!timer) return;
    clearTimeout(timer);
    now();
  };
  window.addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", leave); // a phone ends pages that nobody looks at without a word
  const send = async (told) => {
    if (sending) return;
    sending = true;
    await close();
    try {
      closed = await submit(told);
    } catch {
      closed = false;
      await reach().then(
        () => form.submit(),
        () => alert(shape("outbox-incomplete", { why: words.unkept })),
      );
    }
    sending = false;
    again(form);
  };
  return { typed, close, send };
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
  // What is found for a text that is no longer there comes too late.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { elt, parameters } = event.detail.requestConfig;
    if (elt === form.elements.q && parameters.q !== elt.value) event.detail.shouldSwap = false;
  });
  // The sign-in has expired: what was tapped is not lost on the way to another page, the phone goes on by itself.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    if (!form.contains(event.detail.elt) || !event.detail.xhr.getResponseHeader("HX-Redirect") || !window.outbox) return;
    event.preventDefault();
    cut = true;
    answer(event.detail.elt);
    window.outbox.expire();
  });
  window.addEventListener("online", () => (cut = false));
  return away;
}

/* The editor of drafts. Without this file each button sends the step; with it nothing typed is ever lost: what the
   server has not acknowledged waits in this browser, and comes back after a reload or a new sign-in. */
(() => {
  "use strict";
  const form = () => document.getElementById("draft");
  if (!form()) return;
  const PREFIX = "palmares-draft:";
  const key = () => PREFIX + form().dataset.draft;
  let typed = 0; // grows with every change
  let sent = 0; // what `typed` was when the last request left

  const store = {
    read() {
      try {
        return JSON.parse(window.localStorage.getItem(key()) || "null");
      } catch {
        return null;
      }
    },
    write() {
      const kept = [...new FormData(form())].filter(([name]) => !["csrf_token", "revision", "view"].includes(name));
      try {
        window.localStorage.setItem(key(), JSON.stringify({ revision: form().elements.revision.value, kept }));
      } catch {
        /* no room, or storage is off: the server still has every save */
      }
    },
    forget() {
      try {
        window.localStorage.removeItem(key());
      } catch {
        /* likewise */
      }
    },
  };

  // --- what was not sent comes back ---
  const restore = () => {
    const waiting = store.read();
    if (!waiting || form().hasAttribute("data-waits")) return;
    const values = new Map();
    for (const [name, value] of waiting.kept) values.set(name, [...(values.get(name) || []), value]);
    let changed = false;
    const set = (input, property, value) => {
      if (input[property] === value) return;
      input[property] = value;
      changed = true;
    };
    for (const input of form().elements) {
      if (!input.name || !values.has(input.name) || ["hidden", "submit", "button"].includes(input.type)) continue;
      const given = values.get(input.name);
      if (input.type === "checkbox" || input.type === "radio") set(input, "checked", given.includes(input.value));
      else set(input, "value", given[0].replace(/\r\n/g, "\n"));
    }
    if (!changed) return store.forget();
    form().elements.revision.value = waiting.revision;
    // htmx takes the form in hand once the page is there.
    window.addEventListener("load", () => form().dispatchEvent(new Event("input", { bubbles: true })));
  };

  document.addEventListener("input", (event) => {
    if (event.target.form !== form() && event.target !== form()) return;
    typed += 1;
    store.write();
    waits("…");
  });

  // --- what the server says ---
  const status = () => document.querySelector("#status span");
  const waits = (text) => {
    const place = status();
    if (place && form().dataset.saving) place.textContent = form().dataset.saving + text;
  };
  // What is asked is what the button says that sent the form, wherever on the page it stands; a save by itself asks
  // nothing.
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt !== form()) return;
    const button = event.detail.triggeringEvent?.submitter;
    for (const name of ["action", "keep"]) event.detail.formData.delete(name);
    if (button?.name) event.detail.formData.set(button.name, button.value);
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt === form()) sent = typed;
  });
  document.addEventListener("draft-saved", () => {
    if (sent === typed) store.forget();
  });
  // A step that is refused, or that somebody else has changed, is shown like any other answer.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if ([409, 422].includes(event.detail.xhr.status)) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });
  for (const name of ["htmx:sendError", "htmx:responseError"]) {
    document.addEventListener(name, () => {
      const place = status();
      if (place && form()) place.textContent = form().dataset.unsent;
    });
  }

  // --- folds stay as they were opened ---
  let open = [];
  document.addEventListener("htmx:beforeSwap", () => {
    open = [...document.querySelectorAll("#preview details[open][id]")].map((element) => element.id);
  });
  document.addEventListener("htmx:oobAfterSwap", () => {
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (form()) tell();
  });

  // --- what is wrong is said beside its field, as soon as something is written there ---
  const tell = () => {
    const revision = form().elements.revision.value;
    for (const input of document.querySelectorAll("[data-revision-too]")) input.value = revision;
    const said = new Map();
    for (const link of document.querySelectorAll("#faults [data-fault]")) {
      if (link.dataset.fault && !("empty" in link.dataset)) {
        said.set(link.dataset.fault, link.parentElement.querySelector("span").textContent);
      }
    }
    for (const box of form().querySelectorAll(".field")) {
      const input = box.matches("fieldset") ? box : box.querySelector("[id].control");
      if (!input || !input.id) continue;
      const text = said.get(input.id);
      let note = document.getElementById(`${input.id}-error`);
      if (!text) {
        note?.remove();
        input.removeAttribute("aria-invalid");
        continue;
      }
      if (!note) {
        note = document.createElement("p");
        note.className = "field-error";
        note.id = `${input.id}-error`;
        note.append(document.createElement("span"));
        box.append(note);
        input.setAttribute("aria-describedby", `${input.getAttribute("aria-describedby") || ""} ${note.id}`.trim());
      }
      note.querySelector("span").textContent = text;
      if (input !== box) input.setAttribute("aria-invalid", "true");
    }
  };

  // --- handier with a script ---
  const press = (value) => {
    const button = document.createElement("button");
    button.name = "action";
    button.value = value;
    button.hidden = true;
    form().append(button);
    form().requestSubmit(button);
    button.remove();
  };
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (input.matches("[data-reshape]")) press("reshape:" + input.id);
    else if (input.matches("[data-add]") && input.value.trim()) press("names:" + input.id.replace(/-add$/, ""));
    else if (input.id === "file" && input.files.length) input.form.requestSubmit(input.form.querySelector("[value=picture]"));
  });
  // A link into a fold opens it.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    const target = link && document.getElementById(link.getAttribute("href").slice(1));
    if (!target) return;
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    event.preventDefault();
    target.scrollIntoView({ block: "center" });
    target.focus({ preventScroll: true });
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-forget]")) store.forget();
  });

  const handy = () => document.querySelectorAll("[data-without-script]").forEach((element) => (element.hidden = true));
  document.addEventListener("htmx:load", handy);
  handy();
  restore(); // before anything is typed, which would be kept in its place
})();

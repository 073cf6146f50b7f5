/* The declare form. Without this file the form works by itself; here it only gets handier. */
(() => {
  "use strict";
  const form = document.querySelector("[data-declare]");
  if (!form) return;

  // Search answers while one types: the button is for those without scripts.
  const handy = () => form.querySelectorAll("[data-without-script]").forEach((element) => (element.hidden = true));
  handy();
  document.addEventListener("htmx:load", handy);

  // Enter in a field must not leave the page with half a sale.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input")) event.preventDefault();
  });

  // A second tap on a chosen star or figure takes it back.
  let before = null;
  const group = (input) => input.matches("[name$=rating], [name$=recommend]");
  form.addEventListener("pointerdown", (event) => {
    const label = event.target.closest("label");
    const input = label && label.querySelector("input[type=radio]");
    before = input && group(input) && input.checked ? input : null;
  });
  form.addEventListener("click", (event) => {
    if (event.target !== before) return;
    before.checked = false;
    before.dispatchEvent(new Event("input", { bubbles: true }));
    before = null;
  });

  // A photo is made small as soon as it is chosen, and shown; what is no picture is said, and can be taken away.
  const chosen = form.querySelector("[data-photo]");
  const shown = form.querySelector("[data-photo-shown]");
  if (chosen) {
    const there = form.querySelector("[data-photo-there]");
    const tell = (unreadable) => {
      document.getElementById("proof-unreadable").hidden = !unreadable;
      const why = { "aria-invalid": "true", "aria-errormessage": "proof-unreadable" }; // which must be there to be named
      for (const name in why) unreadable ? chosen.setAttribute(name, why[name]) : chosen.removeAttribute(name);
    };
    chosen.addEventListener("change", async () => {
      const file = chosen.files[0];
      if (shown.src) URL.revokeObjectURL(shown.src);
      shown.hidden = true;
      delete chosen.dataset.small;
      tell(false);
      there.hidden = !file;
      if (!file) return;
      const shrinking = await import(chosen.dataset.photo).catch(() => null);
      if (!shrinking) return; // not on this phone: the file goes as it is
      try {
        const small = await shrinking.shrink(file);
        if (chosen.files[0] !== file) return;
        if (small !== file) {
          const files = new DataTransfer();
          files.items.add(new File([small], "photo.jpg", { type: "image/jpeg" }));
          chosen.files = files.files;
        }
        shown.src = URL.createObjectURL(small);
        shown.hidden = false;
        chosen.dataset.small = "";
        chosen.dispatchEvent(new Event("input", { bubbles: true })); // now it can be kept
      } catch {
        if (chosen.files[0] === file) tell(true);
      }
    });
    there.querySelector("[data-photo-remove]").addEventListener("click", () => {
      chosen.value = "";
      chosen.dispatchEvent(new Event("change", { bubbles: true }));
      chosen.dispatchEvent(new Event("input", { bubbles: true }));
      chosen.focus();
    });
  }

  // The camera reads a code; its reader is fetched with the tap. What it finds is a tap on the product, or a search.
  const camera = form.querySelector("[data-scan]");
  if (camera && navigator.mediaDevices) {
    const offer = () => form.querySelectorAll("[data-scan]").forEach((element) => (element.hidden = false));
    offer();
    document.addEventListener("htmx:load", offer);
    form.addEventListener("click", async (event) => {
      const button = event.target.closest("[data-scan]");
      if (!button) return;
      button.disabled = true;
      try {
        const { scan } = await import(button.dataset.scan);
        const code = await scan(document.getElementById("scanner"));
        if (code) choose(code);
      } finally {
        button.disabled = false;
      }
    });
  }
  const choose = (code) => {
    const product = [...form.querySelectorAll("[name=add][data-ean]")].find((one) => one.dataset.ean === code);
    if (product) return product.click();
    const found = form.querySelector("[name=code]");
    found.value = code;
    found.click();
  };

  // One tap is enough: the button then waits.
  form.addEventListener("submit", (event) => {
    if (!event.submitter || !("send" in event.submitter.dataset)) return;
    window.setTimeout(() => (event.submitter.disabled = true), 0);
  });
  window.addEventListener("pageshow", () => {
    const button = form.querySelector("[data-send]");
    if (button) button.disabled = false;
  });
})();

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
  const group = (input) => input.matches("[name=rating], [name=recommend]");
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

  // One tap is enough: the button waits for the answer.
  form.addEventListener("submit", (event) => {
    if (!event.submitter || !("send" in event.submitter.dataset)) return;
    window.setTimeout(() => (event.submitter.disabled = true), 0);
  });
  window.addEventListener("pageshow", () => {
    const button = form.querySelector("[data-send]");
    if (button) button.disabled = false;
  });
})();

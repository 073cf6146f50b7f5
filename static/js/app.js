/* Small comforts on every page. Everything here is optional: without it the forms and links still work. */
(() => {
  "use strict";

  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const language = document.documentElement.lang || "fr";

  // htmx sends the same token as the forms do.
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector('meta[name="csrf-token"]');
    if (token) event.detail.headers["X-CSRFToken"] = token.content;
  });

  // − and + around a number.
  const bound = (input) => {
    const box = input.closest("[data-stepper]");
    const value = Number(input.value || 0);
    for (const button of box.querySelectorAll("[data-step]")) {
      button.hidden = false;
      const next = value + Number(button.dataset.step);
      button.disabled = (input.min !== "" && next < Number(input.min)) || (input.max !== "" && next > Number(input.max));
    }
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-stepper] [data-step]");
    if (!button) return;
    const input = button.closest("[data-stepper]").querySelector("input");
    const least = input.min === "" ? -Infinity : Number(input.min);
    const most = input.max === "" ? Infinity : Number(input.max);
    input.value = Math.min(most, Math.max(least, Number(input.value || 0) + Number(button.dataset.step)));
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
  document.addEventListener("input", (event) => {
    if (event.target.closest("[data-stepper]")) bound(event.target);
  });

  // Points count up to their value, once, within a second.
  const countUp = (element) => {
    const target = Number(element.dataset.countUp);
    element.removeAttribute("data-count-up");
    if (calm || !Number.isFinite(target) || target <= 0 || document.hidden) return;
    const written = element.textContent;
    const format = new Intl.NumberFormat(language);
    const start = performance.now();
    let shown = 0; // twenty numbers a second are seen as one movement, and leave a small phone time for the rest
    const frame = (now) => {
      const part = Math.min(1, (now - start) / 900);
      if (part === 1 || now - shown > 48) {
        shown = now;
        element.textContent = part < 1 ? format.format(Math.round(target * (1 - (1 - part) ** 3))).replace("\u202f", "\u00a0") : written;
      }
      if (part < 1) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  };

  // Confetti where the page says data-celebrate, and only there.
  const celebrate = () => {
    if (calm) return;
    const canvas = document.createElement("canvas");
    canvas.className = "confetti";
    canvas.setAttribute("aria-hidden", "true");
    document.body.append(canvas);
    const scale = Math.min(2, window.devicePixelRatio || 1);
    const width = (canvas.width = window.innerWidth * scale);
    const height = (canvas.height = window.innerHeight * scale);
    const context = canvas.getContext("2d");
    const colours = ["#E5A50A", "#0E6B50", "#D94F30", "#2A62C9", "#FFD166"];
    const pieces = Array.from({ length: 90 }, (_, index) => ({
      x: width * (0.2 + 0.6 * Math.random()),
      y: -20 * scale - Math.random() * height * 0.3,
      size: (5 + Math.random() * 5) * scale,
      drift: (Math.random() - 0.5) * 2.4 * scale,
      fall: (2.5 + Math.random() * 3) * scale,
      turn: Math.random() * Math.PI,
      spin: (Math.random() - 0.5) * 0.25,
      colour: colours[index % colours.length],
    }));
    const start = performance.now();
    const frame = (now) => {
      const age = (now - start) / 2600;
      context.clearRect(0, 0, width, height);
      context.globalAlpha = Math.min(1, Math.max(0, (1 - age) * 3));
      for (const piece of pieces) {
        piece.x += piece.drift;
        piece.y += piece.fall;
        piece.turn += piece.spin;
        context.save();
        context.translate(piece.x, piece.y);
        context.rotate(piece.turn);
        context.fillStyle = piece.colour;
        context.fillRect(-piece.size / 2, (-piece.size / 2) * Math.abs(Math.cos(piece.turn)), piece.size, piece.size * 0.6);
        context.restore();
      }
      if (age < 1) requestAnimationFrame(frame);
      else canvas.remove();
    };
    requestAnimationFrame(frame);
  };

  // A question before what cannot be undone: <button data-confirm="…">.
  document.addEventListener("click", (event) => {
    const asked = event.target.closest("[data-confirm]");
    if (asked && !window.confirm(asked.dataset.confirm)) event.preventDefault();
  });

  // What answers a form is read from its beginning: a field that an explanation led to, or whatever else the address
  // still names, would take the focus from it.
  document.addEventListener("submit", (event) => {
    if (location.hash && !event.defaultPrevented) history.replaceState(history.state, "", location.pathname + location.search);
  });

  // The menu closes with Escape or a tap elsewhere.
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.user-menu[open]")) if (menu !== except) menu.open = false;
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.user-menu")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details.user-menu[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  });

  // What the keyboard comes to is wholly in sight, also in a row that scrolls and under the bars that stay; what is in
  // such a bar is in sight already.
  const stays = (element) => Boolean(element.closest(".action-bar, .bottom-bar, .site-header"));
  document.addEventListener("focusin", (event) => {
    if (event.target.matches(":focus-visible") && !stays(event.target)) event.target.scrollIntoView({ block: "nearest", inline: "nearest" });
  });

  // Also for parts that htmx brings later.
  const enhance = (root) => {
    root.querySelectorAll("[data-stepper] input").forEach(bound);
    root.querySelectorAll("[data-count-up]").forEach(countUp);
    const focus = root.querySelector("[data-focus]");
    if (focus) focus.focus({ preventScroll: stays(focus) });
  };
  const start = () => {
    enhance(document);
    if (document.querySelector("[data-celebrate]")) celebrate();
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
  document.addEventListener("htmx:load", (event) => {
    if (event.detail.elt !== document.body) enhance(event.detail.elt);
  });
})();

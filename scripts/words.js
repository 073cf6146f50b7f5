/* Words of the page's language: the page brings them (script #outbox-words), a sentence at a time. */
const source = document.getElementById("outbox-words");
export const words = source ? JSON.parse(source.textContent) : null;
export const language = document.documentElement.lang || "fr";
const kind = new Intl.PluralRules(language);

export const fillText = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

/* A sentence with its values; [one, several] by `values.n`. */
export const say = (text, values = {}) =>
  fillText(Array.isArray(text) ? text[kind.select(values.n) === "one" ? 0 : 1] : text, values);

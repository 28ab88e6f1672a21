/** Builds and finds elements; text is always set as text, never as HTML. */

const money = new Intl.NumberFormat("en", { style: "currency", currency: "EUR" });

export const byId = (id) => document.getElementById(id);
export const price = (value) => (typeof value === "number" ? money.format(value) : "");

/** @param {object} [options] `text`, `on` with listeners, and attributes by name */
export function element(name, { text, on = {}, ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  for (const [event, listener] of Object.entries(on)) made.addEventListener(event, listener);
  made.append(...children);
  return made;
}

/** Replaces children where others are wanted, and gives the focus back to what had it, or to `fallback`. */
export function replace(parent, children, fallback) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const item = focused?.closest("[data-item]")?.dataset.item;
  parent.replaceChildren(...children);
  if (focused === null) return;
  const same = [...parent.querySelectorAll("[data-item]")].find((each) => each.dataset.item === item);
  (same?.querySelector("button") ?? fallback)?.focus();
}

/** What an item is called: its title, or its id where the catalog has none. */
export function nameOf(item) {
  return item.title || item.item;
}

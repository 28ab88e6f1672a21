/** An item as a card that opens it. */
import { element, nameOf, price } from "./elements.js";

const hues = new Map();

/** The picture of an item: its glyph on a tile of its category's colour, or the first letter of its title. */
export function paint(picture, item) {
  const glyph = item.attributes?.glyph;
  picture.textContent = glyph ?? (nameOf(item)).slice(0, 1).toUpperCase();
  picture.classList.toggle("is-letter", glyph === undefined);
  picture.style.setProperty("--hue", hueOf(item.category ?? ""));
}

/**
 * @param {object} item of the catalog, or as it is recommended
 * @param {function()} open
 * @param {string[]} [reasons]
 */
export function card(item, open, reasons) {
  const picture = element("span", { class: "picture", "aria-hidden": "true" });
  paint(picture, item);
  const button = element(
    "button",
    { class: "card-open", type: "button", "aria-haspopup": "dialog", on: { click: open } },
    picture,
    element("span", { class: "title", text: nameOf(item) }),
    element("span", { class: "price", text: price(item.price) }),
  );
  if (reasons?.length) button.append(element("span", { class: "reason", text: reasons.join(" · ") }));
  return element("li", { class: "card", "data-item": item.item }, button);
}

/** Categories in the order in which they were met, each far from those before. */
function hueOf(category) {
  if (!hues.has(category)) hues.set(category, (150 + 137.5 * hues.size) % 360);
  return hues.get(category);
}

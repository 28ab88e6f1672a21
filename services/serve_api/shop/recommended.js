/** "Recommended for you": follows the live recommendations, and says what changed and why. */
import { byId, element, nameOf, replace } from "./elements.js";
import { card } from "./cards.js";
import { announce } from "./say.js";

const COUNT = 6;
const LATE_MS = 5_000; // What changes later is not because of what was done here.
const KINDS = {
  personal: "by what you did",
  cold: "you are new here, so this is what others turn to",
  impersonal: "for anybody: nothing is known of you",
};

export class Recommended {
  #catalog;
  #open;
  #unwatch = [];
  #stop = () => {};
  #shown = new Set();
  #did = null;
  #told = -Infinity;

  /** @param {function(object, object)} open an item, with the recommendation and position it was shown at */
  constructor(catalog, open) {
    this.#catalog = catalog;
    this.#open = open;
  }

  follow(headrace) {
    this.leave();
    this.#shown = new Set();
    this.#did = null;
    byId("freshness").textContent = "";
    this.#stop = headrace.live((answer) => this.#show(headrace, answer), { surface: "home", count: COUNT });
  }

  leave() {
    this.#stop();
    this.#unwatch.forEach((end) => end());
    this.#unwatch = [];
  }

  /** @param {string} what was just done, such as "you viewed Lemon" */
  did(what) { this.#did = { what, at: performance.now() }; }

  #show(headrace, answer) {
    this.#unwatch.forEach((end) => end());
    const cards = answer.items.map((choice) => this.#card(answer, choice));
    replace(byId("recommended"), cards, byId("for-you-title"));
    this.#unwatch = cards.map((each, at) => headrace.watch(each, answer.items[at].item, answer.id, at));
    byId("recommended").setAttribute("aria-busy", "false");
    this.#sayArms(answer);
    if (this.#shown.size) this.#sayChange(answer);
    this.#shown = new Set(answer.items.map((choice) => choice.item));
  }

  #card(answer, choice) {
    const shownAs = { recommendation: answer.id, position: choice.position };
    const item = this.#catalog.complete(choice);
    const made = card(item, () => this.#open(item, shownAs), choice.reasons);
    made.dataset.source = choice.source;
    if (this.#shown.size && !this.#shown.has(choice.item)) made.classList.add("is-new");
    return made;
  }

  #sayArms(answer) {
    const arms = Object.entries(answer.arms).map(([experiment, arm]) =>
      element("span", { class: "pill", "data-experiment": experiment, "data-arm": arm },
        "You are in arm ", element("b", { text: arm }), " of experiment ", element("b", { text: experiment })),
    );
    const away = answer.degraded.length ? [element("span", { class: "pill warn", text: `without: ${answer.degraded.join(", ")}` })] : [];
    byId("arms").replaceChildren(...arms, ...away, element("span", { class: "muted", text: KINDS[answer.kind] ?? answer.kind }));
  }

  #sayChange(answer) {
    const seconds = this.#did === null ? Infinity : (performance.now() - this.#did.at) / 1_000;
    const isOwn = seconds * 1_000 < LATE_MS;
    const when = isOwn ? `Changed ${seconds.toFixed(2)} s after ${this.#did.what}` : "Changed as others shop";
    this.#did = null;
    // Not at once over what the person waits to read.
    if (!isOwn && performance.now() - this.#told < LATE_MS) return;
    if (isOwn) this.#told = performance.now();
    byId("freshness").textContent = when;
    byId("freshness").dataset.by = isOwn ? "you" : "others";
    const first = answer.items[0];
    // What others do changes it every few seconds, which nobody wants to hear.
    if (isOwn && first) announce(`${when}. First is ${nameOf(first)}: ${first.reasons.join(", ")}.`);
  }
}

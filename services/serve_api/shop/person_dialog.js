/** Who somebody is here: another visitor, a user, consent, and erasure. */
import { byId, element } from "./elements.js";
import { idOf } from "./people.js";

export class PersonDialog {
  #people;
  #on;

  /**
   * @param {boolean} takesUsers whether the page may act for a user by an id alone
   * @param {{change: function, consent: function, forget: function}} on
   */
  constructor(people, takesUsers, on) {
    this.#people = people;
    this.#on = on;
    byId("sign-in").hidden = !takesUsers;
    byId("open-person").addEventListener("click", () => byId("person").showModal());
    byId("consent").addEventListener("change", ({ target }) => this.#on.consent(target.checked));
    byId("forget").addEventListener("click", () => this.#forget());
    byId("sign-in").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#be(this.#people.addUser(byId("user").value.trim()));
      byId("user").value = "";
    });
  }

  show() {
    const person = this.#people.current;
    byId("person-name").textContent = person.name;
    byId("person-about").textContent = person.user === undefined
      ? `${person.name}, an anonymous session of this browser.`
      : `Signed in as the user ${person.user}.`;
    byId("consent").checked = person.consent;
    const others = this.#people.all.map((each) => this.#chip(each.name, idOf(each) === idOf(person), () => this.#be(this.#people.become(each))));
    byId("visitors").replaceChildren(...others, this.#chip("New visitor", false, () => this.#be(this.#people.addVisitor())));
  }

  #be(person) {
    byId("person").close();
    this.#on.change(person);
  }

  async #forget() {
    byId("forget").disabled = true;
    try {
      await this.#on.forget();
      byId("person").close();
    } finally {
      byId("forget").disabled = false;
    }
  }

  #chip(text, pressed, click) {
    return element("button", { class: "chip", type: "button", "aria-pressed": pressed, text, on: { click } });
  }
}

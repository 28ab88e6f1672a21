/** Who uses this browser: anonymous visitors, each with a session of their own, or a user. */
import { uuid } from "./headrace/outbox.js";

const PEOPLE = "shop:people";
const NOW = "shop:person";

export class People {
  /** @type {{user?: string, session?: string, name: string, consent: boolean}[]} */
  all = JSON.parse(localStorage.getItem(PEOPLE) ?? "[]");

  get current() {
    const found = this.all.find((each) => idOf(each) === localStorage.getItem(NOW)) ?? this.all[0];
    return found ?? this.addVisitor();
  }

  addVisitor() {
    const taken = this.all.map((each) => Number(/^Visitor (\d+)$/.exec(each.name)?.[1] ?? 0));
    return this.become({ session: uuid(), name: `Visitor ${Math.max(0, ...taken) + 1}`, consent: true });
  }

  addUser(user) { return this.become({ user, name: user, consent: true }); }

  /** A person who is here from now on. */
  become(person) {
    const known = this.all.find((each) => idOf(each) === idOf(person));
    if (known === undefined) this.all.push(person);
    localStorage.setItem(NOW, idOf(person));
    this.keep();
    return known ?? person;
  }

  remove(person) {
    this.all = this.all.filter((each) => each !== person);
    this.keep();
  }

  keep() { localStorage.setItem(PEOPLE, JSON.stringify(this.all)); }
}

export const idOf = (person) => (person.user === undefined ? `session:${person.session}` : `user:${person.user}`);

/** Says what happened: to those who see the page, and by a live region to those who hear it. */
import { byId } from "./elements.js";

const SETTLE_MS = 60;

/** Shows it for a moment and has it read out. */
export function say(what) {
  const note = byId("note");
  host().append(note);
  note.textContent = what instanceof Error ? what.message : what;
  note.classList.remove("is-shown");
  void note.offsetWidth;
  note.classList.add("is-shown");
  announce(note.textContent);
}

/** Has it read out only. */
export function announce(text) {
  const status = byId("status");
  if (status.parentElement !== host()) host().append(status);
  // A region that was just moved is listened to a moment later.
  setTimeout(() => { status.textContent = text; }, SETTLE_MS);
}

/** All but an open dialog is inert, its live regions too. */
const host = () => document.querySelector("dialog[open]") ?? document.body;

// What the model answered: a bar for each label, or a value, and how much each field contributed to it.

import { make } from "./dom.js";

const SHOWN = 5;
const LEAST_SHARE = 0.01;
const PERCENT = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const NUMBER = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const SIGNED = { signDisplay: "exceptZero" };
const SIGNED_NUMBER = new Intl.NumberFormat("en", { ...SIGNED, maximumSignificantDigits: 3 });
const SIGNED_PERCENT = new Intl.NumberFormat("en", { ...SIGNED, style: "percent", maximumFractionDigits: 1 });

/** Show an answer, task by task, in place of what is there. */
export function showAnswer(place, answer) {
  const { ood_score: ood, ...tasks } = answer;
  const sections = Object.keys(tasks)
    .sort()
    .map((task) => make("section", { "data-task": task }, make("h3", {}, task), ...parts(tasks[task])));
  place.replaceChildren(...sections, ...(ood === undefined ? [] : [unusual(ood)]));
}

/** Whether the record is unlike those that the model was calibrated on. */
function unusual({ score, unusual: isUnusual }) {
  const said = isUnusual ? "Unlike the records this model knows: do not rely on the answer." : "Like the records this model knows.";
  const number = make("data", { value: String(score) }, SIGNED_NUMBER.format(score));
  const line = make("p", { className: isUnusual ? "hint unusual" : "hint" }, `${said} Score `, number, "; above 0 is unusual.");
  return make("section", { "data-task": "ood_score" }, line);
}

/** The answer as a sentence, for the status line. */
export function sentenceOf(answer) {
  const tasks = Object.entries(answer).filter(([name]) => name !== "ood_score");
  const told = tasks.map(([task, found]) => [task, briefly(found)]);
  const known = told.filter(([, words]) => words).sort();
  return known.map(([task, words]) => `${task}: ${words}`).join("; ");
}

function briefly(found) {
  if (found.label !== undefined) return `${found.label} ${PERCENT.format(found.probability)}`;
  if (found.labels) return found.labels.join(", ") || "none";
  return found.value === undefined ? "" : measured(found);
}

function measured({ value, unit }) {
  return NUMBER.format(value) + (unit ? ` ${unit}` : "");
}

function parts(found) {
  const shown = [];
  if (found.probabilities) shown.push(...bars(found));
  else if (found.value !== undefined) {
    shown.push(make("p", { className: "value" }, make("data", { value: String(found.value) }, measured(found))));
  } else {
    const { contributions, baseline, set, interval, accepted, ...rest } = found;
    shown.push(make("pre", { tabIndex: 0, role: "region", "aria-label": "answer" }, JSON.stringify(rest, null, 1)));
  }
  shown.push(...promised(found));
  if (found.contributions) shown.push(contributed(found));
  return shown;
}

/** What a calibrated model promises: a set or an interval that holds the truth, and whether to accept the answer. */
function promised({ labels, set, interval, accepted, unit }) {
  const lines = [];
  // Of several labels at once, the set holds all that are true.
  if (set) lines.push(set.length ? `${labels ? "None but" : "One of"} these: ${set.join(", ")}.` : "None is likely enough.");
  if (interval) lines.push(`Between ${interval.map((end) => measured({ value: end, unit })).join(" and ")}.`);
  if (accepted === true) lines.push("Sure enough to be accepted.");
  if (accepted === false) lines.push("Not sure enough to be accepted.");
  if (Array.isArray(accepted)) lines.push(`Sure enough of: ${accepted.join(", ") || "none"}.`);
  return lines.map((line) => make("p", { className: "hint promise", dir: "auto" }, line));
}

function bars({ label, labels, probabilities }) {
  const chosen = new Set(labels ?? [label]);
  const order = Object.entries(probabilities).sort((one, other) => other[1] - one[1]);
  const items = (pairs) => pairs.map(([name, probability]) => bar(name, probability, chosen.has(name)));
  const list = make("ol", { className: "bars" }, ...items(order.slice(0, SHOWN)));
  const rest = order.slice(SHOWN);
  if (!rest.length) return [list];
  const more = make("button", { type: "button", "aria-expanded": "false" }, `Show all ${order.length}`);
  more.addEventListener("click", () => {
    const isOpen = more.getAttribute("aria-expanded") === "true";
    if (isOpen) for (const item of [...list.children].slice(SHOWN)) item.remove();
    else list.append(...items(rest));
    more.setAttribute("aria-expanded", String(!isOpen));
    more.textContent = isOpen ? `Show all ${order.length}` : `Show the first ${SHOWN}`;
  });
  return [list, more];
}

function bar(name, probability, isChosen) {
  const filled = make("span", { className: "filled" });
  filled.style.inlineSize = `${100 * probability}%`;
  const item = line(name, make("data", { value: String(probability) }, PERCENT.format(probability)), filled);
  item.classList.toggle("chosen", isChosen);
  return item;
}

/** How far each field moved the answer; of several labels at once, the most probable one. */
function contributed({ contributions, baseline, probabilities }) {
  const top = probabilities && Object.entries(probabilities).reduce((one, other) => (other[1] > one[1] ? other : one))[0];
  const toTop = (told) => (told !== null && typeof told === "object" ? told[top] : told);
  const [plain, signed] = probabilities ? [PERCENT, SIGNED_PERCENT] : [NUMBER, SIGNED_NUMBER];
  const shares = Object.entries(contributions).map(([field, told]) => [field, toTop(told)]);
  const order = shares.sort((one, other) => Math.abs(other[1]) - Math.abs(one[1]));
  // What is rounded to 0 % has no long bar either.
  const most = Math.max(...order.map(([, share]) => Math.abs(share)), probabilities ? LEAST_SHARE : Number.MIN_VALUE);
  const without = baseline === undefined ? "" : ` With nothing given it is ${plain.format(toTop(baseline))}.`;
  return make(
    "section",
    { className: "contributions" },
    make("h4", {}, `What each field added${probabilities ? ` to ${top}` : ""}`),
    make("ul", { className: "bars signed" }, ...order.map(([field, share]) => signedBar(field, share, most, signed))),
    make("p", { className: "hint" }, `To the right what raised it, to the left what lowered it.${without}`),
  );
}

function signedBar(field, share, most, signed) {
  const filled = make("span", { className: share < 0 ? "filled against" : "filled toward" });
  filled.style.inlineSize = `${(50 * Math.abs(share)) / most}%`;
  return line(field, make("data", { value: String(share) }, signed.format(share)), filled);
}

function line(name, number, filled) {
  const track = make("span", { className: "track", "aria-hidden": "true" }, filled);
  return make("li", {}, make("span", { className: "label", dir: "auto" }, name), number, track);
}

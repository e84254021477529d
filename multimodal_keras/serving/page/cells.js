// The cells of a table's row: a text for each column, empty where nothing is known.

import { make } from "./dom.js";
import { labelled, namesOf } from "./numbers.js";

const MOST_SUGGESTIONS = 200;
const NOTES = { date: "date, such as 2024-02-29", number: "number" };

/** A control for `[columns]` texts; `facts.columns` says what each is called and holds. */
export function cellsControl(name, places, facts) {
  const columns = facts.columns ?? [];
  const count = places[0] ?? columns.length;
  const suggestions = columns.map((column, place) => suggested(`field-${name}-${place}`, column));
  const { inputs, element } = labelled(
    namesOf(facts, count).map((each, place) => [each, NOTES[columns[place]?.kind]].filter(Boolean).join(": ")),
    (_, place) => cellInput(columns[place], suggestions[place]),
  );
  element.append(...suggestions.filter(Boolean));
  return {
    element,
    inputs,
    hint: "A cell may stay empty where nothing is known.",
    need: "Fill in at least one cell.",
    isEmpty: () => inputs.every((input) => input.value.trim() === ""),
    read: () => inputs.map((input) => input.value),
  };
}

function cellInput(column, suggestions) {
  if (column?.kind === "boolean") {
    const options = ["", "true", "false"].map((value) => make("option", { value }, value || "not known"));
    return make("select", {}, ...options);
  }
  const input = make("input", { type: "text", dir: "auto", inputMode: column?.kind === "number" ? "decimal" : "text" });
  if (suggestions) input.setAttribute("list", suggestions.id);
  return input;
}

/** What a category is known to be; other texts may be typed too. */
function suggested(id, { vocabulary }) {
  if (!vocabulary?.length) return null;
  return make("datalist", { id }, ...vocabulary.slice(0, MOST_SUGGESTIONS).map((value) => make("option", { value })));
}

// The cells of a table's row: a text for each column, empty where nothing is known.

import { make } from "./dom.js";
import { labelled, namesOf } from "./numbers.js";

/** A control for `[columns]` texts; `facts.columns` names them and says which are numbers. */
export function cellsControl(places, facts) {
  const columns = facts.columns ?? [];
  const count = places[0] ?? columns.length;
  const { inputs, element } = labelled(namesOf(facts, count), (_, place) => cellInput(columns[place]));
  return {
    element,
    inputs,
    hint: "A cell may stay empty where nothing is known.",
    need: "Fill in at least one cell.",
    isEmpty: () => inputs.every((input) => input.value === ""),
    read: () => inputs.map((input) => input.value),
  };
}

function cellInput(column) {
  const isNumber = ["number", "numeric", "numerical", "float", "int"].includes(column?.kind);
  return make("input", { type: "text", dir: "auto", inputMode: isNumber ? "decimal" : "text" });
}

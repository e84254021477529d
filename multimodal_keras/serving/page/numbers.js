// Numbers: an input for each, lines of them, or arrays as JSON, by the shape that the model takes.

import { make, Wrong } from "./dom.js";

const MOST_INPUTS = 32;
const SHOWN = 40;
// Kinds whose numbers may be missing: null in JSON, an empty cell or NaN in lines.
const WITH_GAPS = new Set(["timeseries"]);

/**
 * A control for numbers.
 *
 * @param places the shape of one record's value; null where any size will do
 * @param dtype of TensorFlow
 * @param facts of the modality; `columns`, `channels` or `names` say what each number is
 */
export function numbersControl(places, dtype, facts) {
  const parse = (text) => parseNumber(text, dtype);
  if (places.length === 0) return inputsControl(["value"], parse, (numbers) => numbers[0]);
  if (places.length === 1 && places[0] && places[0] <= MOST_INPUTS) {
    return inputsControl(namesOf(facts, places[0]), parse, (numbers) => numbers);
  }
  if (places.length === 1) return linesControl({ parse, made: flatOf(places[0]), hint: countHint(places[0]) });
  if (places.length === 2) return linesControl({ parse, ...rowsOf(places), ...linesFacts(places, facts) });
  return jsonControl(places);
}

/** What each column is called: the contract's names, or their numbers. */
export function namesOf(facts, count) {
  const named = knownNames(facts) ?? [];
  return Array.from({ length: count }, (_, place) => named[place]?.name ?? named[place] ?? String(place + 1));
}

function knownNames({ columns, channels, names }) {
  return [columns, channels, names].find(Array.isArray);
}

/** Inputs side by side, each with its label. */
export function labelled(names, makeInput) {
  const inputs = names.map(makeInput);
  const cells = inputs.map((input, place) => make("label", { className: "cell" }, make("span", {}, names[place]), input));
  return { inputs, element: make("div", { className: "cells" }, ...cells) };
}

function parseNumber(text, dtype) {
  const number = Number(text);
  const good = text !== "" && (dtype.includes("int") ? Number.isSafeInteger(number) : !Number.isNaN(number));
  return good ? number : null;
}

function inputsControl(names, parse, made) {
  const { inputs, element } = labelled(names, () => make("input", { type: "number", step: "any" }));
  return {
    element: names.length === 1 ? inputs[0] : element,
    inputs,
    hint: names.length === 1 ? "A number." : `${names.length} numbers.`,
    need: "Fill in each number.",
    isEmpty: () => inputs.every((input) => input.value === "" && !input.validity.badInput),
    read: () => made(inputs.map((input, place) => numberIn(input, names[place], parse))),
  };
}

function numberIn(input, name, parse) {
  const number = parse(input.value);
  if (number !== null) return number;
  const received = input.value || "nothing that is one";
  throw new Wrong(`Each one is a number. Received ${received} for ${name}. Fill in all of them, or none.`, input);
}

/** `columns`, `rows` and `names` are undefined where any will do; `gaps` says whether a number may be missing. */
function linesControl({ parse, made, hint, ...wanted }) {
  const input = make("textarea", { rows: 5, className: "lines", spellcheck: false, wrap: "off" });
  const load = make("input", { type: "file", accept: ".csv,.tsv,.txt,text/plain" });
  load.addEventListener("change", async () => {
    if (load.files[0]) input.value = await load.files[0].text();
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  return {
    element: make("div", {}, input, make("label", { className: "load hint" }, "or from a file", load)),
    inputs: [input],
    hint,
    need: "Type or load numbers.",
    isEmpty: () => input.value.trim() === "",
    read: () => made(linesOf(input.value, parse, wanted)),
  };
}

/** Lines of numbers apart by commas, semicolons, tabs or spaces; a first line of names is checked and left out. */
function linesOf(text, parse, { rows, columns, names, gaps }) {
  const lines = text.split(/\r?\n|\r/).map((line, place) => ({ cells: cellsOf(line), number: place + 1 }));
  const full = lines.filter(({ cells }) => cells.length);
  const isHeader = full.length > 1 && full[0].cells.every((cell) => !isGap(cell) && parse(cell) === null);
  if (isHeader && names && names.join() !== full[0].cells.join()) {
    throw new Wrong(`The columns are ${names.join(", ")}. Received ${full[0].cells.join(", ")} in the first line.`);
  }
  const used = isHeader ? full.slice(1) : full;
  for (const { cells, number } of used) {
    if (columns && cells.length !== columns) {
      throw new Wrong(`A line has ${columns} numbers. Received ${cells.length} in line ${number}.`);
    }
  }
  const found = used.map(({ cells, number }) =>
    cells.map((cell) => (gaps && isGap(cell) ? null : numberAt(cell, number, parse))),
  );
  if (rows && found.length !== rows) throw new Wrong(`There are ${rows} lines. Received ${found.length}.`);
  return found;
}

function isGap(cell) {
  return /^(nan)?$/i.test(cell);
}

function numberAt(cell, line, parse) {
  const number = parse(cell);
  if (number !== null) return number;
  const received = cell === "" ? "an empty cell" : `“${cell.slice(0, SHOWN)}”`;
  throw new Wrong(`Each one is a number with a decimal point. Received ${received} in line ${line}.`);
}

function cellsOf(line) {
  const trimmed = line.replace(/^ +| +$/g, "");
  return trimmed.trim() === "" ? [] : trimmed.split(/ *[,;\t] *| +/);
}

/** Of a single column, each number is a line, however they are apart. */
function rowsOf([rows, columns]) {
  if (columns !== 1) return { rows, columns, made: (lines) => lines };
  return { made: (lines) => counted(lines.flat(), rows).map((number) => [number]) };
}

function flatOf(count) {
  return (lines) => counted(lines.flat(), count);
}

function counted(numbers, count) {
  if (count && numbers.length !== count) throw new Wrong(`There are ${count} numbers. Received ${numbers.length}.`);
  return numbers;
}

function countHint(count) {
  return `${count ?? "Any number of"} numbers, apart by commas, spaces or lines.`;
}

function linesFacts([rows, columns], facts) {
  const gaps = WITH_GAPS.has(facts.kind);
  const names = columns && knownNames(facts) ? namesOf(facts, columns) : undefined;
  const known = names ? `: ${names.join(", ")}` : "";
  const missing = gaps ? " A cell stays empty where nothing was measured." : "";
  if (columns === 1) return { gaps, hint: `${countHint(rows)}${missing}` };
  return { gaps, names, hint: `${rows ?? "Any number of"} lines of ${columns ?? "as many"} numbers each, as CSV${known}.${missing}` };
}

function jsonControl(places) {
  const input = make("textarea", { rows: 5, className: "lines", spellcheck: false });
  const shape = places.map((size) => size ?? "any").join(" × ");
  return {
    element: input,
    inputs: [input],
    hint: `Nested arrays of numbers as JSON, of the shape ${shape}.`,
    need: "Type an array.",
    isEmpty: () => input.value.trim() === "",
    read: () => parsedArray(input.value),
  };
}

function parsedArray(text) {
  try {
    const value = JSON.parse(text);
    if (Array.isArray(value)) return value;
  } catch {
    // Told below, as is JSON that is no array.
  }
  throw new Wrong("An array is JSON, such as [[1, 2], [3, 4]]. Received something else.");
}

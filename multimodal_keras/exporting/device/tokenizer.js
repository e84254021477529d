// Text to the token ids that the model takes: an ES module for browsers and Node.js, without dependencies.
//
//     const contract = await (await fetch("contract.json")).json();
//     const ids = new Tokenizer(contract, "title").ids("A black cat");
//
// `golden.json` beside this file has texts with their ids, to prove a copy of it.

const PADDING = 0;
const UNKNOWN = 1;
const FIRST = 2;
const UNITS = ["word", "subword", "character", "byte"];

/** Token ids of one text field. */
export class Tokenizer {
  #stopWords;
  #ids;
  #lower = new Map();
  #spaces = new Map();
  #alone;

  /**
   * @param contract the content of `contract.json`
   * @param field the name of the text field
   */
  constructor(contract, field) {
    const facts = contract.modalities[field];
    if (!UNITS.includes(facts?.unit)) {
      throw new RangeError(
        `A tokenizer needs a text field whose unit is one of ${UNITS.join(", ")}. Received ${JSON.stringify(field)} ` +
          `with the unit ${facts?.unit}. Name a text field, and use the tokenizer that was exported with the model.`,
      );
    }
    this.unit = facts.unit;
    this.sequenceLength = facts.sequence_length;
    this.#stopWords = new Set(facts.stop_words);
    this.#ids = new Map(facts.vocabulary.map((token, position) => [token, FIRST + position]));
    const { noncharacters, lower, separators, split } = contract.code_points;
    for (const [first, last] of noncharacters) fill(this.#lower, first, last, 1, () => 0xfffd);
    for (const [first, last, step, distance] of lower) fill(this.#lower, first, last, step, (point) => point + distance);
    for (const [first, last] of separators) fill(this.#spaces, first, last, 1, () => 0x20);
    const alone = split.map(([first, last]) => `\\u{${first.toString(16)}}-\\u{${last.toString(16)}}`).join("");
    this.#alone = new RegExp(`[${alone}]`, "gu");
  }

  /** The ids of a text (or of its UTF-8 bytes): `sequenceLength` of them, zeros at the end. */
  ids(text) {
    const ids = new Int32Array(this.sequenceLength).fill(PADDING);
    const lower = replace(decode(text), this.#lower);
    let count = 0;
    for (const id of this.unit === "byte" ? byteIds(lower) : this.#tokenIds(lower)) {
      if (count === ids.length) break;
      ids[count++] = id;
    }
    return ids;
  }

  *#tokenIds(lower) {
    for (const token of this.#tokens(replace(lower, this.#spaces))) yield this.#ids.get(token) ?? UNKNOWN;
  }

  *#tokens(spaced) {
    if (this.unit === "character") {
      yield* spaced.split(" ").filter(Boolean).join(" ");
      return;
    }
    for (const word of spaced.replace(this.#alone, " $& ").split(" ").filter(Boolean)) {
      if (this.unit === "subword") yield* pieces(`<${word}>`);
      else if (!this.#stopWords.has(word)) yield word;
    }
  }
}

function fill(map, first, last, step, value) {
  for (let point = first; point <= last; point += step) {
    map.set(String.fromCodePoint(point), String.fromCodePoint(value(point)));
  }
}

/** Valid Unicode: what is not becomes U+FFFD. With `u`, a surrogate matches only where it is alone. */
function decode(text) {
  if (typeof text === "string") return text.replace(/[\ud800-\udfff]/gu, "\ufffd");
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(text);
}

function replace(text, map) {
  let replaced = "";
  for (const character of text) replaced += map.get(character) ?? character;
  return replaced;
}

function* byteIds(text) {
  for (const byte of new TextEncoder().encode(text)) yield FIRST + byte;
}

function* pieces(word) {
  yield word;
  const characters = [...word];
  for (const width of [3, 4, 5]) {
    for (let start = 0; start + width <= characters.length; start++) {
      yield characters.slice(start, start + width).join("");
    }
  }
}

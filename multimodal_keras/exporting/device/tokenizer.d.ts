/** What the tokenizer reads of `contract.json`. */
export interface Contract {
  modalities: Record<string, object>;
  code_points?: object;
}

/** Token ids of one text field. */
export class Tokenizer {
  /**
   * @param contract the content of `contract.json`
   * @param field the name of the text field
   * @throws RangeError if the contract has no such text field
   */
  constructor(contract: Contract, field: string);

  /** What a token is. */
  readonly unit: "word" | "subword" | "character" | "byte";

  /** How many ids there are for each text. */
  readonly sequenceLength: number;

  /** The ids of a text (or of its UTF-8 bytes): `sequenceLength` of them, zeros at the end. */
  ids(text: string | Uint8Array): Int32Array;
}

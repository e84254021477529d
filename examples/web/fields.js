// What a person fills in, for each modality of the contract, and the tensors that become of it.

import { decoded, resized } from "./picture.js";

const KINDS = { image: imageField, text: textField };

/**
 * One field of the record.
 *
 * @returns `{element, tensors}`: what to show, and a function that gives the model's inputs by name
 */
export async function makeField(name, contract) {
  const facts = contract.modalities[name];
  const make = KINDS[facts.kind];
  if (!make) {
    const known = Object.keys(KINDS).join(", ");
    throw new Error(`This page has fields of the kinds ${known}. Received ${facts.kind} for ${name}. Write one for it.`);
  }
  const { element, input, read } = await make(name, facts, contract);
  input.id = `field-${name}`;
  input.name = name;
  input.required = !facts.optional;
  const label = Object.assign(document.createElement("label"), { htmlFor: input.id, textContent: name });
  if (facts.optional) label.append(Object.assign(document.createElement("small"), { textContent: " may be left out" }));
  element.prepend(label);
  element.className = "field";

  async function tensors() {
    const { present, numbers } = await read();
    return facts.optional ? { [name]: numbers, [`${name}_present`]: [present] } : { [name]: numbers };
  }

  return { element, tensors };
}

async function textField(name, facts, contract) {
  const { Tokenizer } = await import("./device/tokenizer.js");
  const tokenizer = new Tokenizer(contract, name);
  const element = document.createElement("div");
  const input = Object.assign(document.createElement("textarea"), { rows: 2, dir: "auto" });
  element.append(input);
  return { element, input, read: () => ({ present: input.value !== "", numbers: tokenizer.ids(input.value) }) };
}

function imageField(name, facts) {
  const element = document.createElement("div");
  const input = Object.assign(document.createElement("input"), { type: "file", accept: "image/*" });
  const preview = Object.assign(document.createElement("img"), { alt: `The chosen ${name}`, hidden: true });
  const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "Remove", hidden: true });
  const frame = document.createElement("div");
  frame.className = "preview";
  frame.append(preview, remove);
  element.append(input, frame);
  input.addEventListener("change", () => {
    URL.revokeObjectURL(preview.src);
    const [file] = input.files;
    preview.hidden = remove.hidden = !file;
    if (file) preview.src = URL.createObjectURL(file);
  });
  remove.addEventListener("click", () => {
    input.value = "";
    input.dispatchEvent(new Event("change"));
    input.focus();
  });

  async function read() {
    const [file] = input.files;
    const [height, width] = facts.size;
    if (!file) return { present: false, numbers: new Uint8Array(height * width * 3) };
    const picture = await decoded(file, facts.max_pixels);
    return { present: true, numbers: resized(picture, facts.size, facts.resize) };
  }

  return { element, input, read };
}

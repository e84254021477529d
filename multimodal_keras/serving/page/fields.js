// A field of the record: its label, its control, whether it is left out, and what is wrong with it.

import { cellsControl } from "./cells.js";
import { make, Wrong } from "./dom.js";
import { fileControl, FILES } from "./files.js";
import { numbersControl } from "./numbers.js";

/** One field of a form, made from what the contract says about it. */
export class Field {
  #control;
  #body;
  #wrong;
  #out;

  /**
   * @param name of the field
   * @param facts of `contract.modalities`
   * @param spec of `contract.signatures.serving_default.inputs`: shape and dtype of what a client sends
   */
  constructor(name, facts, spec) {
    Object.assign(this, { name, optional: facts.optional });
    this.#control = controlOf(name, facts, spec);
    const id = `field-${name}`;
    this.#wrong = make("p", { id: `${id}-wrong`, className: "wrong" });
    const hint = make("p", { id: `${id}-hint`, className: "hint" }, this.#control.hint);
    this.#body = make("div", { className: "body" }, this.#control.element, hint);
    this.element = make("div", { className: "field", "data-field": name }, this.#head(id), this.#body, this.#wrong);
    for (const input of this.#control.inputs) {
      input.setAttribute("aria-describedby", `${hint.id} ${this.#wrong.id}`);
      if (!facts.optional) input.setAttribute("aria-required", "true");
    }
    this.element.addEventListener("input", () => this.#show(null));
  }

  #head(id) {
    const { inputs, element } = this.#control;
    const single = inputs.length === 1;
    const label = make(single ? "label" : "span", { id: `${id}-label`, className: "name" }, this.name);
    if (single) {
      label.htmlFor = inputs[0].id = id;
    } else {
      element.setAttribute("role", "group");
      element.setAttribute("aria-labelledby", label.id);
    }
    const need = make("span", { className: "hint" }, this.optional ? "optional" : "required");
    const head = make("div", { className: "head" }, label, need);
    if (this.optional) head.append(this.#leaveOut(id));
    return head;
  }

  #leaveOut(id) {
    this.#out = make("input", { type: "checkbox", id: `${id}-out`, "aria-label": `Leave out ${this.name}` });
    const told = make("p", { className: "hint", hidden: true }, "Left out: the model answers without it.");
    this.#out.addEventListener("change", () => {
      this.#body.hidden = this.#out.checked;
      told.hidden = !this.#out.checked;
    });
    queueMicrotask(() => this.#body.after(told));
    return make("label", { className: "out" }, this.#out, "Leave out");
  }

  /**
   * A promise of what a person entered: a text, a `File`, or arrays of numbers and texts; undefined if it is left out.
   *
   * @throws Wrong if that cannot be sent; it is shown at the field as well
   */
  async read() {
    this.#show(null);
    if (this.#out?.checked) return undefined;
    try {
      if (!this.#control.isEmpty()) return await this.#control.read();
      if (this.optional) return undefined;
      throw new Wrong(`The model needs ${this.name}. ${this.#control.need}`);
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      error.input ??= this.#control.inputs[0];
      this.#show(error);
      throw error;
    }
  }

  #show(error) {
    this.#wrong.textContent = error?.message ?? "";
    for (const input of this.#control.inputs) input.removeAttribute("aria-invalid");
    error?.input.setAttribute("aria-invalid", "true");
  }
}

function controlOf(name, facts, spec) {
  const places = spec.shape.slice(1);
  if (spec.dtype !== "string") return numbersControl(places, spec.dtype, facts);
  if (places.length) return cellsControl(name, places, facts);
  return facts.kind in FILES ? fileControl(name, facts) : textControl();
}

function textControl() {
  const input = make("textarea", { rows: 3, dir: "auto" });
  return {
    element: input,
    inputs: [input],
    hint: "A text in any language.",
    need: "Type a text.",
    isEmpty: () => input.value === "",
    read: () => input.value,
  };
}

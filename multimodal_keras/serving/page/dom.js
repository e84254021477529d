// The one way in which this page makes elements: what comes from a model or a server is text, never markup.

/**
 * An element.
 *
 * @param tag its name
 * @param properties of the element; `role`, `capture` and those that begin with `aria-` or `data-` are attributes
 * @param children elements and texts
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (/^(role$|capture$|aria-|data-)/.test(name)) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Something that a person can put right: a sentence, and the input that it is about. */
export class Wrong extends Error {
  constructor(message, input) {
    super(message);
    this.input = input;
  }
}

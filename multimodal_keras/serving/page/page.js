// The page: a form made from the model's contract, and what the model answers.

import { sentenceOf, showAnswer } from "./answers.js";
import { make, Wrong } from "./dom.js";
import { Field } from "./fields.js";
import { makeRequest } from "./request.js";
import { address, Refused, Server } from "./server.js";

const at = (id) => document.getElementById(id);
const AND = new Intl.ListFormat("en", { type: "conjunction" });
const server = new Server();
let fields = [];
let model; // its name in paths, where the server has several
let explains = true; // until an answer comes without contributions
let isBusy = false;

async function start() {
  at("record").addEventListener("submit", (event) => guarded(event, ask));
  at("access").addEventListener("submit", (event) => guarded(event, useKey));
  at("copy").addEventListener("click", copy);
  at("model").addEventListener("change", (event) => guarded(event, () => open(at("model").value)));
  await guarded(null, () => open());
}

/** Make the form of a model. */
async function open(name) {
  const found = await server.contract(name);
  model = name ?? (found.models?.length > 1 ? found.model : undefined);
  explains = true;
  showNames(found);
  const { modalities, signatures } = found.contract;
  const specs = signatures.serving_default.inputs;
  const names = Object.keys(modalities).sort((one, other) => modalities[one].optional - modalities[other].optional);
  fields = names.map((field) => new Field(field, modalities[field], specs[field]));
  at("fields").replaceChildren(...fields.map((field) => field.element));
  at("tasks").replaceChildren(make("p", { className: "hint" }, "Fill in the record and ask."));
  at("access").hidden = at("curl").hidden = true;
  at("record").hidden = at("answer").hidden = false;
}

function showNames({ model: name, version, models = [] }) {
  document.title = `Ask ${name}`;
  at("name").textContent = name;
  at("version").textContent = `version ${version}`;
  at("choice").hidden = models.length < 2;
  at("model").replaceChildren(...models.map((each) => make("option", { value: each, selected: each === name }, each)));
}

async function ask() {
  const record = await readRecord();
  if (!record) return;
  at("status").textContent = "Asking…";
  let asked = await askedFor(record, explains);
  if (explains && asked.error?.status === 400) {
    // Perhaps the model cannot tell contributions: then it answers without.
    const plain = await askedFor(record, false);
    if (!plain.error) [asked, explains] = [plain, false];
  }
  if (asked.error) throw asked.error;
  explains &&= Object.values(asked.answer).some((found) => found.contributions);
  show(record, asked);
}

/** A promise of the record, or of null where a field is wrong: then the first of them has the focus. */
async function readRecord() {
  const record = {};
  let first = null;
  for (const field of fields) {
    try {
      const value = await field.read();
      if (value !== undefined) record[field.name] = value;
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      first ??= error;
    }
  }
  if (!first) return record;
  first.input.focus();
  at("status").textContent = "Nothing was sent: a field needs you.";
  return null;
}

async function askedFor(record, withContributions) {
  const url = address("predict", model) + (withContributions ? "?contributions=true" : "");
  const { options, command } = await makeRequest(record, url, server.key);
  const began = performance.now();
  try {
    const { answers } = await server.send(url, options);
    return { answer: answers[0], command, milliseconds: performance.now() - began };
  } catch (error) {
    return { error, command };
  }
}

function show(record, { answer, command, milliseconds }) {
  showAnswer(at("tasks"), answer);
  at("command").textContent = command;
  at("curl").hidden = false;
  at("copied").textContent = "";
  const without = fields.map((field) => field.name).filter((name) => !(name in record));
  const left = without.length ? `, without ${AND.format(without)}` : "";
  at("status").textContent = `Answered in ${Math.ceil(milliseconds)} ms${left}. ${sentenceOf(answer)}.`;
  if (at("answer").getBoundingClientRect().top > innerHeight / 2) at("status").scrollIntoView();
}

async function useKey() {
  server.key = at("key").value.trim();
  at("key-wrong").textContent = "";
  await open(model);
  document.querySelector("#fields :is(textarea, input)")?.focus();
}

function askForKey(error) {
  const isWrong = server.key !== "";
  server.key = "";
  at("record").hidden = at("answer").hidden = true;
  at("access").hidden = false;
  at("version").textContent = "";
  at("key-wrong").textContent = isWrong ? `That key is not known here. ${error.message}` : "";
  at("key").value = "";
  at("key").toggleAttribute("aria-invalid", isWrong);
  at("key").focus();
}

/** Do one thing at a time, and say what went wrong. */
async function guarded(event, work) {
  event?.preventDefault();
  if (isBusy) return;
  isBusy = true;
  at("problem").textContent = at("status").textContent = "";
  document.querySelector("main").setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (error) {
    at("status").textContent = "";
    if (error instanceof Refused && error.status === 401) askForKey(error);
    else tell(error);
  }
  document.querySelector("main").removeAttribute("aria-busy");
  isBusy = false;
}

function tell(error) {
  if (!(error instanceof Refused)) console.error(error);
  at("problem").textContent = error.message;
  at("tasks").replaceChildren(make("p", { className: "hint" }, "No answer this time."));
  at("curl").hidden = true;
}

async function copy() {
  getSelection().selectAllChildren(at("command"));
  try {
    await navigator.clipboard.writeText(at("command").textContent);
    at("copied").textContent = "Copied.";
  } catch {
    at("copied").textContent = "It is selected: copy it by the keyboard.";
  }
}

start();

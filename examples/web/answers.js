// What the model answered: a bar for each label, or a value.

const PERCENT = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const NUMBER = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 4 });

/** Show an answer for each task in place of what is there, and return the chosen labels as a sentence. */
export function showAnswers(place, tasks, outputs) {
  const shown = Object.keys(tasks)
    .sort()
    .map((task) => {
      const section = document.createElement("section");
      section.dataset.task = task;
      section.append(Object.assign(document.createElement("h2"), { textContent: task }));
      section.append(tasks[task].labels ? bars(tasks[task], outputs[task]) : value(tasks[task], outputs[task][0]));
      return section;
    });
  place.replaceChildren(...shown);
  return [...place.querySelectorAll(".chosen .label")].map((label) => label.textContent).join(", ");
}

function bars({ labels, kind }, probabilities) {
  const list = document.createElement("ol");
  const least = kind === "classification" ? Math.max(...probabilities) : 0.5;
  const order = labels.map((label, index) => [label, probabilities[index]]).sort((one, other) => other[1] - one[1]);
  for (const [label, probability] of order) {
    const item = document.createElement("li");
    item.classList.toggle("chosen", probability >= least);
    const name = Object.assign(document.createElement("span"), { className: "label", textContent: label });
    const track = Object.assign(document.createElement("span"), { className: "track", ariaHidden: "true" });
    const bar = Object.assign(document.createElement("span"), { className: "bar" });
    bar.style.inlineSize = `${100 * probability}%`;
    track.append(bar);
    item.append(name, number(probability, PERCENT), track);
    list.append(item);
  }
  return list;
}

function value({ unit }, content) {
  const line = document.createElement("p");
  line.append(number(content, NUMBER), unit ? ` ${unit}` : "");
  return line;
}

/** The rounded number for people, and the whole one for programs. */
function number(content, format) {
  return Object.assign(document.createElement("data"), { value: String(content), textContent: format.format(content) });
}

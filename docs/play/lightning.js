// lightning's page: the nine lines of fit_by_hand, one at a time, beside the hooks they call.
"use strict";
(() => {
  const w = nn.load("lightning"), { find, texts } = nn;
  const batches = (x) => Array.from({ length: x.shape[0] }, (_, i) => [...nn.row(x, i).data]);
  const lines = texts(w.lines), rate = w.rate.data[0];
  const train = batches(w.train), val = batches(w.val);
  const epochs = 8;  // the lesson's example has one, but more are worth seeing
  // The lines, by what stands in them.
  const number = (part) => lines.findIndex((line) => line.includes(part));
  const [MAKE, EPOCHS, TRAIN, LOSS, ZERO, BACKWARD, STEP, VAL, CHECK] = ["configure_optimizers",
    "range(epochs)", "train_loader", "training_step", "zero_grad", "backward", "optimizer.step",
    "val_loader", "validation_step"].map(number);
  const called = { [MAKE]: "configure_optimizers", [LOSS]: "training_step",
    [CHECK]: "validation_step" };  // line: hook

  const show = (v) => v === null ? "None" : String(Number(v.toFixed(4))).replace("-", "−");
  const bracket = (v) => v < 0 ? `(${show(v)})` : show(v);
  // As Python prints it: a 5 at the end that is exact goes to the even digit, 2.8125 to 2.812.
  const fixed = (v, digits) => {
    const whole = v * 10 ** digits, half = Math.abs(whole % 1) === 0.5;
    return (half ? 2 * Math.round(whole / 2) / 10 ** digits : v).toFixed(digits);
  };
  const mean = (batch) => batch.reduce((sum, v) => sum + v, 0) / batch.length;

  // The whole training: what is true after each line that runs. As in PyTorch, there is no
  // gradient (None) before the first backward(), and after each zero_grad().
  function fit(forget) {
    const states = [], now = { weight: w.start.data[0], gradient: null, loss: null };
    let printed = [], path = [now.weight], epoch = 0, batch = 0;
    const ran = (line, says) => states.push({ ...now, line, says, path: [...path],
      printed: [...printed], place: `${epoch} ${batch} ${line}` });
    ran(MAKE, `The hook configure_optimizers makes the optimizer: SGD, learning rate ${rate}.`);
    for (epoch = 1; epoch <= epochs; epoch++) {
      printed = [];
      batch = 0;
      ran(EPOCHS, `Epoch ${epoch} of ${epochs} begins.`);
      for (const numbers of train) {
        ran(TRAIN, `Batch ${batch}, to train on: [${numbers}].`);
        const before = now.weight, away = `${show(before)} − ${show(mean(numbers))}`;
        now.loss = (before - mean(numbers)) ** 2;
        printed.push(`training_step: weight ${fixed(before, 3)}, loss ${fixed(now.loss, 4)}`);
        ran(LOSS, `The hook training_step returns the loss: (${away})² = ${show(now.loss)}.`);
        if (!forget) {
          const old = now.gradient;
          now.gradient = null;
          ran(ZERO, old === null ? "There is no gradient to forget yet."
            : `The gradient of the last step, ${show(old)}, is forgotten.`);
        }
        const old = now.gradient, slope = 2 * (before - mean(numbers));
        now.gradient = (old ?? 0) + slope;
        ran(BACKWARD, `The gradient of the loss: 2 × (${away}) = ${show(slope)}.${old === null
          ? "" : ` It is added to the ${show(old)} that nobody forgot: ${show(now.gradient)}.`}`);
        now.weight = Math.fround(before - rate * now.gradient);
        path.push(now.weight);
        ran(STEP, `The new weight: ${show(before)} − ${rate} × ${bracket(now.gradient)} = \
${show(now.weight)}.`);
        batch++;
      }
      ran(TRAIN, "No batch is left to train on.");
      for (const numbers of val) {
        batch++;
        ran(VAL, `A batch for validation: [${numbers}].`);
        printed.push(`validation_step: weight ${fixed(now.weight, 3)}`);
        ran(CHECK, "The hook validation_step looks at the weight, and changes nothing.");
      }
      batch++;
      ran(VAL, `No batch is left for validation: the end of epoch ${epoch}.`);
    }
    ran(EPOCHS, `No epoch is left: after ${epochs} the loop is over. Reset begins anew.`);
    return states;
  }
  const runs = { false: fit(false), true: fit(true) };  // by: is zero_grad forgotten?
  let forget = false, at = 0;
  nn.lightning = { runs };  // for the tests

  function read() {
    const state = runs[forget][at], before = runs[forget][at - 1] ?? state;
    const mark = (row, current) => current ? row.setAttribute("aria-current", "step")
      : row.removeAttribute("aria-current");
    [...find("lines").children].forEach((row, i) => mark(row, i === state.line));
    for (const row of find("hooks").children) mark(row, row.dataset.hook === called[state.line]);
    const zero = find("lines").children[ZERO].firstChild;
    zero.innerHTML = forget ? "<s></s>  # forgotten" : "<span></span>";
    zero.firstChild.textContent = lines[ZERO].trim();
    nn.say(find("says"), `Line ${state.line + 1}. ${state.says}`);
    [...find("numbers").querySelectorAll("td")].forEach((cell, i) => {
      const [old, value] = [before, state].map((s) => show([s.weight, s.gradient, s.loss][i]));
      cell.innerHTML = old === value ? value : `${old} → <b>${value}</b>`;
    });
    find("printed").textContent = state.printed.join("\n");
    find("forget").checked = forget;
    plot(state);
  }

  // The weight after each step; if zero_grad is forgotten, also as it should have been.
  function plot(state) {
    const all = [...runs.true.at(-1).path, ...runs.false.at(-1).path], target = mean(train[0]);
    const low = Math.min(...all), high = Math.max(...all), steps = epochs * train.length;
    const x = (step) => 48 + step * (320 / steps);
    const y = (weight) => 190 - 170 * ((weight - low) / (high - low));
    const { text } = nn;
    const curve = (path, style) => `<polyline fill="none" points="${path.map((weight, step) =>
      `${x(step)},${y(weight)}`).join(" ")}" ${style}/>`;
    const parts = [`<path d="M48 14V196H368" stroke="currentColor" fill="none"/>`,
      curve([target, ...Array(steps).fill(target)],
        `stroke="currentColor" stroke-dasharray="6 5"`), text(368, 220, `${steps} steps`, "end"),
      text(42, y(target) + 5, show(target), "end"), text(48, 220, 0, "middle"),
      text(42, y(w.start.data[0]) + 5, show(w.start.data[0]), "end")];
    if (forget)
      parts.push(curve(runs.false.at(-1).path.slice(0, state.path.length),
        `stroke="currentColor"`));
    find("thin").hidden = !forget;
    parts.push(curve(state.path, `stroke="var(--pst-color-primary)" stroke-width="3"`));
    state.path.forEach((weight, step) => parts.push(`<circle cx="${x(step)}" cy="${y(weight)}"
      r="4" fill="var(--pst-color-primary)"/>`));
    find("plot").innerHTML = parts.join("");
    find("plot").ariaLabel = `After ${state.path.length - 1} steps the weight is \
${show(state.weight)}; the batches are ${show(target)}.`;
  }

  function go(to) {
    at = to;
    read();
    nn.remember(forget ? { at, forget: 1 } : { at });
  }

  // A line of code: what does not fit goes on in the next line, farther in.
  function code(line) {
    const element = document.createElement("code"), indent = line.search(/\S/);
    for (const part of line.trim().split(/(?<=[.(])/))
      element.append(part, document.createElement("wbr"));
    element.style.cssText = `padding-left: ${indent + 2}ch; text-indent: -2ch`;
    return element;
  }
  function row(list) {
    const element = document.createElement("li");
    list.append(element);
    return element;
  }
  for (const line of lines) row(find("lines")).append(code(line));
  for (const line of texts(w.hooks)) {
    const name = line.match(/^def (\w+)/);
    if (name) row(find("hooks")).dataset.hook = name[1];
    find("hooks").lastChild.append(code(line));
  }

  find("step").onclick = () => go(Math.min(at + 1, runs[forget].length - 1));
  find("epoch").onclick = () => {  // to its last line: the next one begins another
    const run = runs[forget];
    const end = run.findIndex((_, i) => i > at && run[i + 1]?.line === EPOCHS && i > 1);
    go(end < 0 ? run.length - 1 : end);
  };
  find("reset").onclick = () => go(0);
  find("forget").onchange = (event) => {  // to the same place of the other run
    const here = runs[forget][at], same = ({ place }) => place === here.place;
    forget = event.target.checked;
    const there = runs[forget].findIndex(same);
    go(there < 0 ? runs[forget].findIndex(({ place }) =>
      place === runs[!forget][at - 1].place) : there);  // no zero_grad: the line before
  };
  const asked = nn.settings();
  forget = asked.forget === "1";
  if (runs[forget][asked.at]?.place) at = Number(asked.at);
  read();
})();

// attention's page: a list of pairs and a question, and the weight of every token.
"use strict";
(() => {
  const w = nn.load("attention"), { find, percent } = nn;
  const names = nn.texts(w.names);
  const knobs = w.knobs.data, most = 12;
  const unknown = w["digit.weight"].shape[0] - 1;  // the row after those of the digits
  const trained = knobs.indexOf(1);
  let pairs, question, knob = trained;  // pairs [name, digit], as numbers

  // The lesson's LookUp, of the last token only: the others ask as well, unheard.
  function network(tokens, factor) {
    const x = tokens.map(([name, digit]) =>
      nn.add(nn.row(w["name.weight"], name), nn.row(w["digit.weight"], digit)));
    const size = x[0].shape[0];
    const all = (matrix) => nn.tensor([x.length, size],
      x.flatMap((one) => Array.from(nn.linear(one, w[`attention.${matrix}.weight`]).data)));
    const query = nn.linear(x.at(-1), w["attention.query.weight"]), values = all("value");
    const dots = nn.linear(query, all("key"));  // a dot product with each key
    const scores = nn.each(dots, (dot) => factor * dot / Math.sqrt(size));
    const weights = nn.softmax(scores), output = nn.tensor([size]);
    values.data.forEach((v, i) => {
      output.data[i % size] += weights.data[Math.floor(i / size)] * v;
    });
    const logits = nn.linear(output, w["answer.weight"], w["answer.bias"]);
    return { scores, weights, probabilities: nn.softmax(logits) };
  }

  // "anna 7, bob 3, bob ?" as tokens [[0, 7], [1, 3], [1, unknown]]; null for other texts.
  function parse(text) {
    const tokens = text.toLowerCase().split(/[,-]/).map((part) => {
      const [, name, digit] = part.match(/^\s*([a-z]+)\s*(\d|\?)?\s*$/) ?? [];
      return [names.indexOf(name), digit >= "0" && digit <= "9" ? Number(digit) : unknown];
    });
    const asks = tokens.map(([, digit]) => digit === unknown).indexOf(true);
    const good = tokens.every(([name]) => name >= 0) && asks === tokens.length - 1;
    return good && tokens.length > 1 && tokens.length <= most + 1 ? tokens : null;
  }
  const words = ([name, digit]) => `${names[name]} ${digit === unknown ? "?" : digit}`;
  const tokens = () => [...pairs, [question, unknown]];
  const asked = () => pairs.findLastIndex(([name]) => name === question);
  const factor = (place) => Number(knobs[place].toPrecision(3));  // 0.1 is no float32
  nn.attention = { network, parse };  // for the tests

  function read() {
    const all = tokens(), found = network(all, knobs[knob]), place = asked();
    while (find("list").children.length > all.length) find("list").children[0].remove();
    while (find("list").children.length < all.length) find("list").prepend(makePair());
    [...find("list").children].forEach((row, i) => {
      const [name, digit] = row.querySelectorAll("select"), p = found.weights.data[i];
      name.value = all[i][0];
      if (digit) digit.value = all[i][1];
      for (const e of row.querySelectorAll("[data-does]"))
        e.ariaLabel = `${e.dataset.does}, token ${i + 1}: ${words(all[i])}`;
      row.querySelector("i").style.setProperty("--p", p);
      row.querySelector("b").textContent = percent(p);
      row.querySelector("small").textContent = `score ${found.scores.data[i]
        .toFixed(1).replace("-", "−")}`;
    });
    Object.assign(find("distance"), { max: pairs.length, disabled: place < 0 });
    if (place >= 0) find("distance").value = pairs.length - place;
    find("far").textContent = place < 0 ? "not in the list" : pairs.length - place;
    if (document.activeElement !== find("text")) find("text").value = all.map(words).join(", ");
    tell(all, found, place);
    plot(all);
  }

  function tell(all, found, place) {
    const p = found.probabilities.data, best = p.indexOf(Math.max(...p));
    const weight = Math.max(...found.weights.data), top = found.weights.data.indexOf(weight);
    const least = Math.min(...found.weights.data), far = all.length - 1 - top;
    const where = far === 0 ? "the question itself"
      : `${far} token${far > 1 ? "s" : ""} before the question`;
    const looks = knobs[knob] === 0 ? `All ${all.length} weights are equal, ${percent(weight)}.`
      : `The largest weight, ${percent(weight)}, is on ${words(all[top])}, ${where}.`;
    const dict = place < 0 ? "raise a KeyError" : `say ${pairs[place][1]}`;
    nn.say(find("answer"), `It answers ${best}, probability ${percent(p[best])}. ${looks} \
A dict would ${dict}.`);
    nn.setBars(find("bars"), p);
    find("knob").value = knob;
    find("knob").ariaValueText = `times ${factor(knob)}`;
    find("factor").textContent = factor(knob);
    const kinds = [[knobs[knob] === 0, "All scores are 0: the output is the plain mean."],
      [knob < trained, "The scores are closer together than trained, and so are the weights."],
      [knob === trained, "The scores are as trained."],
      [weight > 0.9999, "All the weight is on one token, as in a dict."],
      [true, "The scores are farther apart than trained, and so are the weights."]];
    find("means").textContent = kinds.find(([is]) => is)[1] + (knobs[knob] === 0 ? ""
      : ` The weights lie between ${percent(least)} and ${percent(weight)}.`);
  }

  // A curve for each token: its weight at each place of the knob. The two highest are named.
  function plot(all) {
    const curves = Array.from(all, () => []);
    for (const factor of knobs)
      network(all, factor).weights.data.forEach((p, i) => curves[i].push(p));
    const x = (place) => 34 + place * (330 / (knobs.length - 1)), y = (p) => 190 - 160 * p;
    const high = curves.map((curve, i) => [Math.max(...curve.slice(1)), i])
      .sort((a, b) => b[0] - a[0]).map(([, i]) => i);
    const { text } = nn;
    const lines = [`<path d="M34 190H364M34 30V190" stroke="currentColor" fill="none"/>
      <path d="M${x(knob)} 24V190" stroke="currentColor" stroke-dasharray="2 4"
      stroke-width="2"/>`, text(28, 36, 1, "end"), text(28, 195, 0, "end")];
    knobs.forEach((factor, i) => {
      if ([0, 0.5, 1, 5, 100].includes(factor)) lines.push(text(x(i), 212, factor, "middle"));
    });
    curves.forEach((curve, i) => {
      const rank = high.indexOf(i), points = curve.map((p, k) => `${x(k)},${y(p)}`);
      lines.push(`<polyline points="${points.join(" ")}" fill="none" stroke="${rank < 2
        ? "var(--pst-color-primary)" : "currentColor"}" stroke-width="${rank < 1 ? 4 : 2}"
        ${rank === 1 ? 'stroke-dasharray="8 4"' : ""}/>`);
      const peak = rank === 0 ? knobs.length - 1 : curve.indexOf(Math.max(...curve.slice(1)));
      if (rank === 0) lines.push(text(x(peak), y(curve[peak]) - 8, words(all[i]), "end"));
      if (rank === 1) lines.push(text(x(peak) + 8, y(curve[peak]) - 6, words(all[i]), "start"));
    });
    find("plot").innerHTML = lines.join("");
    find("plot").ariaLabel = `Weights from the mean, left, to one token, right: \
${words(all[high[0]])} has the most, then ${words(all[high[1]])}.`;
  }

  function changed() {
    read();
    const list = tokens().map(words).join("-").replaceAll(/ |\?/g, "");
    nn.remember({ list, knob: factor(knob) });
  }

  // A row of the list. What its controls do, they do to the pair that stands there then.
  function makeRow(html) {
    const row = document.createElement("li");
    row.innerHTML = `<select data-does="Name"></select>${html}<i></i><b></b><small></small>`;
    names.forEach((name, i) => row.firstChild.add(new Option(name, i)));
    return row;
  }
  function makePair() {
    const row = makeRow(`<select data-does="Digit"></select><button type="button"
      data-does="Move up">↑</button><button type="button" data-does="Move down">↓</button
      ><button type="button" data-does="Remove">×</button>`);
    const [name, digit] = row.querySelectorAll("select");
    const [up, down, gone] = row.querySelectorAll("button");
    const at = () => [...find("list").children].indexOf(row);
    for (let i = 0; i < unknown; i++) digit.add(new Option(i));
    name.onchange = digit.onchange = () => {
      pairs[at()] = [Number(name.value), Number(digit.value)];
      changed();
    };
    const move = (step, button) => {  // beyond an end it goes on at the other
      const to = (at() + step + pairs.length) % pairs.length;
      shift(at(), to);
      find("list").children[to].querySelectorAll("button")[button].focus();
    };
    up.onclick = () => move(-1, 0);
    down.onclick = () => move(1, 1);
    gone.onclick = () => {
      if (pairs.length === 1) return nn.say(find("answer"), "One pair has to stay.");
      const place = at();
      pairs.splice(place, 1);
      changed();
      find("list").children[Math.min(place, pairs.length - 1)].querySelector("[data-does=Remove]")
        .focus();
    };
    return row;
  }
  function shift(from, to) {
    pairs.splice(to, 0, ...pairs.splice(from, 1));
    changed();
  }
  function take(list) {
    pairs = list.slice(0, -1);
    [question] = list.at(-1);
  }

  const ask = makeRow(`<span class="nn-mark">?</span>`);
  ask.firstChild.onchange = (event) => { question = Number(event.target.value); changed(); };
  find("list").append(ask);
  nn.addBars(find("bars"), Array(unknown).keys());
  const lessons = Array.from({ length: w.example.shape[0] }, (_, i) =>
    Array.from(nn.row(w.example, i).data));
  for (const button of find("examples").children)
    button.onclick = () => {
      const { list } = button.dataset;
      if (!list) knob = trained;  // the lesson's, as it is there
      take(list ? parse(list) : lessons);
      changed();
    };
  find("add").onclick = () => {
    if (pairs.length === most) return nn.say(find("answer"), `${most} pairs are enough here.`);
    const free = names.findIndex((_, name) => pairs.every((pair) => pair[0] !== name));
    pairs.push([Math.max(free, 0), pairs.length % unknown]);
    changed();
  };
  find("distance").oninput = (event) => shift(asked(), pairs.length - Number(event.target.value));
  find("text").oninput = (event) => {  // at once, as soon as it is a list
    const list = parse(event.target.value);
    if (!list) return;
    take(list);
    changed();
  };
  find("text").onchange = (event) => {
    if (!parse(event.target.value)) nn.say(find("answer"), `Not read. Write 1 to ${most} pairs of a name \
(${names.join(", ")}) and a digit, then a name: anna 7, bob 3, bob ?`);
  };
  find("knob").max = knobs.length - 1;
  find("knob").oninput = (event) => { knob = Number(event.target.value); changed(); };
  const settings = nn.settings(), wanted = knobs.indexOf(Math.fround(settings.knob || NaN));
  if (wanted >= 0) knob = wanted;
  take(parse(settings.list ?? "") ?? lessons);
  read();
})();

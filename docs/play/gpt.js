// gpt's page: two networks read a text, say how much each letter surprises them, and write.
"use strict";
(() => {
  const w = nn.load("gpt"), { find, percent } = nn;
  const letters = [...w.letters.data].map((code) => String.fromCharCode(code));
  const sentences = new Set(nn.texts(w.sentences));
  const [blocks, heads] = w.sizes.data;
  const most = w["masked.place.weight"].shape[0];  // letters that are read at once
  const EXAMPLE = ".amy hid her goat.bob had his ";
  let name = "masked", text = EXAMPLE;

  function layerNorm(x, factor, summand) {
    const mean = x.data.reduce((sum, v) => sum + v, 0) / x.data.length;
    const square = x.data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.data.length;
    const root = Math.sqrt(square + 0.00001);
    return nn.tensor(x.shape, x.data.map((v, i) =>
      ((v - mean) / root) * factor.data[i] + summand.data[i]));
  }

  // The lesson's GPT: the logits at each place of a text of at most `most` letters.
  function network(name, text) {
    const layer = (key, x) => nn.linear(x, w[`${name}.${key}.weight`], w[`${name}.${key}.bias`]);
    const norm = (key, x) => layerNorm(x, w[`${name}.${key}.weight`], w[`${name}.${key}.bias`]);
    let xs = [...text].map((letter, place) =>
      nn.add(nn.row(w[`${name}.letter.weight`], letters.indexOf(letter)),
        nn.row(w[`${name}.place.weight`], place)));
    for (let b = 0; b < blocks; b++) {
      const key = `blocks.${b}`, inputs = xs.map((x) => norm(`${key}.norm1`, x));
      const found = attend(name, inputs, (part, x) => layer(`${key}.attention.${part}`, x));
      xs = xs.map((x, t) => nn.add(x, found[t]));
      xs = xs.map((x) => nn.add(x, layer(`${key}.narrow`,
        nn.relu(layer(`${key}.widen`, norm(`${key}.norm2`, x))))));
    }
    return xs.map((x) => layer("answer", norm("norm", x)));
  }

  function attend(name, xs, layer) {
    const [queries, keys, values] = ["query", "key", "value"].map((part) =>
      xs.map((x) => layer(part, x).data));
    const size = xs[0].shape[0], each = size / heads;
    return xs.map((_, t) => {
      const seen = name === "masked" ? t + 1 : xs.length, output = nn.tensor([size]);
      for (let first = 0; first < size; first += each) {
        const scores = [];
        for (let s = 0; s < seen; s++) {
          let dot = 0;
          for (let i = first; i < first + each; i++) dot += queries[t][i] * keys[s][i];
          scores.push(dot / Math.sqrt(each));
        }
        nn.softmax(nn.tensor([seen], scores)).data.forEach((weight, s) => {
          for (let i = first; i < first + each; i++) output.data[i] += weight * values[s][i];
        });
      }
      return layer("mix", output);
    });
  }

  // What it thinks of the text: for each letter but the first its surprise in bits, and
  // the probabilities of the next letter. Of a long text it reads the end.
  function read(name, text) {
    const end = text.slice(-most), all = network(name, end).map(nn.softmax);
    const bits = [...end].slice(1).map((letter, t) =>
      -Math.log2(Math.max(all[t].data[letters.indexOf(letter)], 1e-30)));
    return { end, bits, next: [...all.at(-1).data] };
  }

  // One letter, with these probabilities; `chance` is from 0 to 1.
  function choose(probabilities, chance) {
    let sum = 0;
    const place = probabilities.findIndex((p) => (sum += p) > chance);
    return letters[place < 0 ? probabilities.indexOf(Math.max(...probabilities)) : place];
  }
  const good = (text) => text.length > 0 && text.length <= 400
    && [...text].every((letter) => letters.includes(letter));
  nn.gpt = { network, read, choose };  // for the tests

  const shown = (letter) => (letter === " " ? "␣" : letter);
  function show() {
    const { end, bits, next } = read(name, text);
    for (const radio of document.getElementsByName("nn-network"))
      radio.checked = radio.value === name;
    if (document.activeElement !== find("text")) find("text").value = text;
    find("read").innerHTML = [...end].map((letter, t) => {
      const surprise = t ? bits[t - 1].toFixed(2) : "not asked";
      const high = t ? Math.min(bits[t - 1] / 5, 1) : 0;
      return `<li title="${surprise}"><i style="--p: ${high}"></i>${shown(letter)}</li>`;
    }).join("");
    nn.setBars(find("bars"), next);
    const best = next.indexOf(Math.max(...next));
    const mean = bits.reduce((sum, v) => sum + v, 0) / bits.length;
    const said = bits.length ? ` The letters of this text surprise it by ${mean.toFixed(2)} \
bits on average.` : "";
    const whole = text.split(".").slice(1, -1).map((one) => `${one}.`);  // as in the lesson
    const right = whole.filter((one) => sentences.has(one)).length;
    const count = whole.length ? ` True sentences: ${right} of ${whole.length}.` : "";
    nn.say(find("answer"), `Next it expects ${shown(letters[best])}, \
probability ${percent(next[best])}.${said}${count}`);
  }

  function change(changed) {
    ({ name = name, text = text } = changed);
    show();
    nn.remember({ network: name, text });
  }
  function write(count) {
    let longer = text;
    for (let i = 0; i < count; i++)
      longer += choose(read(name, longer).next, Math.random());
    change({ text: longer.slice(-400) });
  }

  nn.addBars(find("bars"), letters.map(shown));
  for (const radio of document.getElementsByName("nn-network"))
    radio.onchange = () => change({ name: radio.value });
  for (const button of find("examples").children)
    button.onclick = () => change({ text: button.dataset.text });
  find("one").onclick = () => write(1);
  find("more").onclick = () => write(20);
  find("text").oninput = (event) => {
    const typed = event.target.value.toLowerCase();
    if (good(typed)) change({ text: typed });
    else nn.say(find("answer"), !typed ? "Not read: it needs at least one letter."
      : typed.length > 400 ? "Not read: it takes 400 letters at most."
        : `Not read. These are its letters: ${letters.map(shown).join(" ")}`);
  };
  const asked = nn.settings();
  if (asked.network === "unmasked") name = "unmasked";
  if (good(asked.text ?? "")) ({ text } = asked);
  show();
})();

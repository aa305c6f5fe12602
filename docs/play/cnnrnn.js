// cnnrnn's page: film a digit, mix up the frames, and see what the GRU makes of them.
"use strict";
(() => {
  const tensors = nn.load("cnnrnn"), { find } = nn;
  const [frames] = tensors.frames.data, [digits, , high] = tensors.examples.shape;
  const motions = Array.from(find("motion").options, (option) => option.value);
  const filmed = Array.from({ length: frames }, (_, t) => t);

  // What can be set: digit, label of the motion, start place, order of the frames, and how
  // many of them are shown.
  const state = {
    digit: 3, motion: motions.indexOf("left"), top: 0, left: 8, order: filmed,
    shown: frames,
  };

  const wrap = (place) => ((place % high) + high) % high;  // never negative

  // torch.roll: what leaves on one side comes in again on the other.
  function roll(image, down, right) {
    const rolled = nn.tensor(image.shape);
    image.data.forEach((v, i) => {
      const row = wrap(Math.floor(i / high) + down), column = wrap((i % high) + right);
      rolled.data[row * high + column] = v;
    });
    return rolled;
  }

  // The lesson's film().
  function film(image, top, left, motion) {
    const [down, right] = nn.row(tensors.velocity, motion).data;
    return filmed.map((t) => roll(image, top + t * down, left + t * right));
  }

  // The mean of each block of pixels, as nn.AvgPool2d.
  function average({ shape: [, rows, columns], data }) {
    const [size] = tensors.pool.data, wide = columns / size;
    const means = nn.tensor([1, rows / size, wide]);
    data.forEach((v, i) => {
      const row = Math.floor(i / columns / size), column = Math.floor((i % columns) / size);
      means.data[row * wide + column] += v / size ** 2;
    });
    return means;
  }

  // One step of nn.GRU. In its tensors stand the rows of the reset gate, then those of the
  // update gate, then those of the candidate; and each has two biases. What comes from the
  // old state is multiplied by the reset gate with its bias.
  function step(x, state) {
    const [of, from] = [["ih", x], ["hh", state]].map(([name, input]) =>
      nn.linear(input, tensors[`gru.weight_${name}_l0`], tensors[`gru.bias_${name}_l0`]));
    const size = state.data.length;
    const part = ({ data }, k) =>
      ({ shape: [size], data: data.subarray(k * size, (k + 1) * size) });
    const reset = nn.sigmoid(nn.add(part(of, 0), part(from, 0)));
    const update = nn.sigmoid(nn.add(part(of, 1), part(from, 1)));
    const candidate = nn.tanh(nn.add(part(of, 2), nn.multiply(reset, part(from, 2))));
    return nn.add(nn.multiply(nn.each(update, (z) => 1 - z), candidate),
      nn.multiply(update, state));
  }

  // The lesson's ImageSequenceClassifierCNNRNN: the probabilities after each frame.
  function network(images) {
    let memory = nn.tensor([tensors["gru.weight_hh_l0"].shape[1]]);
    return images.map((image) => {
      const maps = nn.conv2d(average(image), tensors["conv.weight"], tensors["conv.bias"]);
      memory = step(nn.relu(maps), memory);
      return nn.softmax(nn.linear(memory, tensors["classifier.weight"],
        tensors["classifier.bias"]));
    });
  }
  nn.cnnrnn = { film, network, step };  // for the tests

  const same = (one, other) => one.join() === other.join();
  function played() {
    if (same(state.order, filmed)) return "as filmed";
    if (same(state.order, [...filmed].reverse())) return "backwards";
    return "in mixed order";
  }

  function show() {
    const image = nn.row(tensors.examples, state.digit);
    const all = film(image, state.top, state.left, state.motion);
    const shown = state.order.slice(0, state.shown);
    const answers = network(shown.map((t) => all[t])).map(({ data }) => Array.from(data));
    const best = answers.map((p) => p.indexOf(Math.max(...p)));
    const heads = state.order.map((t, i) => `<th scope="col" style="padding: 2px"><canvas
      role="img" aria-label="Frame ${t + 1}" style="width: 100%; display: block; opacity:
      ${i < state.shown ? 1 : 0.2}"></canvas>${t + 1}</th>`);
    const rows = motions.map((name, label) => `<tr>${head(name)}
      ${state.order.map((_, i) => bar(answers[i], label, best[i])).join("")}</tr>`);
    find("frames").innerHTML = `<tr>${head("frame")}${heads.join("")}</tr>${rows.join("")}`;
    find("frames").querySelectorAll("canvas").forEach((canvas, i) =>
      nn.paint(canvas, all[state.order[i]], 1, 1));
    nn.paint(find("place"), all[0], 1, 1);
    nn.say(find("start"), `${state.top} down, ${state.left} to the right`);
    nn.say(find("many"), `${state.shown} of ${frames} frames`);
    const last = best.at(-1), share = nn.percent(answers.at(-1)[last]);
    nn.say(find("answer"), `It answers ${motions[last]}, probability ${share}. \
Filmed: ${motions[state.motion]}, played ${played()}: ${shown.map((t) => t + 1).join(" ")}.`);
    for (const name of ["digit", "shown"]) find(name).value = state[name];
    find("motion").value = motions[state.motion];
  }

  const head = (name) => `<th scope="row" style="width: 3.6em; padding: 0;
    font-weight: normal">${name}</th>`;

  // A probability in percent and, below it, a bar. The largest is bold.
  function bar(p, label, best) {
    if (!p) return "<td></td>";
    const percent = nn.percent(p[label]).replace("%", "");  // six side by side on a phone
    return `<td style="padding: 0 0 12px; background: linear-gradient(
      var(--pst-color-primary) 0 0) no-repeat 0 100% / ${100 * p[label]}% 10px">
      ${label === best ? `<b>${percent}</b>` : percent}</td>`;
  }

  function change(settings) {
    Object.assign(state, settings);
    show();
    nn.remember({ ...state, motion: motions[state.motion],
      order: state.order.map((t) => t + 1).join("") });
  }

  function shuffled(order) {  // never the same order, or the button seems dead
    const chances = order.map(() => Math.random());
    const mixed = [...order].sort((a, b) => chances[a] - chances[b]);
    return same(mixed, order) ? shuffled(order) : mixed;
  }

  find("digit").oninput = (event) => change({ digit: Number(event.target.value) });
  find("motion").oninput = (event) => change({ motion: event.target.selectedIndex });
  find("shown").oninput = (event) => change({ shown: Number(event.target.value) });
  find("filmed").onclick = () => change({ order: filmed });
  find("backwards").onclick = () => change({ order: [...state.order].reverse() });
  find("shuffle").onclick = () => change({ order: shuffled(state.order) });

  // The start place: what is grabbed stays under the finger.
  let grabbed = null;
  nn.drag(find("place"), ({ clientX: x, clientY: y }) => {
    grabbed = { x, y, top: state.top, left: state.left };
  }, (event) => {
    const pixel = find("place").getBoundingClientRect().width / high;
    change({ top: wrap(grabbed.top + Math.round((event.clientY - grabbed.y) / pixel)),
      left: wrap(grabbed.left + Math.round((event.clientX - grabbed.x) / pixel)) });
  });
  find("place").onkeydown = (event) => {
    const step = nn.arrow(event);  // down, right
    if (!step) return;
    change({ top: wrap(state.top + step[0]), left: wrap(state.left + step[1]) });
  };

  for (let digit = 0; digit < digits; digit++) find("digit").add(new Option(digit, digit));
  find("shown").max = frames;
  const asked = nn.settings();
  for (const [name, least, most] of [["digit", 0, digits - 1], ["top", 0, high - 1],
    ["left", 0, high - 1], ["shown", 1, frames]])
    state[name] = nn.whole(asked[name], least, most) ?? state[name];
  if (motions.includes(asked.motion)) state.motion = motions.indexOf(asked.motion);
  const order = Array.from(asked.order ?? "", (letter) => Number(letter) - 1);
  if (same([...order].sort(), filmed)) state.order = order;
  show();
})();

// adversarial's page: a digit whose pixels are changed, and what two networks read in it.
"use strict";
(() => {
  const { find } = nn, tensors = nn.load("adversarial");
  const SIDE = 28, KINDS = 10, MANY = tensors.images.shape[0], MOST = 20;
  const WAYS = { random: "at random", gradient: "by the sign of its gradient" };
  const NETWORKS = { plain: "plain", robust: "adversarial" };
  let now = { digit: 0, size: 10, way: "random", network: "plain" };

  const of = (network, name) => tensors[`${network}.${name}`];
  const hiddenOf = (image, network) =>
    nn.linear(image, of(network, "first.weight"), of(network, "first.bias"));
  const scoresOf = (hidden, network) =>
    nn.linear(nn.relu(hidden), of(network, "second.weight"), of(network, "second.bias"));

  // For each number that a linear layer was given, how fast the loss grows with it, if
  // `speeds` says this for each number that the layer has made: weight.T @ speeds.
  function backward(weight, speeds) {
    const [outputs, inputs] = weight.shape, found = nn.tensor([inputs]);
    for (let o = 0; o < outputs; o++) {
      if (speeds[o] === 0) continue;
      for (let i = 0; i < inputs; i++) found.data[i] += speeds[o] * weight.data[o * inputs + i];
    }
    return found.data;
  }

  // For each pixel, how fast the loss grows with it. That of the right score is its
  // probability minus 1: minus the others, which is not rounded to 0 if it is nearly 1.
  function gradients(image, label, network) {
    const hidden = hiddenOf(image, network), found = [...scoresOf(hidden, network).data];
    const largest = Math.max(...found), powers = found.map((v) => Math.exp(v - largest));
    const sum = powers.reduce((total, v) => total + v, 0);
    const speeds = powers.map((v, k) => (k === label ? 0 : v / sum));
    speeds[label] = -speeds.reduce((total, v) => total + v, 0);
    const back = backward(of(network, "second.weight"), speeds)
      .map((v, i) => (hidden.data[i] > 0 ? v : 0));
    return nn.tensor(image.shape, backward(of(network, "first.weight"), back));
  }

  const labelOf = (k) => tensors.labels.data[k];
  function changed(k, size, way, network) {
    const image = nn.row(tensors.images, k);
    const signs = way === "random" ? nn.row(tensors.signs, k)
      : nn.each(gradients(image, labelOf(k), network), Math.sign);
    return nn.tensor(image.shape, image.data.map((v, i) =>
      Math.min(Math.max(v + size * signs.data[i], 0), 1)));
  }
  const scores = (k, ...how) => scoresOf(hiddenOf(changed(k, ...how), how[2]), how[2]);
  const answer = ({ data }) => data.indexOf(Math.max(...data));
  function right(...how) {
    let found = 0;
    for (let k = 0; k < MANY; k++) found += Number(answer(scores(k, ...how)) === labelOf(k));
    return found;
  }

  nn.adversarial = {  // for the tests
    changed, scores,
    gradients: (k, network) => gradients(nn.row(tensors.images, k), labelOf(k), network),
    right: (...how) => nn.tensor([1], [right(...how)]),
  };

  function show() {
    const { digit, way, network } = now, size = now.size / 100, how = [size, way, network];
    const image = changed(digit, ...how), chances = nn.softmax(scores(digit, ...how));
    const read = answer(chances), label = labelOf(digit);
    nn.setRadios("way", way);
    nn.setRadios("network", network);
    find("digit").value = digit;
    find("size").value = now.size;
    find("number").textContent = `${digit + 1} of ${MANY}`;
    find("hundredths").textContent = size.toFixed(2);
    find("label").textContent = `A ${label}.`;
    nn.paint(find("image"), { shape: [1, SIDE, SIDE], data: image.data }, 1, 1);
    nn.setBars(find("bars"), [...chances.data]);
    nn.say(find("answer"), `${size.toFixed(2)} a pixel, ${WAYS[way]}; ${NETWORKS[network]} \
training: this ${label} is read as ${read} (${nn.percent(chances.data[read])}). Of all ${MANY} \
digits, changed like this, ${right(...how)} are read correctly.`);
  }

  function change(changes) {
    now = { ...now, ...changes };
    show();
    nn.remember(now);
  }
  nn.addBars(find("bars"), Array.from({ length: KINDS }, (_, kind) => kind));
  for (const name of ["digit", "size"])
    find(name).oninput = ({ target }) => change({ [name]: Number(target.value) });
  for (const name of ["way", "network"])
    nn.onRadios(name, (value) => change({ [name]: value }));

  const asked = nn.settings();
  now.digit = nn.whole(asked.digit, 0, MANY - 1) ?? now.digit;
  now.size = nn.whole(asked.size, 0, MOST) ?? now.size;
  if (Object.hasOwn(WAYS, asked.way)) now.way = asked.way;
  if (Object.hasOwn(NETWORKS, asked.network)) now.network = asked.network;
  show();
})();

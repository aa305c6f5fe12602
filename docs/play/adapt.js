// adapt's page: a network, and as much of its update as one asks for.
"use strict";
(() => {
  const { find } = nn, tensors = nn.load("adapt");
  const LAYERS = ["first", "second", "third", "last"], RANKS = ["1", "4"];
  const SIDE = 8, MANY = tensors.images.shape[0];
  let now = { digit: 0, share: 0, rank: "1" };

  // The weights of a layer with this share of its update: W + share * columns @ rows.
  function merged(name, share, rank) {
    const weight = tensors[`${name}.weight`], [outputs, inputs] = weight.shape;
    const rows = tensors[`${name}.rows.${rank}`].data;
    const columns = tensors[`${name}.columns.${rank}`].data, R = Number(rank);
    const sum = nn.tensor(weight.shape, weight.data);
    for (let o = 0; o < outputs; o++)
      for (let i = 0; i < inputs; i++)
        for (let r = 0; r < R; r++)
          sum.data[o * inputs + i] += share * columns[o * R + r] * rows[r * inputs + i];
    return sum;
  }
  const weights = (share, rank) => LAYERS.map((name) => merged(name, share, rank));

  // Ten scores for an image (64).
  function scores(image, layers) {
    return LAYERS.reduce((x, name, i) => {
      const y = nn.linear(x, layers[i], tensors[`${name}.bias`]);
      return name === "last" ? y : nn.relu(y);
    }, image);
  }
  const mirror = (image) => ({ shape: image.shape, data: image.data.map((_, i) =>
    image.data[i - (i % SIDE) + SIDE - 1 - (i % SIDE)]) });
  const answer = ({ data }) => data.indexOf(Math.max(...data));

  // How many of all digits are read, upright and mirrored.
  function right(layers) {
    const found = [0, 0];
    for (let k = 0; k < MANY; k++) {
      const image = nn.row(tensors.images, k);
      [image, mirror(image)].forEach((seen, i) => {
        found[i] += Number(answer(scores(seen, layers)) === tensors.labels.data[k]);
      });
    }
    return found;
  }

  nn.adapt = {  // for the tests
    scores: (k, mirrored, share, rank) => {
      const image = nn.row(tensors.images, k);
      return scores(mirrored ? mirror(image) : image, weights(share, rank));
    },
    right: (share, rank) => nn.tensor([2], right(weights(share, rank))),
  };

  function show() {
    const layers = weights(now.share / 100, now.rank), image = nn.row(tensors.images, now.digit);
    nn.setRadios("rank", now.rank);
    find("digit").value = now.digit;
    find("share").value = now.share;
    find("label").textContent = `a ${tensors.labels.data[now.digit]}`;
    find("percent").textContent = `${now.share} %`;
    for (const [name, seen] of [["upright", image], ["mirrored", mirror(image)]]) {
      nn.paint(find(name), { shape: [1, SIDE, SIDE], data: seen.data }, 1, 1);
      const found = scores(seen, layers), sure = nn.softmax(found).data[answer(found)];
      find(`says-${name}`).textContent = `${name}: read as ${answer(found)} (${nn.percent(sure)})`;
    }
    const [upright, mirrored] = right(layers);
    nn.say(find("answer"), `With ${now.share} % of the update of rank ${now.rank}, the network \
reads ${upright} of ${MANY} unseen digits upright, and ${mirrored} in a mirror.`);
  }

  function change(changed) {
    now = { ...now, ...changed };
    show();
    nn.remember(now);
  }
  for (const name of ["digit", "share"])
    find(name).oninput = ({ target }) => change({ [name]: Number(target.value) });
  nn.onRadios("rank", (rank) => change({ rank }));

  const asked = nn.settings();
  now.digit = nn.whole(asked.digit, 0, MANY - 1) ?? now.digit;
  const share = nn.whole(asked.share, 0, 100);
  if (share !== null && share % 10 === 0) now.share = share;
  if (RANKS.includes(asked.rank)) now.rank = asked.rank;
  show();
})();

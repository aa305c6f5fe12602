// normalize's page: one digit in a batch of four, and who else is in it.
"use strict";
(() => {
  const { find } = nn, tensors = nn.load("normalize");
  const FACTORS = [1, 3, 10, 30, 100], EPSILON = 1e-5, KINDS = 10;
  const NAMES = { batch: "Batch norm", running: "Batch norm with running statistics",
    layer: "Layer norm" };
  let norm = "batch", factor = 1, batch = [3, 3, 3, 3];

  // At place i of the batch, a 3 is always the same image, and another one than at place j.
  const image = (kind, place) => nn.row(nn.row(tensors.digits, kind), place);

  const meanOf = (numbers) => numbers.reduce((sum, v) => sum + v, 0) / numbers.length;
  function statistics(numbers) {
    const mean = meanOf(numbers);
    return { mean, variance: meanOf(numbers.map((v) => (v - mean) ** 2)) };
  }

  // A table, a row for each image: down each column, or along each row, normalized; then
  // times gamma, plus beta.
  function normalize(rows, norm, weights) {
    const columns = rows[0].map((_, h) => statistics(rows.map((row) => row[h])));
    const along = rows.map(statistics), of = (name, h) => weights(name).data[h];
    return rows.map((row, b) => row.map((v, h) => {
      let { mean, variance } = norm === "layer" ? along[b] : columns[h];
      if (norm === "running")
        [mean, variance] = [of("running_mean", h), of("running_variance", h)];
      const x = (v - mean) / Math.sqrt(variance + EPSILON);
      return of("gamma", h) * x + of("beta", h);
    }));
  }

  // Each row times the weights (O, I), plus the bias, all times a factor.
  const linear = (rows, weights, factor = 1) => rows.map((row) => {
    const { shape: [outputs, inputs], data } = weights("weight"), bias = weights("bias").data;
    return Array.from({ length: outputs }, (_, o) => {
      let sum = bias[o];
      for (let i = 0; i < inputs; i++) sum += data[o * inputs + i] * row[i];
      return factor * sum;
    });
  });

  // The scores of all images of a batch, given by their kinds.
  function scores(kinds, norm, factor) {
    const network = norm === "layer" ? "layer" : "batch";
    const of = (layer) => (name) => tensors[`${network}.${layer}.${name}`];
    let rows = kinds.map((kind, place) => [...image(kind, place).data]);
    for (const i of [0, 1, 2]) {
      rows = linear(rows, of(`linears.${i}`), factor);
      rows = normalize(rows, norm, of(`norms.${i}`));
      rows = rows.map((row) => row.map((v) => Math.max(v, 0)));
    }
    rows = linear(rows, of("last"));
    return nn.tensor([rows.length, KINDS], rows.flat());
  }
  nn.normalize = { scores };  // for the tests

  function show() {
    const chances = nn.softmax(nn.row(scores(batch, norm, factor), 0));
    const answer = chances.data.indexOf(Math.max(...chances.data));
    nn.setBars(find("bars"), [...chances.data]);
    nn.setRadios("norm", norm);
    find("times").value = FACTORS.indexOf(factor);
    find("factor").textContent = factor;
    batch.forEach((kind, place) => {
      find(`digit${place}`).value = kind;
      const { data } = image(kind, place);
      nn.paint(find(`image${place}`), nn.tensor([1, 8, 8], data), 1, 1);
    });
    const judged = answer === batch[0] ? "right" : "wrong";
    const times = factor === 1 ? "" : `, hidden weights times ${factor}`;
    nn.say(find("answer"), `${NAMES[norm]}${times}: this ${batch[0]}, in a batch with \
${batch.slice(1).join(", ")}, is read as ${answer} (${nn.percent(chances.data[answer])}): ${judged}.`);
  }

  function change(changed) {
    ({ norm = norm, factor = factor, batch = batch } = changed);
    show();
    nn.remember({ norm, times: factor, batch: batch.join("") });
  }

  // Four places, each with its image and a list to choose from.
  batch.forEach((_, place) => {
    const label = place ? `Other ${place}` : "Asked";
    const options = Array.from({ length: KINDS }, (_, kind) => `<option>${kind}</option>`);
    find("batch").insertAdjacentHTML("beforeend", `<label>
      <canvas id="nn-image${place}" role="img" aria-label="Image ${place + 1}" style="width: 72px;
      height: 72px; image-rendering: pixelated; display: block"></canvas>
      ${label}<br><select id="nn-digit${place}">${options.join("")}</select></label>`);
    find(`digit${place}`).onchange = (event) =>
      change({ batch: batch.with(place, Number(event.target.value)) });
  });
  nn.addBars(find("bars"), Array.from({ length: KINDS }, (_, kind) => kind));
  nn.onRadios("norm", (value) => change({ norm: value }));
  find("times").oninput = (event) => change({ factor: FACTORS[event.target.value] });

  const asked = nn.settings();
  if (Object.hasOwn(NAMES, asked.norm)) norm = asked.norm;
  if (FACTORS.includes(Number(asked.times))) factor = Number(asked.times);
  if (/^\d{4}$/.test(asked.batch)) batch = [...asked.batch].map(Number);
  show();
})();

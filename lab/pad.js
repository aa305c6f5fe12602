// Strokes of mouse, finger or pen: lists of points in [0, 1], sent as they grow.
function render({ model, el }) {
  el.innerHTML = `<canvas width=280 height=280 role=img style="touch-action: none;
    background: white; border: 2px solid gray; cursor: crosshair; max-width: 100%"
    aria-label="Draw a digit here, or choose an unseen one by its number"></canvas>
    <br><button style="border: 1px solid gray; border-radius: 4px; padding: 4px"
    >Clear</button>`;
  const [pad, clear] = [el.querySelector("canvas"), el.querySelector("button")];
  const pen = pad.getContext("2d");
  let strokes = [], finger = null, sent = 0, box;  // the page may move as one draws
  Object.assign(pen, { lineWidth: 16, lineCap: "round", lineJoin: "round" });
  function paint() {
    pen.clearRect(0, 0, 280, 280);
    for (const stroke of strokes) {
      pen.beginPath();
      pen.moveTo(280 * stroke[0][0], 280 * stroke[0][1]);
      for (const [x, y] of stroke) pen.lineTo(280 * x, 280 * y);
      pen.stroke();
    }
  }
  function send() {
    sent = Date.now();
    model.set("strokes", structuredClone(strokes));
    model.save_changes();
  }
  function add(event) {
    const last = strokes.at(-1).at(-1);
    const x = (event.clientX - box.left) / box.width;
    const y = (event.clientY - box.top) / box.height;
    if (last && Math.hypot(x - last[0], y - last[1]) < 0.01) return;
    if (strokes.flat().length < 2000) strokes.at(-1).push([x, y]);
    paint();
  }
  pad.onpointerdown = (event) => {
    if (finger !== null || strokes.flat().length >= 2000) return;
    pad.setPointerCapture((finger = event.pointerId));
    box = pad.getBoundingClientRect();
    strokes.push([]);
    add(event);
  };
  pad.onpointermove = (event) => {
    if (event.pointerId !== finger) return;
    add(event);
    if (Date.now() - sent > 200) send();
  };
  pad.onpointerup = pad.onpointercancel = (event) => {
    if (event.pointerId === finger) { finger = null; send(); }
  };
  clear.onclick = () => { strokes = []; paint(); send(); };
  const receive = () => {
    if (finger !== null) return;
    strokes = structuredClone(model.get("strokes"));
    paint();
  };
  model.on("change:strokes", receive);
  receive();
}
export default { render };

"""A pad to draw a digit on, and the drawing in the form that a network knows."""

import anywidget
import torch
import torch.nn.functional as F
import traitlets


class Pad(anywidget.AnyWidget):
    """Strokes of mouse, finger or pen: lists of points in [0, 1], sent as they grow."""

    strokes = traitlets.List([]).tag(sync=True)
    _esm = """
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
    """


def fit(strokes: list, mnist: bool) -> torch.Tensor | None:
    """The drawing, (1, 1, 28, 28), made as the training data were; None: only a dot.

    A digit of MNIST is 20 pixels long, its centre of mass in the middle. A small one
    is 32 high, 20 wide, and in each block of 4 x 4 the ink was counted.
    """
    size, pen, box = (28, 2.5, (20, 20)) if mnist else (32, 5.5, (20, 32))
    ends = torch.tensor([p for stroke in strokes for p in stroke])  # (L, 2)
    starts = torch.tensor([p for stroke in strokes for p in [stroke[0], *stroke[:-1]]])
    low, high = ends.amin(dim=0), ends.amax(dim=0)
    longest = (high - low).max()
    if longest < 0.05:
        return None
    x, y = (torch.tensor(box) - pen) / (high - low).clamp(min=longest / 4)
    scale = torch.stack([min(x, y), min(x, y) if mnist else y])
    length = (ends - starts).norm(dim=1, keepdim=True)
    mass = ((starts + ends) / 2 * length).sum(dim=0) / length.sum()
    middle = mass if mnist else (low + high) / 2
    starts, ends = ((p - middle) * scale + size / 2 for p in (starts, ends))
    grid = torch.arange(size) + 0.5
    pixels = torch.cartesian_prod(grid, grid).flip(1)[:, None]  # (P, 1, 2)
    way = ends - starts
    part = ((pixels - starts) * way).sum(dim=2) / (way.square().sum(dim=1) + 1e-9)
    nearest = starts + part.clamp(0, 1)[..., None] * way  # (P, L, 2)
    ink = (pen / 2 + 0.5 - (pixels - nearest).norm(dim=2).amin(dim=1)).clamp(0, 1)
    image = ink.view(1, 1, size, size)
    if mnist:
        return image
    return F.interpolate(F.avg_pool2d(image, 4), size=28, mode="bilinear")

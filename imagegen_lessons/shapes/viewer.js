// The interactive view of meshes: WebGL 2 and nothing else. `id` finds its figure, `scene` says what is in `packed`.
(async (id, scene, packed) => {
  const figure = document.querySelector(`[data-view="${id}"]:not([data-started])`);
  if (!figure || !window.DecompressionStream) return;
  figure.dataset.started = "yes";
  const [still, keys] = [figure.querySelector(".still"), figure.querySelector("figcaption")];
  const canvas = document.createElement("canvas");
  const gl = canvas.getContext("webgl2", {antialias: true});
  if (!gl) return; // the still stays

  // The numbers: packed as differences of neighbours, which are small and compress well.
  const bytes = Uint8Array.from(atob(packed), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const numbers = new Uint16Array(await new Response(stream).arrayBuffer());
  for (let i = 1; i < numbers.length; i++) numbers[i] += numbers[i - 1];
  let start = 0;
  const triples = count => { // x of all, y of all, z of all -> x y z, x y z, …
    const out = new Uint16Array(3 * count);
    for (let k = 0; k < 3; k++) for (let i = 0; i < count; i++) out[3 * i + k] = numbers[start++];
    return out;
  };

  const compile = (kind, text) => {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, "#version 300 es\nprecision highp float;\n" + text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  };
  const program = gl.createProgram();
  compile(gl.VERTEX_SHADER, `
    in vec3 part; uniform vec3 low, size, sun; uniform mat4 camera; uniform float flatten; out vec3 world;
    void main() {
      world = low + size * part;
      if (flatten > 0.0) world = vec3(world.xz - sun.xz * (world.y / sun.y), 0.0).xzy; // its shadow
      gl_Position = camera * vec4(world, 1.0);
    }`);
  compile(gl.FRAGMENT_SHADER, `
    in vec3 world; uniform vec3 colour, sun; uniform vec4 middle; uniform float ground; out vec4 pixel;
    void main() {
      vec3 n = ground > 0.0 ? vec3(0, 1, 0) : normalize(cross(dFdx(world), dFdy(world)));
      float lit = ground > 1.0 ? 0.0 : max(dot(n, sun), 0.0); // 2 is ground in shadow
      float up = 0.5 + 0.5 * n.y;
      vec3 light = vec3(3.6, 3.0, 2.2) * lit + vec3(0.50, 0.66, 0.92) * (0.25 + 0.75 * up); // as in shading.py
      light += (1.0 - up) * vec3(0.15, 0.24, 0.07);
      light *= pow(colour, vec3(2.2));
      vec3 seen = pow(light * (1.0 + light / 9.0) / (1.0 + light), vec3(1.0 / 2.2));
      float far = length(world.xz - middle.xz) / middle.w;
      float solid = ground > 0.0 ? 1.0 - smoothstep(1.5, 5.0, far) : 1.0; // the ground fades into the sky
      pixel = vec4(seen * solid, solid);
    }`);
  gl.bindAttribLocation(program, 0, "part");
  gl.linkProgram(program);
  gl.useProgram(program);
  const set = new Proxy({}, {get: (_, name) => gl.getUniformLocation(program, name)});

  const upload = (vertices, faces) => {
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, vertices, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 3, gl.UNSIGNED_SHORT, true, 0, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, faces, gl.STATIC_DRAW);
    return {array, count: faces.length};
  };
  const parts = scene.parts.map(p => ({...upload(triples(p.vertices), triples(p.faces)), colour: p.colour}));
  const F = 65535;
  const lawn = upload(new Uint16Array([0, 0, 0, F, 0, 0, 0, 0, F, F, 0, F]), new Uint16Array([0, 2, 1, 1, 2, 3]));

  const {low, size} = scene;
  const middle = low.map((a, i) => a + size[i] / 2), radius = Math.hypot(...size) / 2;
  const begin = {azimuth: scene.azimuth, elevation: 20, distance: 3.1 * radius};
  let now = {...begin};

  const camera = () => {
    const [a, e] = [now.azimuth, now.elevation].map(x => x * Math.PI / 180);
    const [ca, sa, ce, se] = [Math.cos(a), Math.sin(a), Math.cos(e), Math.sin(e)];
    const axes = [[ca, 0, -sa], [-sa * se, ce, -ca * se], [sa * ce, se, ca * ce]]; // right, up, back
    const eye = middle.map((m, i) => m + now.distance * axes[2][i]);
    const f = 1 / Math.tan(20 * Math.PI / 180), wide = canvas.width / canvas.height; // 40 degrees from top to bottom
    const near = radius / 20, far = 60 * radius;
    const rows = axes.map(x => [...x, -x.reduce((sum, part, i) => sum + part * eye[i], 0)]);
    const scaled = [rows[0].map(x => x * f / wide), rows[1].map(x => x * f)];
    const depth = rows[2].map(x => x * (far + near) / (near - far));
    depth[3] += 2 * far * near / (near - far);
    const all = [...scaled, depth, rows[2].map(x => -x)];
    return [0, 1, 2, 3].flatMap(column => all.map(row => row[column]));
  };
  const draw = () => {
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix4fv(set.camera, false, camera());
    gl.uniform3fv(set.sun, scene.sun);
    gl.uniform4f(set.middle, ...middle, radius);
    const show = (part, colour, ground, flatten, from = low, by = size) => {
      gl.bindVertexArray(part.array);
      gl.uniform3fv(set.colour, colour);
      gl.uniform3fv(set.low, from);
      gl.uniform3fv(set.size, by);
      gl.uniform1f(set.ground, ground);
      gl.uniform1f(set.flatten, flatten);
      gl.drawElements(gl.TRIANGLES, part.count, gl.UNSIGNED_SHORT, 0);
    };
    gl.disable(gl.DEPTH_TEST); // one never looks from below, so what lies on the ground is behind everything
    const corner = [middle[0] - 6 * radius, 0, middle[2] - 6 * radius];
    show(lawn, scene.ground, 1, 0, corner, [12 * radius, 0, 12 * radius]);
    for (const part of parts) show(part, scene.ground, 2, 1);
    gl.enable(gl.DEPTH_TEST);
    for (const part of parts) show(part, part.colour, 0, 0);
  };
  let waiting = false;
  const redraw = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(); });
  };
  const move = (right, up, closer) => {
    now.azimuth += right;
    now.elevation = Math.min(85, Math.max(2, now.elevation + up));
    now.distance = Math.min(8 * radius, Math.max(1.2 * radius, now.distance * closer));
    redraw();
  };

  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", figure.dataset.alt);
  canvas.tabIndex = 0;
  canvas.style.cssText = `display:block;width:100%;aspect-ratio:${scene.width}/${scene.height};touch-action:pan-y;cursor:grab;`
    + "background:linear-gradient(#5c93d3,#d6e6f2 60%);border-radius:4px";
  canvas.onfocus = () => { canvas.style.outline = "3px solid #1a73e8"; };
  canvas.onblur = () => { canvas.style.outline = "none"; };
  const turns = {ArrowLeft: [-10, 0, 1], ArrowRight: [10, 0, 1], ArrowUp: [0, 8, 1], ArrowDown: [0, -8, 1],
    "+": [0, 0, 0.87], "=": [0, 0, 0.87], "-": [0, 0, 1.15]};
  canvas.onkeydown = event => {
    if (event.key === "0") now = {...begin};
    else if (!turns[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    move(...(turns[event.key] || [0, 0, 1]));
    event.preventDefault();
    event.stopPropagation(); // a notebook would go to the next cell
  };
  canvas.onpointerdown = event => { canvas.setPointerCapture(event.pointerId); canvas.focus({preventScroll: true}); };
  canvas.onpointermove = event => { if (event.buttons) move(-event.movementX * 0.5, event.movementY * 0.4, 1); };
  canvas.addEventListener("wheel", event => {
    if (document.activeElement !== canvas) return; // the page scrolls until the view is chosen
    event.preventDefault();
    move(0, 0, event.deltaY > 0 ? 1.08 : 0.93);
  }, {passive: false});
  canvas.addEventListener("webglcontextlost", () => canvas.replaceWith(still)); // a browser keeps about 16 of them

  still.replaceWith(canvas);
  keys.textContent = "Drag, or press the arrow keys, to turn it; + and − to come closer and go away; 0 to start anew.";
  const fit = () => {
    const dense = Math.min(window.devicePixelRatio || 1, 2), width = canvas.clientWidth || scene.width;
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(width * dense * scene.height / scene.width);
    draw();
  };
  new ResizeObserver(fit).observe(canvas);
  fit();
})

// Draws every chart of a page from its Vega-Lite spec. The interpreter (ast: true) evaluates expressions
// without eval, so the strict content security policy holds. Without this script the tables remain.
"use strict";
(() => {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;

  function showTip(_handler, event, _item, value) {
    tip.hidden = !value;
    if (!value) return;
    tip.replaceChildren(
      ...Object.entries(value).map(([name, text]) => {
        const row = document.createElement("p");
        const key = document.createElement("span");
        key.textContent = name;
        row.append(key, String(text));
        return row;
      }),
    );
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, room))}px`;
    tip.style.top = `${event.clientY + 16}px`;
  }

  async function draw(box) {
    const answer = await fetch(box.dataset.chart, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(`the chart's data answered ${answer.status}`);
    await window.vegaEmbed(box, await answer.json(), {
      mode: "vega-lite",
      renderer: "svg",
      ast: true,
      actions: false,
      defaultStyle: false,
      tooltip: showTip,
    });
    box.dataset.drawn = "yes";
  }

  function fallBack(box, error) {
    box.dataset.drawn = "no";
    box.textContent = `The chart could not be drawn (${error.message}); the table holds its numbers.`;
    box.parentElement.querySelector("details.table")?.setAttribute("open", "");
  }

  document.body.append(tip);
  for (const box of document.querySelectorAll("[data-chart]")) {
    draw(box).catch((error) => fallBack(box, error));
  }
})();

/* The charts of the admin's first page: bars of answered requests with the failed ones on top, drawn by uPlot. */
"use strict";

const drawn = JSON.parse(document.getElementById("chart-data").textContent);
const language = document.documentElement.lang || "en";

function colour(element, name) {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

function when(unix, by) {
  const options = by === "hours" ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : { month: "short", day: "numeric" };
  return new Date(unix * 1000).toLocaleString(language, { ...options, timeZone: "UTC" });
}

function chart(element) {
  const by = element.dataset.of;
  const { began, requests, errors } = drawn[by];
  const answered = requests.map((count, place) => count - errors[place]);
  const bars = uPlot.paths.bars({ size: [0.7, 40], align: 0 });
  const axis = { stroke: colour(element, "--soft"), grid: { stroke: colour(element, "--line"), width: 1 }, ticks: { show: false }, font: "12px Inter, sans-serif" };
  const good = colour(element, "--accent");
  const bad = colour(element, "--bad");
  const places = began.map((_, place) => place);
  const steps = by === "hours" ? (element.clientWidth < 420 ? 6 : 4) : 7;
  const options = {
    width: element.clientWidth,
    height: 170,
    legend: { live: true },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { x: { time: false, range: [-0.6, began.length - 0.4] }, y: { range: (plot, least, most) => [0, Math.max(1, most * 1.1)] } },
    series: [
      { label: "UTC", value: (plot, place) => (place == null ? "–" : when(began[place], by)) },
      // All of them first, then those that were answered over it: what is left to see on top has failed.
      { label: element.dataset.errors, fill: bad, stroke: bad, paths: bars, points: { show: false }, value: (plot, value, series, place) => (place == null ? "–" : errors[place].toLocaleString(language)) },
      { label: element.dataset.requests, fill: good, stroke: good, paths: bars, points: { show: false }, value: (plot, value, series, place) => (place == null ? "–" : answered[place].toLocaleString(language)) },
    ],
    axes: [
      { ...axis, grid: { show: false }, splits: () => places.filter((place) => (began.length - 1 - place) % steps === 0), values: (plot, splits) => splits.map((place) => when(began[place], by)) },
      { ...axis, size: 48, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6], values: (plot, splits) => splits.map((value) => value.toLocaleString(language, { notation: "compact" })) },
    ],
  };
  element.replaceChildren();
  // A bar of nothing would still show its edge.
  const some = (counts) => counts.map((count) => count || null);
  return new uPlot(options, [places, some(requests), some(answered)], element);
}

const charts = new Map();

function drawAll() {
  for (const element of document.querySelectorAll(".desk-chart")) {
    charts.get(element)?.destroy();
    charts.set(element, chart(element));
  }
}

drawAll();
// The admin's switch between light and dark changes the colours that were read.
new MutationObserver(drawAll).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const plot = charts.get(target);
    if (plot && target.clientWidth && plot.width !== target.clientWidth) plot.setSize({ width: target.clientWidth, height: 170 });
  }
});
for (const element of document.querySelectorAll(".desk-chart")) sizes.observe(element);

// Bars by day, drawn by uPlot from the JSON in the page, in the colours of the page. The tables say the same in words.
"use strict";

// Asked of an element, for a variable may hold a colour for the day and one for the night.
function colour(name) {
    const probe = document.body.appendChild(document.createElement("i"));
    probe.className = `in-${name}`;
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
}
const short = number => new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 }).format(number);
const drawn = new Map();

function draw(figure) {
    drawn.get(figure)?.destroy();
    const data = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
    const axis = { stroke: colour("quiet"), grid: { show: false }, ticks: { show: false }, font: "12px system-ui" };
    const label = figure.querySelector("figcaption").textContent;
    drawn.set(figure, new uPlot({
        width: figure.clientWidth,
        height: 160,
        tzDate: seconds => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        scales: { y: { range: (chart, low, high) => [0, Math.max(high, 1e-6) * 1.1] } },
        axes: [
            { ...axis, space: 70, values: (chart, ticks) => ticks.map(tick => new Date(tick * 1000).toLocaleDateString(document.documentElement.lang, { timeZone: "UTC", month: "short", day: "numeric" })) },
            { ...axis, size: 52, grid: { stroke: colour("line"), width: 1 }, values: (chart, ticks) => ticks.map(short) },
        ],
        series: [
            {},
            { label, fill: colour("accent"), stroke: colour("accent"), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.7, 28] }) },
        ],
    }, [data.days, data[figure.dataset.series]], figure));
    const canvas = figure.querySelector("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${label}: ${data[figure.dataset.series].map(short).join(", ")}`);
}

const charts = [...document.querySelectorAll("figure[data-chart]")];
const drawAll = () => charts.forEach(draw);
drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
let waiting;
addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(drawAll, 100); });

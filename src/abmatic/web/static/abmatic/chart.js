// Bar charts of reports. The table beside a chart says the same, so without JavaScript nothing is missing.
// Tooltips are drawn on the canvas: as HTML they would carry style attributes, which the page's policy refuses.

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The picture in the colours of the theme. */
function picture(data, wide) {
  const text = color("--text"), soft = color("--soft"), line = color("--line");
  const numbers = new Intl.NumberFormat(document.documentElement.dataset.locale || undefined, { maximumFractionDigits: 2 });
  const bars = [{ name: "This period", type: "bar", data: data.now, itemStyle: { color: color("--tblr-primary") } }];
  if (data.before.length) bars.push({ name: "Period before", type: "bar", data: data.before, itemStyle: { color: color("--line-strong") } });
  return {
    animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    textStyle: { fontFamily: "system-ui, sans-serif", color: text },
    grid: { left: 8, right: 24, top: data.before.length ? 36 : 12, bottom: 8, containLabel: true },
    legend: data.before.length ? { left: 8, top: 4, textStyle: { color: soft } } : undefined,
    tooltip: {
      trigger: "axis", renderMode: "richText", axisPointer: { type: "shadow" }, valueFormatter: (value) => numbers.format(value),
      backgroundColor: color("--panel"), borderColor: line, textStyle: { color: text },
    },
    xAxis: { type: "value", axisLabel: { color: soft, hideOverlap: true, formatter: (value) => numbers.format(value) }, splitLine: { lineStyle: { color: line } } },
    yAxis: {
      type: "category", inverse: true, data: data.names, axisTick: { show: false }, axisLine: { lineStyle: { color: line } },
      axisLabel: { color: text, width: wide, overflow: "truncate" },
    },
    series: bars,
  };
}

for (const place of document.querySelectorAll("[data-chart]")) {
  const data = JSON.parse(document.getElementById(place.dataset.chart).textContent);
  place.style.height = `${60 + data.names.length * (data.before.length ? 44 : 32)}px`;
  const chart = echarts.init(place, null, { renderer: "canvas" });
  // A quarter for names, which are long where campaigns have their type and date in them.
  const draw = () => chart.setOption(picture(data, Math.max(120, place.clientWidth / 4)));
  draw();
  addEventListener("resize", () => { chart.resize(); draw(); });
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
}

// The trend of a score. The table below the chart says the same, so without JavaScript nothing is missing.
// Tooltips are drawn on the canvas: as HTML they would carry style attributes, which the page's policy refuses.

{
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** The picture in the colours of the theme. */
  const picture = (data) => {
    const text = color("--text"), soft = color("--soft"), line = color("--line");
    return {
      animation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      textStyle: { fontFamily: "system-ui, sans-serif", color: text },
      grid: { left: 8, right: 24, top: 16, bottom: 8, containLabel: true },
      tooltip: { trigger: "axis", renderMode: "richText", backgroundColor: color("--panel"), borderColor: line, textStyle: { color: text } },
      xAxis: { type: "category", boundaryGap: false, data: data.days, axisLabel: { color: soft, hideOverlap: true }, axisLine: { lineStyle: { color: line } } },
      yAxis: { type: "value", min: 0, max: 100, interval: 50, axisLabel: { color: soft }, splitLine: { lineStyle: { color: line } } },
      series: [{ name: "Score", type: "line", showSymbol: false, data: data.scores, itemStyle: { color: color("--tblr-primary") }, areaStyle: { opacity: 0.15 } }],
    };
  };

  for (const place of document.querySelectorAll("[data-trend]")) {
    const data = JSON.parse(document.getElementById(place.dataset.trend).textContent);
    place.style.height = "180px";
    const chart = echarts.init(place, null, { renderer: "canvas" });
    chart.setOption(picture(data));
    addEventListener("resize", () => chart.resize());
    new MutationObserver(() => chart.setOption(picture(data))).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
  }
}

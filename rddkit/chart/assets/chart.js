// Draws the options that package chart writes. It stands in the page once,
// after ECharts; figures wait for window.rddChart.
window.rddChart = (function () {
  "use strict";

  // number writes so many significant digits, with a true minus sign.
  function number(v, digits) {
    return typeof v === "number" ? String(Number(v.toPrecision(digits))).replace("-", "\u2212") : v;
  }

  // values is the text under the pointer: one line for every series.
  function values(option, params) {
    var list = (Array.isArray(params) ? params : [params]).filter(function (p) {
      return !option.series[p.seriesIndex].quiet && p.value && p.value[1] != null && p.value[1] !== "-";
    });
    if (!list.length) return "";
    var axis = option.xAxis[option.series[list[0].seriesIndex].xAxisIndex || 0];
    var x = axis.data ? axis.data[list[0].value[0]] : number(list[0].value[0], 5);
    return axis.name + ": <b>" + x + "</b>" + list.map(function (p) {
      var error = p.value.length > 2 ? " \u00b1 " + number(p.value[2], 2) : "";
      return "<br>" + p.marker + p.seriesName + ": <b>" + number(p.value[1], 5) + "</b>" + error;
    }).join("");
  }

  return function (div, option) {
    option.tooltip.formatter = function (params) { return values(option, params); };
    var chart = echarts.init(div);
    chart.setOption(option);
    if (window.ResizeObserver) new ResizeObserver(function () { chart.resize(); }).observe(div);
    return chart;
  };
})();

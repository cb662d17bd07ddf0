// Draws the options that package chart writes. It stands in the page once,
// after ECharts; figures wait for window.rddChart.
window.rddChart = (function () {
  "use strict";

  // number writes v, whose digits the figure has chosen, with a true minus sign.
  function number(v) {
    return String(v).replace(/-/g, "\u2212");
  }

  // mark writes a number along an axis.
  function mark(v) {
    return Math.abs(v) >= 1e9 || v && Math.abs(v) < 1e-4 ? number(v.toExponential()) : number(v);
  }

  // text is s as HTML that shows just that: names are whatever their writer liked.
  function text(s) {
    return String(s).replace(/[&<>"']/g, function (c) { return "&#" + c.charCodeAt(0) + ";"; });
  }

  // values is the text under the pointer: one line for every series.
  function values(option, params) {
    var list = (Array.isArray(params) ? params : [params]).filter(function (p) {
      return !option.series[p.seriesIndex].quiet && p.value && p.value[1] != null && p.value[1] !== "-";
    });
    if (!list.length) return "";
    var axis = option.xAxis[option.series[list[0].seriesIndex].xAxisIndex || 0];
    var x = axis.data ? axis.data[list[0].value[0]] : number(list[0].value[0]);
    return text(axis.whole || axis.name) + ": <b>" + text(x) + "</b>" + list.map(function (p) {
      var error = p.value[2] != null ? " \u00b1 " + number(Number(p.value[2].toPrecision(2))) : "";
      return "<br>" + p.marker + text(p.seriesName) + ": <b>" + text(number(p.value[1])) + "</b>" + text(error);
    }).join("");
  }

  // shrunk are the texts of an option in a chart that is k times as wide as it was laid out for.
  function shrunk(option, k) {
    function style(s) { return { fontSize: k * s.fontSize, lineHeight: k * s.lineHeight }; }
    function axis(a) { return { nameTextStyle: style(a.nameTextStyle), axisLabel: { fontSize: k * 12 } }; }
    return {
      title: (option.title || []).map(function (t) { return { textStyle: style(t.textStyle) }; }),
      legend: { itemGap: k * 10, itemWidth: k * 25, textStyle: { fontSize: k * 13 } },
      xAxis: option.xAxis.map(axis),
      yAxis: option.yAxis.map(function (a) { return Object.assign(axis(a), { nameGap: k * a.nameGap }); }),
    };
  }

  return function (div, option) {
    option.tooltip.formatter = function (params) { return values(option, params); };
    option.xAxis.concat(option.yAxis || []).forEach(function (axis) {
      if (axis.axisLabel && !axis.data) axis.axisLabel.formatter = mark;
    });
    // ECharts stops every turn of the wheel, also those that zoom nothing: the page is to scroll.
    function pass(event) { if (!event.ctrlKey) event.stopPropagation(); }
    if (div.addEventListener) ["wheel", "mousewheel"].forEach(function (turn) { div.addEventListener(turn, pass, true); });
    div.textContent = ""; // what stood there for readers without scripts
    var chart = echarts.init(div);
    chart.setOption(option);
    var wide = parseFloat(div.style.maxWidth); // as it was laid out
    function fit() {
      chart.resize();
      chart.setOption(shrunk(option, Math.max(0.5, Math.min(1, div.clientWidth / wide) || 1)));
    }
    fit();
    if (window.ResizeObserver) new ResizeObserver(fit).observe(div);
    return chart;
  };
})();

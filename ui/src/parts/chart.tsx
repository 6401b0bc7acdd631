// uPlot in the colours of the page; it is loaded where a chart is first shown.
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import { useColours } from "../theme";

export interface Series {
  label: string;
  values: readonly (number | null)[];
}

const TONES = ["--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5"];

type Drawn = Pick<ChartProps, "series" | "says" | "height" | "bars">;
interface ChartProps {
  /** What it shows, for whoever cannot see it. */
  label: string;
  times: readonly number[];
  series: readonly Series[];
  says: (value: number) => string;
  height?: number;
  bars?: boolean;
}

/** Lines, or bars from the ground up, over Unix seconds.  `says` writes a value. */
export function Chart({ label, times, series, says, height = 200, bars = false }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const colours = useColours();
  useEffect(() => {
    const node = place.current;
    if (node === null) return undefined;
    let plot: uPlot | null = null;
    let over = false;
    void Promise.all([import("uplot"), import("uplot/dist/uPlot.min.css")]).then(([{ default: Plot }]) => {
      const data: uPlot.AlignedData = [[...times], ...series.map((one) => [...one.values])];
      if (!over) plot = new Plot(options(Plot, node, { series, says, height, bars }), data, node);
    });
    const sized = new ResizeObserver(() => plot?.setSize({ width: node.clientWidth, height }));
    sized.observe(node);
    return () => {
      over = true;
      sized.disconnect();
      plot?.destroy();
    };
  }, [times, series, says, height, bars, colours]);
  return <figure class="chart" aria-label={label}><div ref={place} style={{ minHeight: `${height + 30}px` }} /></figure>;
}

function options(Plot: typeof uPlot, node: HTMLElement, { series, says, height = 0, bars = false }: Drawn): uPlot.Options {
  const colour = (name: string) => resolved(node, name);
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
  const path = bars ? Plot.paths.bars?.({ size: [0.7, 40] }) : undefined;
  return {
    width: node.clientWidth,
    height,
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
    axes: [axis, { ...axis, size: 70, values: (_plot, ticks) => ticks.map(says) }],
    series: [
      {},
      ...series.map((one, index): uPlot.Series => {
        const stroke = colour(TONES[index % TONES.length] ?? "--warm");
        const how: uPlot.Series = { label: one.label, stroke, width: 2, points: { show: false } };
        how.value = (_plot, value) => (value === null ? "–" : says(value));
        if (path !== undefined) Object.assign(how, { paths: path, fill: stroke });
        return how;
      }),
    ],
  };
}

/** A token as a canvas takes it: `light-dark()` is resolved by the browser. */
function resolved(node: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  node.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

import { Soon } from "../parts/soon";

export default function Playground() {
  return <Soon title="Playground" cli="glowplug run MODEL" />;
}

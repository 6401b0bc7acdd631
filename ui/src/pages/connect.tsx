import { Soon } from "../parts/soon";

export default function Connect() {
  return <Soon title="Connect" cli="glowplug keys create NAME" />;
}

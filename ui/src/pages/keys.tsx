import { Soon } from "../parts/soon";

export default function Keys() {
  return <Soon title="Keys" cli="glowplug keys list" />;
}

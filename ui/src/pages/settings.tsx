import { Soon } from "../parts/soon";

export default function Settings() {
  return <Soon title="Settings" cli="glowplug changes" />;
}

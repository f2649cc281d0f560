// SPDX-License-Identifier: GPL-2.0-or-later
// See device_steps.hpp.
#include "xapi/plans/device_steps.hpp"

namespace xcp::xapi {

using model::SR;
using model::VBD;
using model::VDI;
using model::VIF;
using model::VM;

std::optional<DiskUse> disk_use(const db::Snapshot& view, const db::Object<VBD>& vbd) {
  if (vbd[VBD::empty]) return std::nullopt;
  const auto vdi = view.find(vbd[VBD::VDI]);
  if (!vdi) return std::nullopt;
  const auto sr = view.get((*vdi)[VDI::SR]);
  const bool read_write = vbd[VBD::mode] == model::VbdMode::RW && !(*vdi)[VDI::read_only] &&
                          vbd[VBD::type] == model::VbdType::Disk;
  return DiskUse{sr[SR::uuid], (*vdi)[VDI::uuid], vbd[VBD::uuid], read_write};
}

void detach_disk(sm::Storage& storage, const DiskUse& use) {
  storage.vdi_detach(use.sr, use.vdi, use.data_path);
}

void add_disk_step(Plan& plan, Services& services, const DiskUse& use, const std::string& device,
                   const StartedPtr& started) {
  plan.step(
      "attach disk " + device, 1,
      [&services, use, started] {
        started->backings.disks[use.data_path] =
            services.storage.vdi_attach(use.sr, use.vdi, use.data_path, use.read_write);
        services.storage.vdi_activate(use.sr, use.vdi, use.data_path);
      },
      [&services, use] { detach_disk(services.storage, use); });
}

network::PortSpec port_spec(const db::Snapshot& view, const db::Object<VIF>& vif) {
  network::PortSpec port;
  port.uuid = vif[VIF::uuid];
  port.network = view.get(vif[VIF::network])[model::network::uuid];
  port.vm = view.get(vif[VIF::VM])[VM::uuid];
  port.device = vif[VIF::device];
  port.mac = vif[VIF::MAC];
  port.mtu = static_cast<int>(vif[VIF::MTU]);
  const auto qos = vif[VIF::qos_algorithm_params];
  if (vif[VIF::qos_algorithm_type] == "ratelimit")
    if (const auto rate = qos.find("kbps"); rate != qos.end())
      port.rate_kbytes_per_s = std::strtoll(rate->second.c_str(), nullptr, 10);
  return port;
}

void add_port_step(Plan& plan, Services& services, const network::PortSpec& port,
                   const StartedPtr& started) {
  plan.step(
      "reserve port " + port.device, 1,
      [&services, port, started] {
        started->backings.ports[port.uuid] = services.network.add_port(port);
      },
      [&services, port] { services.network.remove_port(port.uuid); });
}

}  // namespace xcp::xapi

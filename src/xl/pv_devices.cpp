// SPDX-License-Identifier: GPL-2.0-or-later
// xl vtpm-*, vkb-*, vsnd-*, vdispl-*, channel-list: paravirtual devices that only Xen has.
#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <charconv>

#include "xl/cfg/devices.hpp"
#include "xl/cfg/domain_json.hpp"
#include "xl/refusal.hpp"
#include "xl/verbs.hpp"
#include "xl/xen_text.hpp"

namespace xcp::xl {

namespace {

using hypervisor::XenDevice;
using hypervisor::XenDeviceKind;

constexpr std::int64_t any_devid = -1;
constexpr int status_of_unknown_device = 253;

std::string joined(const Call& call) {
  std::string text;
  for (std::size_t i = 1; i < call.args.size(); ++i) text += (i > 1 ? "," : "") + call.args[i];
  return text;
}

template <class Spec>
int attach(Xl& xl, const Call& call, XenDeviceKind kind, const char* name, Spec device) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  device.devid = any_devid;
  const std::string json = cfg::json_of(device);
  if (xl.settings.dry_run) {
    fmt::print("{}: {}\n\n", name, json);
    return 0;
  }
  xl.xen().attach_device(domain.domid, kind, json);
  return 0;
}

std::optional<std::int64_t> natural(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end || number < 0) return std::nullopt;
  return number;
}

int detach(Xl& xl, const Call& call, XenDeviceKind kind) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  const auto devid = natural(call.args[1]);
  if (!devid || !xl.xen().detach_device(domain.domid, kind, *devid))
    throw refusal(fmt::format("Error: Device {} not connected.", call.args[1]),
                  status_of_unknown_device);
  return 0;
}

}  // namespace

int list_devices(Xl& xl, const Call& call, XenDeviceKind kind) {
  fmt::print("{}", device_head(kind));
  const std::vector<XenDomain> domains = xl.xen().domains();
  for (const std::string& name : call.args) {
    const auto domain = std::find_if(domains.begin(), domains.end(), [&](const XenDomain& one) {
      return one.name == name || std::to_string(one.domid) == name;
    });
    if (domain == domains.end()) {
      // This one list of every xl ends with 1.
      if (kind == XenDeviceKind::vkb && !natural(name)) xl.find_xen(name);
      // A number may be one of a domain that was; it has no devices.
      if (!natural(name)) fmt::print(stderr, "{} is an invalid domain identifier\n", name);
      continue;
    }
    for (const XenDevice& device : xl.xen().devices(domain->domid, kind))
      fmt::print("{}", device_row(kind, device));
  }
  return 0;
}

int channel_list(Xl& xl, const Call& call) {
  return list_devices(xl, call, XenDeviceKind::channel);
}
int vtpm_list(Xl& xl, const Call& call) {
  return list_devices(xl, call, XenDeviceKind::vtpm);
}
int vkb_list(Xl& xl, const Call& call) {
  return list_devices(xl, call, XenDeviceKind::vkb);
}
int vsnd_list(Xl& xl, const Call& call) {
  return list_devices(xl, call, XenDeviceKind::vsnd);
}
int vdispl_list(Xl& xl, const Call& call) {
  return list_devices(xl, call, XenDeviceKind::vdispl);
}

int vtpm_attach(Xl& xl, const Call& call) {
  cfg::Vtpm vtpm;
  for (std::size_t i = 1; i < call.args.size(); ++i) {
    const std::string& word = call.args[i];
    if (word.starts_with("uuid=")) {
      vtpm.uuid = word.substr(5);
      if (!cfg::is_uuid(*vtpm.uuid))
        throw refusal(fmt::format("Invalid uuid specified ({})", *vtpm.uuid));
    } else if (word.starts_with("backend=")) {
      vtpm.backend_domname = word.substr(8);
    } else {
      throw refusal(fmt::format("unrecognized argument `{}'", word));
    }
  }
  // Nobody serves a TPM in domain 0; libxl would wait for it in vain.
  if (vtpm.backend_domname.empty())
    throw refusal("vtpm-attach: backend=DOMAIN is needed, the domain that serves the TPM");
  return attach(xl, call, XenDeviceKind::vtpm, "vtpm", vtpm);
}

int vkb_attach(Xl& xl, const Call& call) {
  return attach(xl, call, XenDeviceKind::vkb, "vkb", cfg::parse_vkb(joined(call)));
}

int vsnd_attach(Xl& xl, const Call& call) {
  return attach(xl, call, XenDeviceKind::vsnd, "vsnd",
                cfg::parse_vsnd({call.args.begin() + 1, call.args.end()}));
}

int vdispl_attach(Xl& xl, const Call& call) {
  return attach(xl, call, XenDeviceKind::vdispl, "vdispl", cfg::parse_vdispl(joined(call)));
}

int vtpm_detach(Xl& xl, const Call& call) {
  const XenDomain domain = xl.find_xen(call.args[0]);
  const std::string& wanted = call.args[1];
  for (const XenDevice& device : xl.xen().devices(domain.domid, XenDeviceKind::vtpm))
    if (std::to_string(device.devid) == wanted ||
        strcasecmp(device.id.c_str(), wanted.c_str()) == 0) {
      xl.xen().detach_device(domain.domid, XenDeviceKind::vtpm, device.devid);
      return 0;
    }
  throw refusal(fmt::format("Unknown device {}.", wanted));
}

int vkb_detach(Xl& xl, const Call& call) {
  return detach(xl, call, XenDeviceKind::vkb);
}
int vsnd_detach(Xl& xl, const Call& call) {
  return detach(xl, call, XenDeviceKind::vsnd);
}
int vdispl_detach(Xl& xl, const Call& call) {
  return detach(xl, call, XenDeviceKind::vdispl);
}

}  // namespace xcp::xl

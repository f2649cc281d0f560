// SPDX-License-Identifier: GPL-2.0-or-later
// How HostLinks slows a port down. What a guest sends enters the host at its port, and what enters
// can only be led elsewhere: to an intermediate device (ifb), where it leaves again through a token
// bucket (tbf). Packets wait there instead of being dropped, which is kinder to TCP than a policer.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "base/failure.hpp"
#include "ovs-integration/host/links.hpp"

namespace xcp::network {

namespace {

using netlink::Request;

constexpr std::uint32_t ingress_handle = 0xffff0000;
constexpr std::uint8_t ethernet_link_layer = 1;  // TC_LINKLAYER_ETHERNET of the kernel

Failure lacking(const std::string& port, const char* what, int error) {
  return internal_error(fmt::format(
      "cannot limit the rate of {}: {}: {}; the kernel needs ifb, sch_ingress, sch_tbf, cls_u32 "
      "and act_mirred",
      port, what, std::strerror(error)));
}

tcmsg tc_header(int index, std::uint32_t parent) {
  tcmsg header{};
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = index;
  header.tcm_parent = parent;
  return header;
}

}  // namespace

void HostLinks::make_shaper(const std::string& name, const std::string& alias) {
  if (const auto present = find(name)) {
    if (present->alias == alias) return;
    if (!present->alias.empty() || present->kind != "ifb")
      throw internal_error(name + " is there already and is not ours");
  } else {
    std::lock_guard lock(mutex_);
    Request make(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
    make.put_text(IFLA_IFNAME, name);
    const std::size_t info = make.begin(IFLA_LINKINFO);
    make.put_text(IFLA_INFO_KIND, "ifb");
    make.end(info);
    if (const int error = socket_.try_request(std::move(make))) throw lacking(name, "ifb", error);
  }
  const auto made = find(name);
  if (!made) throw internal_error(name + " vanished while it was being made");
  set_alias(*made, alias);
}

void HostLinks::set_rate(const Link& shaper, std::int64_t bytes_per_s) {
  constexpr std::int64_t smallest_burst = 16384;
  constexpr std::int64_t longest_wait_fraction = 20;  // of a second: 50 ms
  const auto rate = static_cast<std::uint64_t>(bytes_per_s);
  const auto burst = static_cast<std::uint32_t>(std::clamp<std::int64_t>(
      bytes_per_s / 100, smallest_burst, std::numeric_limits<std::int32_t>::max()));
  tc_tbf_qopt options{};
  options.rate.linklayer = ethernet_link_layer;
  options.rate.rate = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(rate, std::numeric_limits<std::uint32_t>::max()));
  options.limit = static_cast<std::uint32_t>(std::min<std::int64_t>(
      burst + bytes_per_s / longest_wait_fraction, std::numeric_limits<std::uint32_t>::max()));
  tcmsg header = tc_header(shaper.index, TC_H_ROOT);
  header.tcm_handle = 0x10000;
  Request request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, header);
  request.put_text(TCA_KIND, "tbf");
  const std::size_t begun = request.begin(TCA_OPTIONS);
  request.put_value(TCA_TBF_PARMS, options).put_value(TCA_TBF_BURST, burst);
  if (rate > std::numeric_limits<std::uint32_t>::max()) request.put_value(TCA_TBF_RATE64, rate);
  request.end(begun);
  std::lock_guard lock(mutex_);
  if (const int error = socket_.try_request(std::move(request)))
    throw lacking(shaper.name, "token bucket", error);
}

void HostLinks::redirect(const Link& port, const Link& shaper) {
  std::lock_guard lock(mutex_);
  tcmsg qdisc = tc_header(port.index, TC_H_INGRESS);
  qdisc.tcm_handle = ingress_handle;
  Request ingress(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, qdisc);
  ingress.put_text(TCA_KIND, "ingress");
  // There already from an earlier activation: then so is the filter, to be replaced below.
  if (const int error = socket_.try_request(std::move(ingress)); error != 0 && error != EEXIST)
    throw lacking(port.name, "ingress", error);

  tc_u32_sel selector{};
  selector.flags = TC_U32_TERMINAL;
  selector.nkeys = 1;
  const tc_u32_key everything{};  // an empty mask
  std::string match(reinterpret_cast<const char*>(&selector), sizeof(selector));
  match.append(reinterpret_cast<const char*>(&everything), sizeof(everything));
  tc_mirred action{};
  action.action = TC_ACT_STOLEN;
  action.eaction = TCA_EGRESS_REDIR;
  action.ifindex = static_cast<std::uint32_t>(shaper.index);

  tcmsg header = tc_header(port.index, ingress_handle);
  header.tcm_handle = 0x80000800;  // the first filter of the first table: replaced, not added to
  header.tcm_info = TC_H_MAKE(1u << 16, htons(ETH_P_ALL));
  Request filter(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE, header);
  filter.put_text(TCA_KIND, "u32");
  const std::size_t options = filter.begin(TCA_OPTIONS);
  filter.put(TCA_U32_SEL, match);
  const std::size_t actions = filter.begin(TCA_U32_ACT);
  const std::size_t first = filter.begin(1);
  filter.put_text(TCA_ACT_KIND, "mirred");
  const std::size_t parameters = filter.begin(TCA_ACT_OPTIONS);
  filter.put_value(TCA_MIRRED_PARMS, action);
  filter.end(parameters);
  filter.end(first);
  filter.end(actions);
  filter.end(options);
  if (const int error = socket_.try_request(std::move(filter)))
    throw lacking(port.name, "redirection", error);
}

void HostLinks::shape(const Link& port, const std::string& shaper, const std::string& alias,
                      std::int64_t bytes_per_s) {
  make_shaper(shaper, alias);
  const auto device = find(shaper);
  if (!device) throw internal_error(shaper + " vanished while it was being set up");
  keep_quiet(*device);
  if (device->mtu != port.mtu) set_mtu(*device, port.mtu);
  set_rate(*device, bytes_per_s);
  set_up(*device, true);
  redirect(port, *device);
}

void HostLinks::stop_shaping(const Link& port) {
  std::lock_guard lock(mutex_);
  tcmsg qdisc = tc_header(port.index, TC_H_INGRESS);
  qdisc.tcm_handle = ingress_handle;
  Request request(RTM_DELQDISC, 0, qdisc);
  const int error = socket_.try_request(std::move(request));
  if (error != 0 && error != ENOENT && error != EINVAL && error != ENODEV)
    throw system_failure("cannot stop limiting the rate of " + port.name, error);
}

}  // namespace xcp::network
